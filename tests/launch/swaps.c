/* Connects again and again while other threads swap what is asked for: the address in memory, what its path leads to, and the socket.
 *
 * Arguments: how often; `inet` and two ports of this machine, or `unix`, two paths, and that of a link to be made. Prints how many were connected. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static volatile int going = 1, swapped;
static char **words;
static int family, length;
static union {
    struct sockaddr_in inet;
    struct sockaddr_un local;
    char bytes[128];
} volatile address;

static void *swap_address(void *unused) {
    for (int turn = 0; going; turn = !turn)
        if (family == AF_INET)
            address.inet.sin_port = htons(atoi(words[turn]));
        else
            for (int i = 0; words[turn][i]; i++)
                address.local.sun_path[i] = words[turn][i];
    return unused;
}

static void *swap_link(void *unused) {
    char made[200];
    snprintf(made, sizeof made, "%s.new", words[2]);
    for (int turn = 0; going; turn = !turn)
        if (!symlink(words[turn], made))
            rename(made, words[2]);
    return unused;
}

static void *swap_socket(void *unused) {
    while (going) {
        int other = socket(family, SOCK_STREAM, 0);
        dup2(other, swapped);
        close(other);
    }
    return unused;
}

static int try(int made, const volatile void *where) {
    return connect(made, (const struct sockaddr *)where, length) == 0;
}

int main(int count, char **arguments) {
    words = arguments + 3;
    int connected = 0, times = atoi(arguments[1]);
    struct sockaddr_un link = {AF_UNIX};
    family = strcmp(arguments[2], "inet") ? AF_UNIX : AF_INET;
    length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_un);
    address.inet.sin_family = family;
    swapped = socket(family, SOCK_STREAM, 0);
    if (family == AF_INET) {
        address.inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.inet.sin_port = htons(atoi(words[0]));
    } else {
        strcpy((char *)address.local.sun_path, words[0]);
        strcpy(link.sun_path, words[2]);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, swap_address, NULL);
    pthread_create(&thread, NULL, swap_socket, NULL);
    if (family == AF_UNIX)
        pthread_create(&thread, NULL, swap_link, NULL);
    for (int i = 0; i < times; i++) {
        int made = socket(family, SOCK_STREAM, 0);
        connected += try(made, family == AF_UNIX && i % 2 ? (void *)&link : (void *)&address);
        try(swapped, &address);
        close(made);
    }
    going = 0;
    printf("%d of %d\n", connected, times);
    return count < 5;
}
