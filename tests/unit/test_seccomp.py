"""Which calls the filters of a policy refuse, on both machines, through a BPF interpreter."""

import errno
import functools
from types import SimpleNamespace

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Native, Network, Policy, Subprocess
from unit.bpf_interpreter import Data, check, instructions, run

from hermetic.linux import bpf, filters, numbers, seccomp
from hermetic.linux.bpf import ALLOW, USER_NOTIF, error
from hermetic.linux.exec_once import Opened
from hermetic.linux.here import Here

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
TOP = 0xFFFFFFFF00000000
EPERM, EACCES, EROFS, ENOSYS, EOPNOTSUPP = (error(number) for number in (1, 13, 30, 38, 95))
RUN = "/run/user/1000/hermetic-x"
N, NAME = 65535, 0x7FFFFFFFEFFF
ONCE = Opened(N, NAME)

UNIX, INET, INET6, NETLINK, PACKET, VSOCK, ALG = 1, 2, 10, 16, 17, 40, 38
STREAM, DGRAM, RAW, SEQPACKET = 1, 2, 3, 5
CLOEXEC, NONBLOCK = 0o2000000, 0o4000
THREAD = 0x003D0F00  # what glibc makes a thread with
FORK = 0x01200011  # what glibc forks with
SPAWN = 0x4111  # CLONE_VM, CLONE_VFORK, SIGCHLD: posix_spawn

GUARDS = {
    "network": Policy(network=Network()),
    "subprocess": Policy(subprocess=Subprocess()),
    "filesystem": Policy(filesystem=Filesystem()),
    "native": Policy(native=Native()),
}


@functools.cache
def program(policy, machine, once=None, **here):
    made = bpf.assemble(seccomp.rules(policy, Here(**{"machine": machine, "root": False, "run": RUN, **here}), once), machine)
    check(made)
    return made


def ran(code, machine, call, arguments=()):
    return run(code, Data(numbers.number(call, machine), AUDIT[machine], arguments))


machines = pytest.mark.parametrize("machine", numbers.MACHINES)


def table(rows):
    """Each row on each machine that has the call."""
    each = [(machine, *row) for row in rows for machine in numbers.MACHINES if numbers.number(row[0], machine) is not None]
    names = ",".join(("machine", "call", "arguments", *("action", "more")[: len(rows[0]) - 2]))
    return pytest.mark.parametrize(names, each, ids=[f"{row[1]}{row[2]}-{row[0]}" for row in each])


# In every run.

ALWAYS = [
    *[(call, (), ENOSYS) for call in ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3")],
    *[
        (call, arguments, EPERM)
        for call in (
            "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd bpf userfaultfd perf_event_open"
            " mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr"
            " open_by_handle_at unshare setns keyctl add_key request_key init_module finit_module delete_module kexec_load"
            " kexec_file_load swapon swapoff reboot acct quotactl quotactl_fd fanotify_init iopl ioperm modify_ldt"
            " settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname syslog lsm_set_self_attr"
        ).split()
        for arguments in ((), (-1,) * 6)
    ],
    ("prlimit64", (0, 7, 0, 0x1000), ALLOW),
    ("prlimit64", (TOP, 7, 0x1000, 0), ALLOW),
    ("prlimit64", (1, 7, 0x1000, 0), EPERM),
    ("prlimit64", (TOP | 1, 7, 0, 0x1000), EPERM),
    *[("clone", (flag | base,), EPERM) for flag in (1 << 17, *(1 << bit for bit in range(25, 31))) for base in (17, THREAD, TOP)],
    ("clone", (THREAD,), ALLOW),
    *[("ioctl", (0, top | request), EPERM) for request in (0x5412, 0x541C, 0x5423) for top in (0, 1 << 32, TOP)],
    *[("ioctl", (0, request), ALLOW) for request in (0x5401, 0x5411, 0x5413, 0x541B, 0x541D, 0x5421, 0)],
    ("ioctl", (0x5412, 0, 0x5412), ALLOW),
    *[("personality", (value,), ALLOW) for value in (0, 8, 0x20000, 0x20008, 0xFFFFFFFF, -1, TOP)],
    *[("personality", (value,), EPERM) for value in (0x400000, 0x40000, 0x100000, 0x400008, 6, 0xFFFFFFFE, TOP | 0x400000)],
]
TURNS = [
    # call, arguments, whether the target, with the pid 77, does it to itself
    *[("setpriority", (0, who), True) for who in (0, 77, TOP)],
    *[("setpriority", arguments, False) for arguments in ((0, 78), (1, 0), (2, 0), (1, 77), (0, 0xFFFFFFFF))],
    *[("ioprio_set", (1, who), True) for who in (0, 77)],
    *[("ioprio_set", arguments, False) for arguments in ((1, 78), (2, 0), (3, 0), (0, 0))],
    *[
        (call, (who, 8, 0x1000), who in (0, 77))
        for call in ("sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")
        for who in (0, 77, 78, 1)
    ],
]


@machines
@pytest.mark.parametrize(("call", "arguments", "own"), TURNS, ids=str)
def test_turns(machine, call, arguments, own):
    """Whoever else is named the supervisor knows; without one nobody is."""
    for supervised in (False, True):
        code = program(CLOSED, machine, supervised=supervised, pid=77)
        assert ran(code, machine, call, arguments).action == (ALLOW if own else USER_NOTIF if supervised else EPERM)


@machines
def test_leases_and_interfaces(machine):
    for guard, policy in GUARDS.items():
        for namespaced in (False, True):
            code = program(policy, machine, namespaced=namespaced)
            assert ran(code, machine, "fcntl", (3, 1024, 0)).action == (EACCES if guard == "filesystem" else ALLOW)
            assert ran(code, machine, "fcntl", (3, 1, 0)).action == ALLOW
            for request in (0x400454CA, 0xAF01):
                assert ran(code, machine, "ioctl", (3, request)).action == (EACCES if guard == "network" else ALLOW)


FREE = "openat close mmap mprotect getpid kill accept accept4 memfd_create prctl seccomp pidfd_open truncate".split()


@table(ALWAYS)
def test_always(machine, call, arguments, action):
    for guard, policy in GUARDS.items():
        assert ran(program(policy, machine), machine, call, arguments).action == action, guard


@machines
def test_other_calls_cost_nothing(machine):
    """The kernel runs no filter for a call that is allowed by its number alone (seccomp_is_const_allow)."""
    everything = Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem(), native=Native())
    code = program(everything, machine, ONCE, root=True, supervised=True)
    for call in FREE:
        action, steps, looked_at = ran(code, machine, call)
        assert (action, looked_at) == (ALLOW, (4, 0)), call
        assert steps < 16, call
    assert len(instructions(code)) < 512


@machines
def test_ipc_of_a_process_that_runs_already(machine):
    """It gets no namespace of its own to have some in."""
    calls = ("shmat", "shmctl", "semop", "semtimedop", "semctl", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink")
    for policy in GUARDS.values():
        for threads, action in ((0, ALLOW), (1, EACCES), (2, EACCES)):
            assert {ran(program(policy, machine, threads=threads), machine, call, (3, 0, 0)).action for call in calls} == {action}


@machines
def test_native_needs_no_filter_of_its_own(machine):
    here = Here(machine=machine, root=False)
    assert [str(rule.call) for rule in seccomp.rules(Policy(native=Native()), here)] == [
        rule.call for rule in (*seccomp.ALWAYS, *seccomp.others_turns(here))
    ]


# Network.

SOCKETS = [
    # family, type, protocol
    *[(family, kind, 0) for family in range(46) for kind in (STREAM, DGRAM, RAW, 4, SEQPACKET, 6, 10)],
    *[(INET, STREAM, protocol) for protocol in (6, 132, 136, 255, 256, 262)],
    *[(INET6, STREAM, protocol) for protocol in (6, 262)],
    *[(UNIX, STREAM, 1), (INET, DGRAM, 17), (INET, RAW, 1), (INET, DGRAM, 1), (NETLINK, RAW, 15)],
]
TCP = {(family, STREAM, protocol) for family in (INET, INET6) for protocol in (0, 6)}
UDP = {(family, DGRAM, protocol) for family in (INET, INET6) for protocol in (0, 17)}
LOCAL = {(UNIX, STREAM, 0), (UNIX, SEQPACKET, 0)}
INTERFACES = {(NETLINK, DGRAM, 0), (NETLINK, RAW, 0)}
CLOSED = Policy(network=Network())
OPEN = {
    Policy(network=Network(localhost=ANY)): TCP | INTERFACES,
    Policy(network=Network(localhost=((80, 80),))): TCP | INTERFACES,
    Policy(network=Network(domains=(("a.example", ((443, 443),)),))): TCP | INTERFACES,
    Policy(network=Network(addresses=((b"\xc0\0\2\1", 32, ANY),))): TCP,
}
LISTENING = Policy(network=Network(listen=((80, 80),)))


@machines
@pytest.mark.parametrize(
    ("policy", "supervised", "free"),
    [
        (CLOSED, False, TCP | LOCAL),
        (CLOSED, True, LOCAL),
        (LISTENING, False, TCP | LOCAL | INTERFACES),
        (LISTENING, True, LOCAL | INTERFACES),
        *[(policy, False, free | (UDP if policy.network.domains else set())) for policy, free in OPEN.items()],
        *[(policy, True, free | LOCAL) for policy, free in OPEN.items()],
    ],
)
def test_sockets(machine, policy, supervised, free):
    code = program(policy, machine, supervised=supervised)
    refusal = USER_NOTIF if supervised else EACCES
    for kind in SOCKETS:
        for given in ((kind[0], kind[1] | CLOEXEC | NONBLOCK, kind[2]), tuple(TOP | word for word in kind)):
            assert ran(code, machine, "socket", given).action == (ALLOW if kind in free else refusal), given
            assert ran(code, machine, "socketpair", given).action == (ALLOW if kind in LOCAL else EACCES), given


@table([
    *[("sendto", (3, 1, 1, flags), action) for flags, action in ((0x20000000, EOPNOTSUPP), (TOP | 0x20004000, EOPNOTSUPP), (0x4000000, ALLOW))],
    *[("sendmsg", (3, 1, flags), action) for flags, action in ((0x20000000, EOPNOTSUPP), (-1, EOPNOTSUPP), (0x4040, ALLOW))],
    *[("sendmmsg", (3, 1, 1, flags), action) for flags, action in ((0x20000000, EOPNOTSUPP), (-1, EOPNOTSUPP), (0x4040, ALLOW))],
])  # fmt: skip
@pytest.mark.parametrize("supervised", [False, True])
def test_sending(machine, call, arguments, action, supervised):
    for policy in (CLOSED, *OPEN):
        assert ran(program(policy, machine, supervised=supervised), machine, call, arguments).action == action


@machines
def test_who_binds_is_asked_about(machine):
    """Where the launcher looks names up and all of localhost is open: a port of UDP is taken by that alone."""
    both = Policy(network=Network(domains=(("app.test", ((443, 443),)),), localhost=ANY))
    assert ran(program(both, machine, supervised=True), machine, "bind", (3, 1, 16)).action == USER_NOTIF
    alone = Policy(network=Network(localhost=ANY))
    assert ran(program(alone, machine, supervised=True), machine, "bind", (3, 1, 16)).action == ALLOW


@machines
def test_datagrams_are_told(machine):
    """By the address that is given with each, but where all of localhost is open; what a connection sends has none."""
    for policy, told in zip((CLOSED, LISTENING, *OPEN), (True, True, False, True, True, True), strict=True):
        code = program(policy, machine, supervised=True)
        for address in (0x1000, 1 << 32, TOP):
            assert ran(code, machine, "sendto", (3, 1, 1, 0, address, 16)).action == (USER_NOTIF if told else ALLOW)
        assert ran(code, machine, "sendto", (3, 1, 1, 0, 0, 16)).action == ALLOW
        assert ran(code, machine, "sendto", (3, 1, 1, 0x20000000, 0x1000, 16)).action == EOPNOTSUPP
        assert ran(program(policy, machine, supervised=False), machine, "sendto", (3, 1, 1, 0, 0x1000, 16)).action == ALLOW


IP, IPV6, SOCKET, LEVEL_TCP = 0, 41, 1, 6
STEERING = [(SOCKET, name) for name in (25, 26, 27, 36, 50, 62)] + [
    *[(IP, name) for name in (3, 4, 17, 19, 32, 35, 39, 41, 42, 43, 46, 48, 50, 99, TOP | 42, -1)],
    *[(IPV6, name) for name in (1, 6, 17, 20, 27, 35, 42, 46, 48, 50, 54, 57, 75, 76, 99, TOP | 20, -1)],
    (TOP | IP, 42),
    (TOP | IPV6, 20),
]
ORDINARY = [
    *[(SOCKET, name) for name in (2, 5, 6, 7, 8, 9, 13, 15, 20, 21, 51)],
    *[(LEVEL_TCP, name) for name in (1, 4, 5, 6, 13, 18, 20, 25, 26, 27, 35, 36, 42, 62)],
    *[(IP, name) for name in (1, 2, 8, 10, 11, 24, 33, 34, 36, TOP | 1)],
    *[(IPV6, name) for name in (16, 18, 19, 21, 23, 25, 26, 49, 66, 67, TOP | 26)],
]


@machines
@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("policy", [CLOSED, *OPEN])
def test_options_that_steer(machine, policy, supervised):
    code = program(policy, machine, supervised=supervised)
    for options, action in ((STEERING, USER_NOTIF if supervised else EACCES), (ORDINARY, ALLOW)):
        for level, name in options:
            assert ran(code, machine, "setsockopt", (3, level, name, 1, 4)).action == action, (level, name)


@machines
def test_who_judges_connections(machine):
    for call in ("connect", "listen"):
        for policy in (CLOSED, *OPEN):
            assert ran(program(policy, machine, supervised=True), machine, call).action == USER_NOTIF
            alone = ran(program(policy, machine, supervised=False), machine, call).action
            assert alone == (EACCES if policy is CLOSED else ALLOW)


@machines
def test_who_is_told_of_a_bind_that_landlock_refuses(machine):
    for policy in (CLOSED, *OPEN):
        landlocked = policy.network.localhost != "*"
        assert ran(program(policy, machine, supervised=True), machine, "bind").action == (USER_NOTIF if landlocked else ALLOW)
        assert ran(program(policy, machine, supervised=False), machine, "bind").action == ALLOW


@machines
@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("guard", ["subprocess", "filesystem", "native"])
def test_sockets_are_free_without_the_guard(machine, guard, supervised):
    code = program(GUARDS[guard], machine, supervised=supervised)
    for call in ("socket", "socketpair", "connect", "listen", "sendto", "sendmsg", "sendmmsg"):
        assert ran(code, machine, call, (INET, RAW, 0x20000000, 0x20000000)).action == ALLOW
    assert ran(code, machine, "setsockopt", (3, IP, 42)).action == ALLOW


# Subprocess.

PROCESSES = [
    ("fork", ()),
    ("vfork", ()),
    ("execve", ()),
    ("clone", (17,)),
    ("clone", (0,)),
    ("clone", (FORK,)),
    ("clone", (SPAWN,)),
    ("clone", (FORK | 0x00010000 << 32,)),
    ("execveat", (N, NAME, 1, 1, 0)),
    ("execveat", (N, NAME, 1, 1, 0x1100)),
    ("execveat", (N, NAME - 1, 1, 1, 0x1000)),
    ("execveat", (N, NAME & 0xFFFFFFFF, 1, 1, 0x1000)),
    ("execveat", (N, NAME | 1 << 56, 1, 1, 0x1000)),
    ("execveat", (N, 0, 1, 1, 0x1000)),
    ("execveat", (N - 1, NAME, 1, 1, 0x1000)),
    ("execveat", (-100, NAME, 1, 1, 0x1000)),
]


@table(PROCESSES)
@pytest.mark.parametrize("supervised", [False, True])
def test_no_process(machine, call, arguments, supervised):
    code = program(GUARDS["subprocess"], machine, ONCE, supervised=supervised)
    assert ran(code, machine, call, arguments).action == (USER_NOTIF if supervised else EPERM)
    some = program(Policy(subprocess=Subprocess(run=("/bin/true",))), machine, supervised=supervised)
    assert ran(some, machine, call, arguments).action == (USER_NOTIF if supervised and call.startswith("execve") else ALLOW)
    assert ran(program(CLOSED, machine, supervised=supervised), machine, call, arguments).action == ALLOW


@machines
def test_threads_and_the_one_program(machine):
    code = program(GUARDS["subprocess"], machine, ONCE)
    assert ran(code, machine, "clone", (THREAD,)).action == ALLOW
    assert ran(code, machine, "execveat", (N, NAME, 1, 1, 0x1000)).action == ALLOW
    assert ran(code, machine, "execveat", (TOP | N, NAME, 1, 1, TOP | 0x1000)).action == ALLOW
    assert ran(program(GUARDS["subprocess"], machine), machine, "execveat", (N, NAME, 1, 1, 0x1000)).action == EPERM


@table([
    ("prlimit64", (0, 7, 0x1000, 0), EPERM),
    ("prlimit64", (0, TOP | 7, 1 << 32, 0), EPERM),
    ("prlimit64", (0, 7, 0, 0x1000), ALLOW),
    ("prlimit64", (0, 6, 0x1000, 0), ALLOW),
    ("setrlimit", (7, 0x1000), EPERM),
    ("setrlimit", (6, 0x1000), ALLOW),
])  # fmt: skip
def test_root_cannot_raise_the_limit_of_descriptors(machine, call, arguments, action):
    assert ran(program(GUARDS["subprocess"], machine, ONCE, root=True), machine, call, arguments).action == action
    assert ran(program(GUARDS["subprocess"], machine, ONCE, root=False), machine, call, arguments).action == ALLOW
    assert ran(program(CLOSED, machine, root=True), machine, call, arguments).action == ALLOW


# Filesystem.

METADATA = (
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat setxattr lsetxattr fsetxattr"
    " removexattr lremovexattr fremovexattr setxattrat removexattrat file_setattr"
).split()
METADATA_IOCTLS = [0x40086602, 0x40087602, 0x401C5820, 0x40806685, 0x800C6613, 0x40086604, 0x6609]
SUBVOLUME_IOCTLS = [0x50009401, 0x5000940E, 0x5000940F, 0x50009417, 0x50009418, 0x4008941A, 0x5000943F]
SCRATCH = Policy(filesystem=Filesystem(write=(f"{RUN}/scratch",)))
ELSEWHERE = Policy(filesystem=Filesystem(write=(f"{RUN}/scratch", "/home/me/project")))
NEXT_DOOR = Policy(filesystem=Filesystem(write=(f"{RUN}-other",)))


def metadata_action(code, machine):
    """What becomes of all of them, which must be one thing."""
    calls = [call for call in METADATA if numbers.number(call, machine) is not None]
    actions = {ran(code, machine, call).action for call in calls}
    actions |= {ran(code, machine, "ioctl", (0, TOP | request)).action for request in METADATA_IOCTLS}
    assert len(actions) == 1
    return actions.pop()


@machines
@pytest.mark.parametrize(
    ("policy", "here", "action"),
    [
        (GUARDS["filesystem"], {}, EROFS),
        (SCRATCH, {}, EROFS),
        (SCRATCH, {"run": RUN + "/scratch"}, EROFS),
        (SCRATCH, {"namespaced": True}, ALLOW),
        (SCRATCH, {"run": ""}, ALLOW),
        (ELSEWHERE, {}, ALLOW),
        (NEXT_DOOR, {}, ALLOW),
        (GUARDS["network"], {}, ALLOW),
        (GUARDS["subprocess"], {}, ALLOW),
        (GUARDS["native"], {}, ALLOW),
    ],
)
def test_metadata(machine, policy, here, action):
    assert metadata_action(program(policy, machine, **here), machine) == action


@machines
@pytest.mark.parametrize("request_", SUBVOLUME_IOCTLS, ids=hex)
def test_subvolumes(machine, request_):
    for policy, here, action in [
        (GUARDS["filesystem"], {}, EROFS),
        (ELSEWHERE, {}, EROFS),
        (ELSEWHERE, {"namespaced": True}, ALLOW),
        (CLOSED, {}, ALLOW),
    ]:
        assert ran(program(policy, machine, **here), machine, "ioctl", (0, request_)).action == action


@table([("ioctl", (3, request), ALLOW) for request in (0x80086601, 0x801C581F, 0x40049409, 0x4020940D, 0xC0189436)])
def test_reading_attributes_and_cloning_files_stay(machine, call, arguments, action):
    assert ran(program(GUARDS["filesystem"], machine), machine, call, arguments).action == action


# All guards together: a rule of one is not undone by another.


@table([
    ("clone", (17,), USER_NOTIF),
    ("clone", (17 | 1 << 28,), EPERM),
    ("clone", (THREAD | 1 << 28,), EPERM),
    ("prlimit64", (0, 7, 1, 0), EPERM),
    ("ioctl", (0, 0x5412), EPERM),
    ("ioctl", (0, 0x40086602), EROFS),
    ("socket", (UNIX, DGRAM, 0), USER_NOTIF),
    ("chmod", (), EROFS),
])  # fmt: skip
def test_together(machine, call, arguments, action):
    everything = Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem(), native=Native())
    assert ran(program(everything, machine, ONCE, root=True, supervised=True), machine, call, arguments).action == action


# Putting a filter in place.


class Kernel:
    """Stands in for seccomp(2): knows some flags, and answers with a descriptor where a listener is asked for."""

    def __init__(self, known, otherwise=0):
        self.known, self.otherwise, self.flags = known, otherwise, []

    def __call__(self, number, operation, flags, described):
        assert (number, operation) == (numbers.native("seccomp"), 1)
        assert int.from_bytes(described[:8], "little") == 2
        self.flags.append(flags)
        if self.otherwise or flags & ~self.known:
            raise OSError(self.otherwise or errno.EINVAL, "no")
        return 7 if flags else 0


PROGRAM = bytes(16)


@pytest.mark.parametrize(
    ("known", "listener", "answer", "flags"),
    [
        (0, False, None, [0]),
        (8 | 32, True, 7, [8 | 32]),
        (8, True, 7, [8 | 32, 8]),  # before 5.19
    ],
)
def test_install(monkeypatch, known, listener, answer, flags):
    kernel = Kernel(known)
    monkeypatch.setattr(filters.syscalls, "call", kernel)
    assert filters.install(PROGRAM, listener) == answer
    assert kernel.flags == flags


@pytest.mark.parametrize(("known", "listener", "otherwise"), [(0, True, 0), (8, True, errno.EBUSY), (0, False, errno.EACCES)])
def test_what_cannot_be_installed_is_an_error(monkeypatch, known, listener, otherwise):
    monkeypatch.setattr(filters.syscalls, "call", Kernel(known, otherwise))
    with pytest.raises(OSError) as raised:  # noqa: PT011
        filters.install(PROGRAM, listener)
    assert raised.value.errno == (otherwise or errno.EINVAL)


def test_a_machine_without_a_table(monkeypatch):
    monkeypatch.setattr(numbers.os, "uname", lambda: SimpleNamespace(machine="riscv64"))
    with pytest.raises(OSError, match="seccomp is not known on riscv64") as raised:
        filters.install(PROGRAM, False)
    assert raised.value.errno == errno.ENOSYS
