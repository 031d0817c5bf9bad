/* What a program in C does in the child of a sealed process: exits with the errno of it, 0 if it was done.
 *
 *     attempt connect PORT | write PATH | mode PATH */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int reach(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int caller = socket(AF_INET, SOCK_STREAM, 0);
    return caller < 0 ? -1 : connect(caller, (struct sockaddr *)&address, sizeof address);
}

int main(int count, char **words) {
    int done = -1;
    if (count != 3)
        return 255;
    if (!strcmp(words[1], "connect"))
        done = reach(atoi(words[2]));
    else if (!strcmp(words[1], "write"))
        done = open(words[2], O_WRONLY | O_CREAT, 0600);
    else if (!strcmp(words[1], "mode"))
        done = chmod(words[2], 0600);
    return done < 0 ? errno : 0;
}
