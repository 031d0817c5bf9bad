/* Looks a name up by its C library, and says its first address and what is served at port 80 there. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    char buffer[200], host[64];
    int error = getaddrinfo(argv[1], "80", &hints, &found), made;

    if (error) {
        puts(gai_strerror(error));
        return 1;
    }
    getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, 0, 0, NI_NUMERICHOST);
    printf("%s ", host);
    fflush(stdout);
    made = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(made, found->ai_addr, found->ai_addrlen)) {
        perror("connect");
        return 2;
    }
    dprintf(made, "GET / HTTP/1.0\r\n\r\n");
    for (ssize_t size; (size = read(made, buffer, sizeof buffer)) > 0;)
        fwrite(buffer, 1, size, stdout);
    return 0;
}
