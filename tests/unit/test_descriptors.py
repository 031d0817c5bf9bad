"""Which descriptors a target gets, from what is known of them."""

from __future__ import annotations

import os
import stat

import pytest
from hermetic_guard.policy import Filesystem, Policy

from hermetic.linux.descriptors import Descriptor, stays

OPEN = Policy()
WRITE = Policy(filesystem=Filesystem(write=("/srv/out",), hide=("/srv/key",)))
ROOTED = Policy(filesystem=Filesystem(read=("/srv",)))
R, W, RW = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
FILE, DIRECTORY, PIPE, TERMINAL, SOCKET, BLOCK = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFBLK)

ROWS = [
    # policy, number, kind, flags, name, whether it stays
    (OPEN, 3, PIPE, R, "pipe:[1]", True),
    (WRITE, 3, PIPE, W, "pipe:[1]", True),
    (WRITE, 3, PIPE, RW, "/tmp/GMfifo1", True),
    (OPEN, 3, TERMINAL, RW, "/dev/kvm", False),
    (OPEN, 3, DIRECTORY, R, "/srv", False),
    (OPEN, 3, FILE, os.O_PATH, "/srv/file", False),
    (OPEN, 3, DIRECTORY, os.O_PATH, "/srv", False),
    (OPEN, 3, SOCKET, RW, "socket:[1]", False),
    (OPEN, 3, BLOCK, R, "/dev/sda", False),
    (OPEN, 3, FILE, RW, "/srv/file", True),
    (WRITE, 3, FILE, R, "/srv/file", True),
    (WRITE, 3, FILE, W, "/srv/file", False),
    (WRITE, 3, FILE, RW, "/srv/file", False),
    (WRITE, 3, FILE, RW | os.O_APPEND, "/srv/out/log", True),
    (WRITE, 3, FILE, R, "/srv/key", False),
    (WRITE, 3, FILE, W, "/srv/outer", False),
    (ROOTED, 3, FILE, R, "/srv/file", True),
    (ROOTED, 3, FILE, R, "/etc/passwd", False),
    (OPEN, 3, FILE, R, "mnt:[4026531840]", False),
    (OPEN, 3, FILE, R, "pidfd:[7]", False),
    (OPEN, 3, 0, RW, "anon_inode:[pidfd]", False),
    (OPEN, 3, 0, RW, "anon_inode:[eventfd]", True),
    (OPEN, 3, 0, RW, "anon_inode:[eventpoll]", True),
    (OPEN, 3, 0, RW, "anon_inode:inotify", True),
    (OPEN, 3, 0, RW, "anon_inode:[io_uring]", False),
    (OPEN, 3, 0, RW, "anon_inode:[userfaultfd]", False),
    (OPEN, 3, 0, RW, "anon_inode:[fscontext]", False),
    (OPEN, 3, 0, RW, "anon_inode:seccomp notify", False),
    (OPEN, 3, 0, RW, "anon_inode:bpf-map", False),
    (OPEN, 3, 0, RW, "anon_inode:[a later one]", False),
    *((WRITE, number, kind, RW, "name", True) for number in (0, 1, 2) for kind in (PIPE, TERMINAL, SOCKET, BLOCK, FILE, 0)),
    *((OPEN, number, DIRECTORY, R, "/", False) for number in (0, 1, 2)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[4]}, {row[3]}, {row[1]}")
def test_stays(row):
    policy, number, kind, flags, name, expected = row
    assert stays(policy, Descriptor(number, kind | 0o600, 1, flags, name)) is expected


DEVICES = [
    # major, minor, whether it is a terminal, whether it stays
    *((1, minor, False, minor in (3, 5, 7, 8, 9)) for minor in range(12)),  # mem, port and kmsg are of this family too
    (136, 1, True, True),  # /dev/pts/1
    (4, 1, True, True),  # /dev/tty1
    (5, 0, True, True),  # /dev/tty
    (5, 2, True, False),  # /dev/ptmx, by which one types
    (10, 200, False, False),  # /dev/net/tun
    (21, 0, False, False),  # /dev/sg0
]


@pytest.mark.parametrize(("major", "minor", "terminal", "expected"), DEVICES)
def test_devices(major, minor, terminal, expected):
    for policy in (OPEN, WRITE, ROOTED):
        assert stays(policy, Descriptor(3, TERMINAL, 1, RW, "/dev/x", (major, minor), terminal=terminal)) is expected


@pytest.mark.parametrize("policy", [OPEN, WRITE, ROOTED], ids=["open", "write", "rooted"])
def test_file_without_a_name_stays(policy):
    """As those of memfd_create, and here-documents."""
    for name in ("/memfd:x (deleted)", "/tmp/sh-thd.1 (deleted)"):
        assert stays(policy, Descriptor(3, FILE, 0, RW, name))
