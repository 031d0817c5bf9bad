/* Reaches for other processes: its parent, or the first of two pids, and that of the only one. Prints a line for whatever it could do. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    int done = file >= 0 && (flags != O_RDONLY || read(file, &byte, 1) == 1);
    close(file);
    return done;
}
static int sees_environ(pid_t pid) { return in_proc(pid, "environ", O_RDONLY); }
static int sees_maps(pid_t pid) { return in_proc(pid, "maps", O_RDONLY); }
static int writes_mem(pid_t pid) { return in_proc(pid, "mem", O_RDWR); }
/* Any of its settings, as oom_score_adj, coredump_filter, clear_refs. */
static int sets(pid_t pid) {
    char path[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d", pid);
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        found += entry->d_type == DT_REG && strcmp(entry->d_name, "mem") && in_proc(pid, entry->d_name, O_WRONLY);
    return found > 2;
}
static int limits(pid_t pid) {
    struct rlimit limit;
    return !prlimit(pid, RLIMIT_CORE, NULL, &limit) && !prlimit(pid, RLIMIT_CORE, &limit, NULL);
}
static int signals(pid_t pid) { return !kill(pid, 0); }
static int signals_by_pidfd(pid_t pid) {
    int process = syscall(SYS_pidfd_open, pid, 0);
    return process >= 0 && !syscall(SYS_pidfd_send_signal, process, 0, NULL, 0);
}
static int signals_a_thread(pid_t pid) {
    siginfo_t info = {.si_code = SI_QUEUE};
    return !syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0, &info);
}
static int signals_with_a_value(pid_t pid) { return !sigqueue(pid, 0, (union sigval){0}); }
static int moves(pid_t pid) {
    cpu_set_t processors;
    return !sched_getaffinity(pid, sizeof processors, &processors) && !sched_setaffinity(pid, sizeof processors, &processors);
}
static int schedules(pid_t pid) { return !sched_setscheduler(pid, SCHED_OTHER, &(struct sched_param){0}); }
static int ranks(pid_t pid) { return !setpriority(PRIO_PROCESS, pid, getpriority(PRIO_PROCESS, pid)); }
static int ranks_input(pid_t pid) { return !syscall(SYS_ioprio_set, 1, pid, 0); }
/* It is told where the first page is not, if it may ask. */
static int asks_for_pages(pid_t pid) {
    void *page = NULL;
    int status = 1;
    return !syscall(SYS_move_pages, pid, 1, &page, NULL, &status, 0);
}
static int moves_pages(pid_t pid) { return syscall(SYS_migrate_pages, pid, 64, &(long){1}, &(long){1}) >= 0; }
static int sees_locks(pid_t pid) { return !syscall(SYS_get_robust_list, pid, &(void *){0}, &(size_t){0}); }
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
    {"pidfd", signals_by_pidfd}, {"getfd", takes_descriptor}, {"copy", copies_memory}, {"ptrace", traces}, {"settings", sets},
    {"queue", signals_with_a_value}, {"thread", signals_a_thread}, {"affinity", moves}, {"scheduler", schedules}, {"priority", ranks},
    {"ioprio", ranks_input}, {"pages", asks_for_pages}, {"migrate", moves_pages}, {"robust", sees_locks},
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
    if (sets(getpid()))
        puts("own settings");
    return 0;
}
