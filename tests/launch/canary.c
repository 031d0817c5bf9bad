/* A program in the place of an interpreter. It answers like one, so that it is asked everything, and tries to leave traces: a file, a
   connection, a process that stays. PLACE, PORT and ANSWER are given when it is compiled. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
    int file = open(PLACE "/canary", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (file >= 0) {
        if (write(file, "ran\n", 4) != 4)
            return 1;
        close(file);
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int caller = socket(AF_INET, SOCK_STREAM, 0);
    if (caller >= 0)
        connect(caller, (struct sockaddr *)&address, sizeof address);
    if (fork() == 0) {
        setsid();
        fclose(stdout);
        fclose(stderr);
        sleep(20);
        return 0;
    }
    fputs(ANSWER, stdout);
    return 0;
}
