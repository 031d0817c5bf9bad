/* Reaches for other processes: its parent, or the first of two pids, and that of the only one. Prints a line for whatever it could do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <errno.h>
#include <unistd.h>

static int in_proc(pid_t pid, const char *name, int flags) {
    char path[64], byte;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int file = open(path, flags);
    return file >= 0 && (flags == O_RDWR || read(file, &byte, 1) == 1);
}
static int sees_environ(pid_t pid) { return in_proc(pid, "environ", O_RDONLY); }
static int sees_maps(pid_t pid) { return in_proc(pid, "maps", O_RDONLY); }
static int writes_mem(pid_t pid) { return in_proc(pid, "mem", O_RDWR); }
static int limits(pid_t pid) {
    struct rlimit limit;
    return !prlimit(pid, RLIMIT_CORE, NULL, &limit) && !prlimit(pid, RLIMIT_CORE, &limit, NULL);
}
static int signals(pid_t pid) { return !kill(pid, 0); }
static int signals_by_pidfd(pid_t pid) {
    int process = syscall(SYS_pidfd_open, pid, 0);
    return process >= 0 && !syscall(SYS_pidfd_send_signal, process, 0, NULL, 0);
}
static int takes_descriptor(pid_t pid) { return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, pid, 0), 0, 0) >= 0; }
static int traces(pid_t pid) {
    return !ptrace(PTRACE_SEIZE, pid, 0, 0) && !ptrace(PTRACE_INTERRUPT, pid, 0, 0) && waitpid(pid, NULL, __WALL) == pid &&
           !ptrace(PTRACE_DETACH, pid, 0, 0);
}
/* Nothing is at that address: who may look is told so. */
static int copies_memory(pid_t pid) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)1, 1};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT;
}

static const struct {
    const char *name;
    int (*act)(pid_t);
} acts[] = {
    {"environ", sees_environ}, {"maps", sees_maps}, {"mem", writes_mem}, {"prlimit", limits}, {"kill", signals},
    {"pidfd", signals_by_pidfd}, {"getfd", takes_descriptor}, {"copy", copies_memory}, {"ptrace", traces},
};

int main(int count, char **words) {
    const struct {
        const char *name;
        pid_t pid;
    } others[] = {{"parent", count > 2 ? atoi(words[1]) : getppid()}, {"bystander", atoi(words[count - 1])}};
    puts("begun");
    for (int i = 0; i < 2; i++)
        for (size_t j = 0; j < sizeof acts / sizeof *acts; j++)
            if (acts[j].act(others[i].pid))
                printf("%s %s\n", others[i].name, acts[j].name);
    if (writes_mem(getpid()))
        puts("own mem");
    return 0;
}
