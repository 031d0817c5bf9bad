/* visit ADDRESS PORT: connects; visit - PATH: opens a file to be written. Nothing of it is Python's. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int count, char **words) {
    struct sockaddr_in peer = {.sin_family = AF_INET};
    if (count < 3) return 2;
    if (words[1][0] == '-') return close(open(words[2], O_CREAT | O_WRONLY | O_TRUNC, 0600));
    peer.sin_port = htons(atoi(words[2]));
    inet_pton(AF_INET, words[1], &peer.sin_addr);
    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&peer, sizeof peer);
}
