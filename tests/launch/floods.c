/* Floods who answers with calls, from many processes at once, which are interrupted, stopped and killed meanwhile, and end in the midst of them.
 *
 * Arguments: how many processes; how many calls each makes; a port of this machine. Prints how many calls did what must not be done. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 65536, SHARING = 4, THREADS = 8 };

static struct sockaddr_in where = {.sin_family = AF_INET};
static const struct sockaddr_un nowhere = {AF_UNIX, "/run/nowhere"};
static const struct sockaddr_in any = {.sin_family = AF_INET};
static const struct sched_param normal;
static char *const words[] = {"nowhere", NULL};
static char stacks[SHARING][STACK];
static volatile int *done;
static int calls;

static void interrupted(int number) { (void)number; }

static int on_a_socket(int family, int turn) {
    int made = socket(family, SOCK_STREAM, 0), found = 0;
    if (turn == 0)
        found = !connect(made, (void *)&where, sizeof where);
    else if (turn == 1)
        found = !connect(made, (void *)&nowhere, sizeof nowhere);
    else
        found = !bind(made, (void *)&any, sizeof any) && !listen(made, 1);
    close(made);
    return found;
}

static int call(int turn) {
    switch (turn % 7) {
    case 0:
        close(socket(AF_INET, SOCK_DGRAM, 0)); /* which may be had, and sends nothing */
        return 0;
    case 1:
        return !close(socket(AF_PACKET, SOCK_RAW, 0));
    case 2:
        return on_a_socket(AF_INET, 0);
    case 3:
        return on_a_socket(AF_UNIX, 1);
    case 4:
        return on_a_socket(AF_INET, 2);
    case 5:
        return !sched_setscheduler(1, SCHED_OTHER, &normal);
    }
    execve("/nowhere", words, NULL);
    return 0;
}

static void *make_calls(void *unused) {
    for (int turn = 0; turn < calls; turn++)
        if (call(turn))
            __sync_fetch_and_add(done, 1);
    return unused;
}

/* A thread that ends without a word, often before it is answered. */
static void *make_one(void *turn) {
    if (call((long)turn))
        __sync_fetch_and_add(done, 1);
    syscall(SYS_exit, 0);
    return NULL;
}

static void in_threads(void) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(threads + i, NULL, make_calls, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void by_ending(void) {
    pthread_t thread;
    for (long turn = 0; turn < calls; turn++)
        if (!pthread_create(&thread, NULL, make_one, (void *)turn))
            pthread_detach(thread);
}

static int close_all(void *unused) {
    for (int i = 0; i < 50 * calls; i++)
        close(3 + i % 40);
    return unused != NULL;
}

/* Its descriptors are taken away while it is given some. */
static void by_sharing(void) {
    for (int i = 0; i < SHARING; i++)
        clone(close_all, stacks[i] + STACK, CLONE_FILES | CLONE_VM | SIGCHLD, NULL);
    make_calls(NULL);
    while (wait(NULL) > 0)
        continue;
}

static void by_vfork(void) {
    for (int turn = 0; turn < calls; turn++) {
        pid_t child = vfork();
        if (!child) {
            execve("/nowhere", words, NULL);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

static void alone(void) { make_calls(NULL); }

static void (*const ways[])(void) = {in_threads, by_ending, by_sharing, by_vfork, alone};

static void torment(const pid_t *processes, int count) {
    for (;; usleep(200)) {
        pid_t one = processes[rand() % count];
        int chance = rand() % 100;
        kill(one, chance < 40 ? SIGUSR1 : chance < 70 ? SIGUSR2 : chance < 98 ? SIGSTOP : SIGKILL);
        usleep(200);
        kill(one, SIGCONT);
    }
}

int main(int count, char **arguments) {
    int processes = atoi(arguments[1]);
    pid_t *started = calloc(processes, sizeof *started);
    calls = atoi(arguments[2]);
    done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(atoi(arguments[count - 1]));
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = interrupted}, NULL);
    sigaction(SIGUSR2, &(struct sigaction){.sa_handler = interrupted, .sa_flags = SA_RESTART}, NULL);
    for (int i = 0; i < processes; i++)
        if (!(started[i] = fork())) {
            ways[i % (sizeof ways / sizeof *ways)]();
            _exit(0);
        }
    pid_t tormentor = fork();
    if (!tormentor)
        torment(started, processes);
    for (int i = 0; i < processes; i++)
        waitpid(started[i], NULL, 0);
    kill(tormentor, SIGKILL);
    return printf("%d\n", *done) < 0;
}
