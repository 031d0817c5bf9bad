"""System calls that the filters refuse, with arguments that do no harm where nothing refuses them."""

from typing import NamedTuple

M = -1  # all bits set: no descriptor, no flags that exist
BAD = 1  # an address where nothing is
NONE = 0x7FFFFFFF  # no process has this pid
TOP = 0xFFFFFFFF << 32
PATH, FILE, ZEROS = "path", "file", "zeros"  # of a file of the user's; a descriptor of it; memory that holds zeros


class Row(NamedTuple):
    """One system call, and its errno under the filter.

    bare: for a user, what the kernel answers without one, where that is the same errno: the row shows less then
    """

    call: str
    arguments: tuple
    refused: str
    bare: dict = {}

    def __str__(self):
        return f"{self.call}{self.arguments}"


ADMIN = {"ordinary": "EPERM"}  # the kernel asks for a capability first
MIXED = {"ordinary": "EPERM"}  # among the processes meant are some of root's
SETTING = {"ordinary": "EPERM"}  # so it does where a setting of the system, or the kernel's age, says so

ALWAYS = [
    Row("io_uring_setup", (0, BAD), "ENOSYS"),
    Row("io_uring_enter", (M,), "ENOSYS"),
    Row("io_uring_register", (M,), "ENOSYS"),
    Row("ptrace", (0x4206, NONE), "EPERM"),
    Row("process_vm_readv", (NONE,), "EPERM"),
    Row("process_vm_writev", (NONE,), "EPERM"),
    Row("process_madvise", (M, BAD), "EPERM"),
    Row("kcmp", (NONE, NONE), "EPERM"),
    Row("pidfd_getfd", (M,), "EPERM"),
    Row("lsm_set_self_attr", (0, BAD, 0, 1), "EPERM"),
    Row("prlimit64", (NONE, 7), "EPERM"),
    Row("prlimit64", (TOP | NONE, 7), "EPERM"),
    Row("setpriority", (0, NONE, 0), "EPERM"),
    Row("setpriority", (1, 0, 0), "EPERM", MIXED),
    Row("setpriority", (2, 0, 0), "EPERM"),
    Row("ioprio_set", (1, NONE, 0), "EPERM"),
    Row("ioprio_set", (3, 0, 0), "EPERM", MIXED),
    Row("sched_setaffinity", (NONE, 8, ZEROS), "EPERM"),
    Row("sched_setscheduler", (NONE, 0, ZEROS), "EPERM"),
    Row("sched_setparam", (NONE, ZEROS), "EPERM"),
    Row("sched_setattr", (NONE, ZEROS, 0), "EPERM"),
    Row("bpf", (0x7FFF, BAD, 8), "EPERM", SETTING),
    Row("userfaultfd", (M,), "EPERM", SETTING),
    Row("perf_event_open", (BAD,), "EPERM", SETTING),
    Row("init_module", (BAD, 0, BAD), "EPERM", ADMIN),
    Row("finit_module", (M, BAD), "EPERM", ADMIN),
    Row("delete_module", (BAD,), "EPERM", ADMIN),
    Row("kexec_load", (0, M, BAD), "EPERM", ADMIN),
    Row("kexec_file_load", (M, M, 0, BAD, M), "EPERM", ADMIN),
    Row("mount", (BAD, BAD, BAD, 0, BAD), "EPERM"),
    Row("umount2", (BAD, M), "EPERM"),
    Row("pivot_root", (BAD, BAD), "EPERM", ADMIN),
    Row("chroot", (BAD,), "EPERM"),
    Row("move_mount", (M, BAD, M, BAD), "EPERM", ADMIN),
    Row("open_tree", (M, BAD, M), "EPERM"),
    Row("open_tree_attr", (M, BAD, M), "EPERM"),
    Row("fsopen", (BAD, M), "EPERM", ADMIN),
    Row("fsconfig", (M, M), "EPERM"),
    Row("fsmount", (M, M), "EPERM", ADMIN),
    Row("fspick", (M, BAD, M), "EPERM", ADMIN),
    Row("mount_setattr", (M, BAD, M, BAD), "EPERM"),
    Row("open_by_handle_at", (M, BAD), "EPERM", SETTING),
    Row("unshare", (0,), "EPERM"),
    Row("unshare", (0x10000000,), "EPERM"),
    Row("setns", (M,), "EPERM"),
    Row("clone", (0x10000000 | 0x08000000,), "EPERM"),
    Row("clone", (TOP | 0x10000000,), "EPERM"),
    Row("clone3", (BAD,), "ENOSYS"),
    Row("keyctl", (0, M), "EPERM"),
    Row("add_key", (BAD, BAD), "EPERM"),
    Row("request_key", (BAD, BAD), "EPERM"),
    Row("ioctl", (M, 0x5412, BAD), "EPERM"),
    Row("ioctl", (M, 0x541C, BAD), "EPERM"),
    Row("ioctl", (M, TOP | 0x5412, BAD), "EPERM"),
    Row("ioctl", (M, TOP | 0x541C, BAD), "EPERM"),
    Row("ioctl", (M, 0x5423, BAD), "EPERM"),
    Row("ioctl", (M, TOP | 0x5423, BAD), "EPERM"),
    Row("personality", (0x400000,), "EPERM"),
    Row("personality", (TOP | 0x40000,), "EPERM"),
    Row("swapon", (BAD, M), "EPERM", ADMIN),
    Row("swapoff", (BAD,), "EPERM", ADMIN),
    Row("reboot", (0, 0, 0, 0), "EPERM", ADMIN),
    Row("acct", (BAD,), "EPERM", ADMIN),
    Row("quotactl", (M,), "EPERM"),
    Row("quotactl_fd", (M,), "EPERM"),
    Row("fanotify_init", (M,), "EPERM", ADMIN),
    Row("settimeofday", (BAD,), "EPERM"),
    Row("clock_settime", (0, BAD), "EPERM"),
    Row("adjtimex", (BAD,), "EPERM"),
    Row("clock_adjtime", (0, BAD), "EPERM"),
    Row("sethostname", (BAD, M), "EPERM", ADMIN),
    Row("setdomainname", (BAD, M), "EPERM", ADMIN),
    Row("syslog", (10,), "EPERM", SETTING),
    # Only on x86_64.
    Row("iopl", (0,), "EPERM"),
    Row("ioperm", (0, 0), "EPERM"),
    Row("modify_ldt", (100,), "EPERM"),
]

UNIX, INET, INET6, NETLINK, PACKET, ALG, VSOCK = 1, 2, 10, 16, 17, 38, 40
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5

NOT_TCP = [
    Row("socket", (INET, DGRAM, 0), "EACCES"),
    Row("socket", (TOP | INET, TOP | DGRAM, 17), "EACCES"),
    Row("socket", (INET, STREAM, 262), "EACCES"),
    Row("socket", (INET6, STREAM, 262), "EACCES"),
    Row("socket", (INET, STREAM, 132), "EACCES"),
    Row("socket", (INET6, DGRAM, 0), "EACCES"),
    Row("socket", (INET6, DGRAM, 58), "EACCES", {"root": "EACCES", "ordinary": "EACCES"}),  # net.ipv4.ping_group_range
    Row("socket", (INET, RAW, 1), "EACCES"),
    Row("socket", (NETLINK, RAW, 4), "EACCES"),
    Row("socket", (NETLINK, DGRAM, 15), "EACCES"),
    Row("socket", (PACKET, RAW, 0), "EACCES"),
    Row("socket", (ALG, SEQPACKET, 0), "EACCES"),
    Row("socket", (VSOCK, STREAM, 0), "EACCES"),
    Row("socket", (UNIX, DGRAM, 0), "EACCES"),
    Row("socketpair", (UNIX, DGRAM, 0, ZEROS), "EACCES"),
    Row("socketpair", (UNIX, RAW, 0, ZEROS), "EACCES"),
    Row("socketpair", (INET, STREAM, 0, ZEROS), "EACCES"),
    Row("socketpair", (30, SEQPACKET, 0, ZEROS), "EACCES"),
]
CONNECTING = [
    Row("connect", (M, BAD, 16), "EACCES"),
    Row("listen", (M, 1), "EACCES"),
]
LOCAL = [
    Row("socket", (UNIX, STREAM, 0), "EACCES"),
    Row("socket", (UNIX, SEQPACKET, 0), "EACCES"),
]
INTERFACES = [
    Row("socket", (NETLINK, RAW, 0), "EACCES"),
    Row("socket", (NETLINK, DGRAM | 0o2000000, 0), "EACCES"),
]
FAST_OPEN = 0x20000000
SENT = [  # Python calls EOPNOTSUPP by its other name
    Row("sendto", (M, BAD, 1, FAST_OPEN), "ENOTSUP"),
    Row("sendto", (M, BAD, 1, TOP | FAST_OPEN | 0x4000), "ENOTSUP"),
    Row("sendmsg", (M, BAD, FAST_OPEN), "ENOTSUP"),
    Row("sendmmsg", (M, BAD, 1, FAST_OPEN), "ENOTSUP"),
]

IP, IPV6, SOCKET = 0, 41, 1
STEERING = [
    *[Row("setsockopt", (M, SOCKET, name, BAD, 4), "EACCES") for name in (25, 26, 27, 36, 50, 62)],
    *[Row("setsockopt", (M, IP, name, BAD, 4), "EACCES") for name in (4, 35, 39, 42, 46, 48, 50, 999)],
    *[Row("setsockopt", (M, IPV6, name, BAD, 4), "EACCES") for name in (1, 6, 20, 27, 42, 46, 48, 50, 57, 76, 999)],
    Row("setsockopt", (M, TOP | IP, TOP | 42, BAD, 4), "EACCES"),
    Row("setsockopt", (M, TOP | SOCKET, TOP | 25, BAD, 4), "EACCES"),
]

METADATA = [
    Row("fchmod", (FILE, 0o600), "EROFS"),
    Row("fchmodat", (-100, PATH, 0o600), "EROFS"),
    Row("fchmodat2", (-100, PATH, 0o600, 0), "EROFS"),
    Row("fchown", (FILE, M, M), "EROFS"),
    Row("fchownat", (-100, PATH, M, M, 0), "EROFS"),
    Row("utimensat", (-100, PATH, 0, 0), "EROFS"),
    Row("utimensat", (FILE, 0, 0, 0), "EROFS"),
    Row("setxattr", (PATH, b"user.a", b"x", 1, 0), "EROFS"),
    Row("lsetxattr", (PATH, b"user.a", b"x", 1, 0), "EROFS"),
    Row("fsetxattr", (FILE, b"user.a", b"x", 1, 0), "EROFS"),
    Row("setxattrat", (-100, PATH, 0, b"user.a", ZEROS, 16), "EROFS"),
    Row("removexattr", (PATH, b"user.a"), "EROFS"),
    Row("lremovexattr", (PATH, b"user.a"), "EROFS"),
    Row("fremovexattr", (FILE, b"user.a"), "EROFS"),
    Row("removexattrat", (-100, PATH, 0, b"user.a"), "EROFS"),
    Row("file_setattr", (-100, PATH, ZEROS, 24, 0), "EROFS"),
    Row("ioctl", (FILE, 0x40086602, ZEROS), "EROFS"),
    Row("ioctl", (FILE, 0x40087602, ZEROS), "EROFS"),
    Row("ioctl", (FILE, TOP | 0x401C5820, ZEROS), "EROFS"),
    Row("ioctl", (FILE, 0x40806685, ZEROS), "EROFS"),
    Row("ioctl", (FILE, 0x800C6613, ZEROS), "EROFS"),
    Row("ioctl", (FILE, 0x40086604, ZEROS), "EROFS"),
    Row("ioctl", (FILE, TOP | 0x6609, 0), "EROFS"),
    # Only on x86_64.
    Row("chmod", (PATH, 0o600), "EROFS"),
    Row("chown", (PATH, M, M), "EROFS"),
    Row("lchown", (PATH, M, M), "EROFS"),
    Row("utime", (PATH, 0), "EROFS"),
    Row("utimes", (PATH, 0), "EROFS"),
    Row("futimesat", (-100, PATH, 0), "EROFS"),
]
SUBVOLUMES = [
    Row("ioctl", (FILE, request, BAD), "EROFS")
    for request in (0x50009401, 0x5000940E, 0x5000940F, 0x50009417, 0x50009418, TOP | 0x4008941A, 0x5000943F)
]

LEASES = [Row("fcntl", (FILE, 1024, 0), "EACCES"), Row("fcntl", (FILE, TOP | 1024, 2), "EACCES")]
FRAMES = [Row("ioctl", (FILE, request, BAD), "EACCES") for request in (0x400454CA, TOP | 0xAF01)]

SIGCHLD, AT_EMPTY_PATH = 17, 0x1000
PROCESSES = [
    Row("clone", (SIGCHLD,), "EPERM"),
    Row("clone", (0x4000 | SIGCHLD,), "EPERM"),
    Row("clone", (0x10000 << 32 | SIGCHLD,), "EPERM"),
    Row("execve", (b"/bin/true", 0, 0), "EPERM"),
    Row("execveat", (-100, b"/bin/true", 0, 0, 0), "EPERM"),
    Row("execveat", (-100, b"/bin/true", 0, 0, AT_EMPTY_PATH), "EPERM"),
    Row("execveat", (FILE, b"", 0, 0, AT_EMPTY_PATH), "EPERM"),
    # Only on x86_64. Nor is vfork: its child would return into frames that it shares; a program in C tries it.
    Row("fork", (), "EPERM"),
]
DESCRIPTOR_LIMIT = [
    Row("prlimit64", (0, 7, ZEROS, 0), "EPERM"),
    Row("prlimit64", (TOP, TOP | 7, ZEROS, ZEROS), "EPERM"),
    Row("setrlimit", (7, ZEROS), "EPERM"),
]
