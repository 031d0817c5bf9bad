"""Numbers that are written down in hermetic/linux are those of the kernel's own headers."""

import functools
import subprocess

import pytest

from hermetic.linux import bpf, exec_once, filters, numbers, seccomp

HEADERS = {
    "x86_64": ["#include <asm/unistd_64.h>"],
    "aarch64": [
        "#define __BITS_PER_LONG 64",
        *(f"#define __ARCH_WANT_{what}" for what in ("RENAMEAT", "SET_GET_RLIMIT", "NEW_STAT", "SYS_CLONE3", "MEMFD_SECRET")),
        "#include <asm-generic/unistd.h>",
    ],
}


@functools.cache
def calls(machine):
    """The system calls of a machine, by the headers there are here; asm/unistd_64.h is there only on x86_64."""
    source = "\n".join(HEADERS[machine]) + "\n"
    done = subprocess.run(["cc", "-E", "-dM", "-"], input=source, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no headers for {machine}: {done.stderr.strip()}")
    macros = {words[1]: words[-1] for words in map(str.split, done.stdout.splitlines())}
    found = {name.removeprefix("__NR_"): macros.get(value, value) for name, value in macros.items() if name.startswith("__NR_")}
    return {name: int(value) for name, value in found.items() if value.isdigit()}


@pytest.mark.parametrize("machine", numbers.MACHINES)
def test_numbers_of_system_calls(machine):
    known = calls(machine)
    assert len(known) > 250
    newest = max(number for name, number in known.items() if name != "syscalls")
    checked = 0
    for name in (*numbers.BY_MACHINE, *numbers.EVERYWHERE):
        number = numbers.number(name, machine)
        if name in known or number is None or number <= newest:
            assert known.get(name) == number, name
            checked += 1
    assert checked > 100


CONSTANTS = {
    "sys/socket.h": {
        **{name: getattr(seccomp, name) for name in ("AF_UNIX", "AF_INET", "AF_INET6", "SOCK_STREAM", "SOCK_SEQPACKET", "MSG_FASTOPEN")}
    },
    "netinet/in.h": {"IPPROTO_TCP": seccomp.IPPROTO_TCP},
    "sys/resource.h": {"RLIMIT_NOFILE": seccomp.RLIMIT_NOFILE},
    "fcntl.h": {"AT_EMPTY_PATH": seccomp.AT_EMPTY_PATH},
    "sched.h": {
        "CLONE_THREAD": seccomp.CLONE_THREAD,
        "(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)": seccomp.CLONE_NEW,
    },
    "sys/ioctl.h": {
        "TIOCSTI": seccomp.TIOCSTI,
        "TIOCLINUX": seccomp.TIOCLINUX,
        "TIOCSETD": seccomp.TIOCSETD,
        # Those of ext4, which has a header of its own only since 6.2.
        "_IOW('f', 4, long)": seccomp.METADATA_REQUESTS["EXT4_IOC_SETVERSION"],
        "_IO('f', 9)": seccomp.METADATA_REQUESTS["EXT4_IOC_MIGRATE"],
    },
    "sys/mman.h": {
        "(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE)": exec_once.MAP_PRIVATE_ANONYMOUS_NOREPLACE,
        "PROT_READ": exec_once.PROT_READ,
    },
    "linux/fs.h": {name: seccomp.METADATA_REQUESTS[name] for name in ("FS_IOC_SETFLAGS", "FS_IOC_SETVERSION", "FS_IOC_FSSETXATTR")},
    "linux/fscrypt.h": {name: value for name, value in seccomp.METADATA_REQUESTS.items() if "ENCRYPTION" in name},
    "linux/fsverity.h": {name: value for name, value in seccomp.METADATA_REQUESTS.items() if "VERITY" in name},
    "linux/btrfs.h": seccomp.SUBVOLUME_REQUESTS,
    "linux/audit.h": {f"AUDIT_ARCH_{machine.upper()}": value for machine, value in bpf.AUDIT_ARCH.items()},
    "linux/seccomp.h": {
        **{f"SECCOMP_RET_{name}": getattr(bpf, name) for name in "KILL_PROCESS KILL_THREAD TRAP USER_NOTIF TRACE LOG ALLOW".split()},
        "(SECCOMP_RET_ERRNO | 13)": bpf.error(13),
        "SECCOMP_SET_MODE_FILTER": filters.SET_MODE_FILTER,
        "SECCOMP_FILTER_FLAG_NEW_LISTENER": filters.NEW_LISTENER,
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": filters.WAIT_KILLABLE_RECV,
        "__builtin_offsetof(struct seccomp_data, nr)": bpf.AT_NUMBER,
        "__builtin_offsetof(struct seccomp_data, arch)": bpf.AT_MACHINE,
        "__builtin_offsetof(struct seccomp_data, args)": bpf.AT_ARGUMENTS,
    },
    "linux/bpf_common.h": {
        "(BPF_LD | BPF_W | BPF_ABS)": bpf.LOAD,
        "(BPF_ALU | BPF_AND | BPF_K)": bpf.AND,
        "(BPF_JMP | BPF_JA)": bpf.JUMP,
        "(BPF_JMP | BPF_JEQ | BPF_K)": bpf.JUMP_EQUAL,
        "(BPF_JMP | BPF_JGE | BPF_K)": bpf.JUMP_AT_LEAST,
        "(BPF_RET | BPF_K)": bpf.RETURN,
    },
}


@pytest.mark.parametrize("header", CONSTANTS)
def test_constants(header, tmp_path):
    """Those of linux/btrfs.h carry the size of structures; compiled here, they are of 64 bits as on both machines."""
    lines = "".join(f'printf("%llu\\n", (unsigned long long)({name}));' for name in CONSTANTS[header])
    source = f"#define _GNU_SOURCE\n#include <stdio.h>\n#include <{header}>\nint main(void) {{ {lines} }}\n"
    program = tmp_path / "constants"
    subprocess.run(["cc", "-x", "c", "-o", program, "-"], input=source, text=True, check=True)
    found = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    assert dict(zip(CONSTANTS[header], map(int, found), strict=True)) == CONSTANTS[header]
