"""Every system call is refused, judged, or allowed for a reason: one that comes with newer headers, or tables, belongs into one of these."""

import pytest
from contract.test_kernel_headers import calls
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Network, Policy, Subprocess

from hermetic.linux import numbers, seccomp
from hermetic.linux.exec_once import Opened
from hermetic.linux.here import Here

ALLOWED = {
    "files, by what mounts and Landlock say of a place": """
        access chdir creat faccessat faccessat2 fstat fstatfs getxattr getxattrat lgetxattr link linkat listxattr listxattrat llistxattr lstat
        file_getattr mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat renameat2
        rmdir stat statfs statx symlink symlinkat truncate unlink unlinkat uselib inotify_add_watch
    """,
    "what is open already, and so was judged when it was opened": """
        accept accept4 cachestat close close_range copy_file_range dup dup2 dup3 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait fadvise64
        fallocate fanotify_mark fchdir fdatasync fgetxattr flistxattr flock fsync ftruncate getcwd getdents getdents64 getpeername getsockname
        getsockopt inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit lseek poll ppoll pread64 preadv preadv2
        pselect6 pwrite64 pwritev pwritev2 read readahead readv recvfrom recvmmsg recvmsg select sendfile shutdown splice sync sync_file_range
        syncfs tee vmsplice write writev
    """,
    "what is made without a name, and reaches nobody": """
        epoll_create epoll_create1 eventfd eventfd2 inotify_init inotify_init1 memfd_create memfd_secret pipe pipe2 signalfd signalfd4
        timerfd_create timerfd_gettime timerfd_settime
    """,
    "memory of its own": """
        brk get_mempolicy madvise map_shadow_stack mbind mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap
        pkey_alloc pkey_free pkey_mprotect remap_file_pages set_mempolicy set_mempolicy_home_node
    """,
    "of others' memory, only where one may look into them (ptrace_may_access), which no Landlock domain lets anybody": """
        get_robust_list migrate_pages move_pages
    """,
    "memory of who is dying": "process_mrelease",
    "signals, which do not leave the domain": "kill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill",
    "System V IPC and message queues, which are of the run's own namespace, or named as a gap": """
        mq_getsetattr mq_notify mq_timedreceive mq_timedsend shmdt
    """,
    "its own process and threads, what they wait for, and their children": """
        alarm arch_prctl capget capset clock_getres clock_gettime clock_nanosleep exit exit_group futex futex_waitv futex_wake futex_wait
        futex_requeue getcpu getitimer getrandom getrlimit getrusage gettimeofday landlock_add_rule landlock_create_ruleset
        landlock_restrict_self membarrier nanosleep pause prctl restart_syscall rseq rseq_slice_yield rt_sigaction rt_sigpending rt_sigprocmask
        rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_yield seccomp set_robust_list set_thread_area get_thread_area set_tid_address setitimer
        setpgid setsid sigaltstack time timer_create timer_delete timer_getoverrun timer_gettime timer_settime times umask wait4 waitid
        pidfd_open
    """,
    "users, of which nobody becomes another without a capability": """
        setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid getegid geteuid getgid getgroups getresgid getresuid getuid
    """,
    "questions": """
        getpgid getpgrp getpid getppid getpriority getsid gettid ioprio_get listmount listns lsm_get_self_attr lsm_list_modules
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        statmount sysfs sysinfo uname ustat
    """,
    "what takes a capability, and cannot be had without its device": "vhangup lookup_dcookie",
    "numbers that no kernel has a call for any more, or ever had": """
        _sysctl afs_syscall arch_specific_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms getpmsg nfsservctl putpmsg
        query_module security syscalls tuxcall vserver
    """,
}
MADE = [
    Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem()),
    Policy(network=Network(localhost=ANY), subprocess=Subprocess(run=("/bin/true",))),
]


def held(machine):
    """The calls that a rule of some policy names."""
    found = set()
    for policy in MADE:
        for threads in (0, 1):
            for supervised in (False, True):
                here = Here(machine=machine, root=True, supervised=supervised, threads=threads)
                found |= {rule.call for rule in seccomp.rules(policy, here, Opened(5, 7)) + seccomp.forked(policy, here)}
    return found


@pytest.mark.parametrize("machine", numbers.MACHINES)
def test_each_is_held_or_allowed_for_a_reason(machine):
    allowed = [name for names in ALLOWED.values() for name in names.split()]
    known = {*calls(machine), *numbers.EVERYWHERE, *numbers.BY_MACHINE}
    assert sorted(set(allowed)) == sorted(allowed)
    assert not held(machine) & set(allowed)
    assert known - held(machine) - set(allowed) == set()
