/* Makes calls that somebody outside has to answer, in ways that make it hard.
 *
 *     asked across PROGRAM BYTES    executes that, with so many bytes of the path before the end of a page and the rest behind it; 0: with nothing behind it
 *     asked memory PORT             names what it connects to from memory of all sorts; prints the errno of each
 *     asked full PORT               makes sockets and connects while it can have no descriptor more, and when it has closed all
 *     asked alone FILE PORT         leaves a child that waits for FILE to be there, calls all that is answered, and writes the errnos beside it
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in where = {.sin_family = AF_INET};
static long page;

static int failed(long result) { return result < 0 ? errno : 0; }
static char *pages(int count, int access) { return mmap(NULL, count * page, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static int across(const char *program, int before) {
    char *start = pages(3, PROT_READ | PROT_WRITE), *path = start + page - before;
    munmap(start + 2 * page, page);
    if (!before) /* up to the last byte that there is */
        path = start + 2 * page - strlen(program) - 1;
    strcpy(path, program);
    execl(path, program, "executed", NULL);
    return printf("%d\n", errno) < 0;
}

static int connecting(const void *address, socklen_t size) {
    int made = socket(AF_INET, SOCK_STREAM, 0), found = failed(connect(made, address, size));
    close(made);
    return found;
}

static int memory(void) {
    char *normal = pages(1, PROT_READ | PROT_WRITE), *split = pages(2, PROT_READ | PROT_WRITE);
    char *unmapped = pages(1, PROT_READ), name[] = "/tmp/asked-XXXXXX", *cut;
    int file = mkstemp(name);
    unlink(name);
    ftruncate(file, page);
    cut = mmap(NULL, page, PROT_READ, MAP_SHARED, file, 0);
    ftruncate(file, 0);
    munmap(unmapped, page);
    munmap(split + page, page);
    memcpy(normal, &where, sizeof where);
    memcpy(split + page - 8, &where, 8);
    mprotect(normal, page, PROT_READ);
    printf("%d ", connecting(normal, sizeof where));
    const char *odd[] = {split + page - 8, unmapped, cut, (char *)1, (char *)-1, (char *)-4096};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        printf("%d ", connecting(odd[i], sizeof where));
    printf("%d %d %d\n", connecting(normal, 0), connecting(normal, 129), connecting(normal, -1));
    return 0;
}

static int full(void) {
    int out = fcntl(1, F_DUPFD, 100), open_too, failures = 0;
    struct rlimit limit = {40, 200};
    setrlimit(RLIMIT_NOFILE, &limit);
    int spare = socket(AF_INET, SOCK_STREAM, 0);
    while ((open_too = dup(0)) >= 0)
        continue;
    for (int i = 0; i < 200; i++)
        failures += failed(socket(AF_INET, SOCK_DGRAM, 0)) == EMFILE;
    int connected = failed(connect(spare, (void *)&where, sizeof where));
    for (int i = 0; i < 100; i++)
        close(i);
    int gone = failed(connect(spare, (void *)&where, sizeof where)), anew = socket(AF_INET, SOCK_DGRAM, 0);
    dprintf(out, "%d %d %d %d\n", failures, connected, gone, anew);
    return 0;
}

/* What becomes of a call, 0 for what becomes of it anyway. */
static int other_than(int usual, long result) { return result < 0 && errno != usual ? errno : 0; }

static int alone(const char *file) {
    char beside[200], ended[200];
    int tcp = socket(AF_INET, SOCK_STREAM, 0), server = socket(AF_INET, SOCK_STREAM, 0), pair[2];
    pid_t child = fork();
    if (child)
        return waitpid(child, NULL, 0) < 0;
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    snprintf(beside, sizeof beside, "%s-begun", file);
    close(creat(beside, 0600));
    while (access(file, F_OK))
        usleep(10000);
    int answers[] = {
        failed(connect(tcp, (void *)&where, sizeof where)),
        failed(socket(AF_INET, SOCK_DGRAM, 0)),
        failed(bind(server, (void *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof where)),
        failed(listen(server, 1)),
        other_than(EISCONN, sendto(pair[0], "x", 1, 0, (void *)&where, sizeof where)),
        failed(setsockopt(tcp, IPPROTO_IP, IP_UNICAST_IF, &(int){0}, sizeof(int))),
        failed(setpriority(PRIO_PROCESS, getpid(), getpriority(PRIO_PROCESS, 0))),
        other_than(ENOENT, execl("/nowhere", "nowhere", NULL)),
    };
    int told = creat(beside, 0600);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        dprintf(told, "%d ", answers[i]);
    snprintf(ended, sizeof ended, "%s-ended", file);
    return rename(beside, ended);
}

int main(int count, char **words) {
    page = sysconf(_SC_PAGESIZE);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(atoi(words[count - 1]));
    if (!strcmp(words[1], "across"))
        return across(words[2], atoi(words[3]));
    if (!strcmp(words[1], "memory"))
        return memory();
    return strcmp(words[1], "full") ? alone(words[2]) : full();
}
