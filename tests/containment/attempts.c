/* What a program in C tries to do: a line for each attempt, its name and the errno it ended with, 0 if it succeeded.
 *
 * Arguments: a file of the user's; the descriptor by which the one program was executed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *file;
static int slot;
static char *const command[] = {"true", NULL}, *const nothing[] = {NULL};

/* Success of a call that made a child, which has ended by then. */
static long waited(long pid) {
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid;
}

/* An exec that succeeds is told by what it leaves behind, so it is made in a child if one can be had. */
static long executed(long (*act)(void)) {
    int status;
    pid_t pid = fork();
    if (pid < 0)
        return act();
    if (!pid) {
        act();
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    errno = WEXITSTATUS(status);
    return errno ? -1 : 0;
}

static long by_fork(void) {
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    return waited(pid);
}
static long by_vfork(void) {
    pid_t pid = vfork();
    if (!pid)
        _exit(0);
    return waited(pid);
}
static long by_clone(void) {
    pid_t pid = syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    if (!pid)
        _exit(0);
    return waited(pid);
}
static long by_spawn(void) {
    pid_t pid;
    errno = posix_spawn(&pid, "/bin/true", NULL, NULL, command, nothing);
    return errno ? -1 : waited(pid);
}
static long by_system(void) { return system("exit 0") ? -1 : 0; }
static long exec_path(void) { return execve("/bin/true", command, nothing); }
static long exec_opened(void) { return fexecve(open("/bin/true", O_RDONLY), command, nothing); }
static long exec_at(const char *name) { return syscall(SYS_execveat, slot, name, command, nothing, AT_EMPTY_PATH); }
/* An absolute path is taken whatever the descriptor. */
static long exec_slot_path(void) { return exec_at("/bin/true"); }
static long exec_slot(void) { return exec_at(""); }
static char *last_byte(void) {
    static const int bits[] = {56, 52, 48, 47, 42, 39, 36};
    long page = sysconf(_SC_PAGESIZE);
    for (int i = 0; i < 7; i++)
        for (int guard = 0; guard < 2; guard++) {
            char *end = (char *)((1UL << bits[i]) - guard * page);
            if (mmap(end - page, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == end - page)
                return end - 1;
        }
    abort();
}
/* The name that the filter lets pass, as it is and with as much of a path as can be there. */
static long exec_last(char content) {
    static char *last;
    if (!last)
        last = last_byte();
    *last = content;
    return exec_at(last);
}
static long exec_last_empty(void) { return exec_last(0); }
static long exec_last_path(void) { return exec_last('/'); }
static long raise_limit(void) {
    struct rlimit limit = {slot + 1, slot + 1};
    return setrlimit(RLIMIT_NOFILE, &limit);
}
static long duplicate(void) { return dup2(0, slot); }
static long duplicate_above(void) { return fcntl(0, F_DUPFD, slot); }

static void *run(void *ignored) { return ignored; }
static long thread(void) {
    pthread_t made;
    errno = pthread_create(&made, NULL, run, NULL);
    return errno ? -1 : pthread_join(made, NULL);
}

static long connect_(void) { return connect(-1, NULL, 0); }
static long udp(void) { return socket(AF_INET6, SOCK_DGRAM, 0); }
static long netlink_(void) { return socket(AF_NETLINK, SOCK_RAW, 0); }
static long listen_(void) { return listen(-1, 1); }
static long pair(int kind) {
    int ends[2];
    return socketpair(AF_UNIX, kind, 0, ends);
}
static long pair_stream(void) { return pair(SOCK_STREAM | SOCK_CLOEXEC); }
static long pair_datagram(void) { return pair(SOCK_DGRAM); }
static long fast_open(void) { return sendto(0, "x", 1, MSG_FASTOPEN, NULL, 0); }

static long seize(void) { return ptrace(PTRACE_SEIZE, 0x7FFFFFFF, 0, 0); }
static long unshared(void) { return unshare(CLONE_NEWUSER); }
static long namespace_(void) { return executed(unshared); }
static long ring(void) { return syscall(SYS_io_uring_setup, 1, memset(alloca(120), 0, 120)); }
static long mount_(void) { return mount((char *)1, (char *)1, NULL, 0, NULL); }
static long type(void) { return syscall(SYS_ioctl, -1, 0xFFFFFFFF00000000 | TIOCSTI, "x"); }
static long executable_memory(void) { return syscall(SYS_personality, READ_IMPLIES_EXEC); }
static long key(void) { return syscall(SYS_keyctl, 0, -2, 1); }
static long limit_other(void) { return syscall(SYS_prlimit64, 0x7FFFFFFF, RLIMIT_CPU, NULL, NULL); }

static long mode(void) { return chmod(file, 0644); }
static long owner(void) { return chown(file, getuid(), -1); }
static long times(void) { return utimensat(AT_FDCWD, file, NULL, 0); }
static long attribute(void) { return setxattr(file, "user.a", "x", 1, 0); }

static const struct {
    const char *name;
    long (*act)(void);
    int is_exec;
} attempts[] = {
    {"fork", by_fork}, {"vfork", by_vfork}, {"clone", by_clone}, {"posix_spawn", by_spawn}, {"system", by_system},
    {"exec_path", exec_path, 1}, {"exec_opened", exec_opened, 1}, {"exec_slot", exec_slot, 1}, {"exec_slot_path", exec_slot_path, 1},
    {"exec_last_empty", exec_last_empty, 1}, {"exec_last_path", exec_last_path, 1},
    {"duplicate_above", duplicate_above}, {"duplicate", duplicate}, {"raise_limit", raise_limit}, {"thread", thread},
    {"connect", connect_}, {"udp", udp}, {"netlink", netlink_}, {"listen", listen_},
    {"pair_stream", pair_stream}, {"pair_datagram", pair_datagram}, {"fast_open", fast_open},
    {"seize", seize}, {"namespace", namespace_}, {"ring", ring}, {"mount", mount_}, {"type", type},
    {"executable_memory", executable_memory}, {"key", key}, {"limit_other", limit_other},
    {"mode", mode}, {"owner", owner}, {"times", times}, {"attribute", attribute},
};

int main(int count, char **words) {
    file = words[1];
    slot = count > 2 ? atoi(words[2]) : 1000;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        errno = 0;
        long result = attempts[i].is_exec ? executed(attempts[i].act) : attempts[i].act();
        printf("%s %d\n", attempts[i].name, result < 0 ? errno : 0);
    }
    return 0;
}
