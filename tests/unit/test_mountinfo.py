"""What is mounted where else, from the lines of mountinfo."""

from __future__ import annotations

import pytest

from hermetic.linux.mountinfo import is_own, kernels, others, read

LINES = """\
20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
21 20 8:2 / /home rw - ext4 /dev/sda2 rw
22 20 8:1 /srv/data /mnt/data rw - ext4 /dev/sda1 rw
23 20 8:1 / /mnt/all rw - ext4 /dev/sda1 rw
24 20 8:2 /ada/.ssh /mnt/with\\040blank rw - ext4 /dev/sda2 rw
25 20 0:5 / /tmp rw - tmpfs none rw
26 20 0:6 / /tmp rw - tmpfs none rw
27 20 0:5 / /mnt/lower rw - tmpfs none rw
28 20 8:1 /etc/hostname /run/file rw - ext4 /dev/sda1 rw
29 20 0:7 / /proc rw - proc proc rw
30 20 0:8 / /sys rw - sysfs sysfs rw
31 30 0:9 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
32 20 0:7 / /srv/chroot/proc rw - proc proc rw
33 20 0:10 / /srv/chroot/procs rw - tmpfs - rw
"""

ROWS = [
    # path, where else, as what
    ("/home/ada/.ssh", [("/mnt/with blank", "/home/ada/.ssh")]),
    ("/home/ada/.ssh/id", [("/mnt/with blank/id", "/home/ada/.ssh/id")]),
    ("/home/ada", [("/mnt/with blank", "/home/ada/.ssh")]),
    ("/home/bob", []),
    ("/home/ada/.sshd", []),
    ("/srv/data/x", [("/mnt/data/x", "/srv/data/x"), ("/mnt/all/srv/data/x", "/srv/data/x")]),
    ("/srv", [("/mnt/data", "/srv/data"), ("/mnt/all/srv", "/srv")]),
    ("/mnt/data/x", [("/srv/data/x", "/mnt/data/x"), ("/mnt/all/srv/data/x", "/mnt/data/x")]),
    ("/etc/hostname", [("/mnt/all/etc/hostname", "/etc/hostname"), ("/run/file", "/etc/hostname")]),
    ("/tmp/x", []),
    ("/mnt/lower/x", [("/tmp/x", "/mnt/lower/x")]),
]


@pytest.mark.parametrize(("path", "expected"), ROWS)
def test_others(path, expected):
    assert others(path, read(LINES.splitlines(keepends=True))) == expected


def test_no_mounts():
    assert others("/srv", []) == []


@pytest.mark.parametrize(
    ("lines", "own"),
    [
        ("", False),
        ("33 20 0:10 / /dev/shm rw - tmpfs tmpfs rw\n", False),
        ("33 20 0:10 / /dev/shm rw - tmpfs hermetic rw\n", True),
        ("33 20 0:10 / /dev/shm rw shared:1 master:2 - tmpfs hermetic rw\n", True),
        ("33 20 0:10 / /dev/shm/below rw - tmpfs hermetic rw\n", False),
        ("33 20 0:10 / /dev/shm rw - tmpfs hermetic rw\n34 20 0:11 / /dev/shm rw - tmpfs tmpfs rw\n", False),
        ("33 20 0:10 / /dev/shm rw - tmpfs tmpfs rw\n34 20 0:11 / /dev/shm rw - tmpfs hermetic rw\n", True),
        ("33 20 0:10 /\\040-\\040tmpfs\\040hermetic /dev/shm rw - tmpfs tmpfs rw\n", False),
    ],
)
def test_what_is_the_runs_own(lines, own):
    """Of two at one point that counts which lies above."""
    assert is_own("/dev/shm", [*LINES.splitlines(keepends=True), *lines.splitlines(keepends=True)]) is own


def test_kernels():
    assert kernels(LINES.splitlines(keepends=True)) == ("/srv/chroot/proc",)
