"""Devices that give past every file system to what is on a disk or in memory.

Root owns them, and opening them takes no capability: a target that runs as root and has lost all of those could still rewrite a disk
behind the file systems on it.
"""

from __future__ import annotations

import os
import stat

DEV = "/dev"
FAMILIES = frozenset(
    "bsg bus cuse kmem megaraid mem mtd net ng nst nvme port raw sg st tap ubi uhid uinput userfaultfd vhci vhost watchdog".split()
)
"""What the names of such character devices, or of directories of them, begin with (Documentation/admin-guide/devices.txt); block devices are
all of that kind. bus/usb is any stick behind its driver; uinput types on the user's keyboard, as what is plugged in by uhid or vhci does; cuse
makes devices; watchdog reboots; userfaultfd is the system call that every filter refuses; net/tun, tap and
vhost send frames by an interface that is there for a virtual machine."""
TERMINALS = ("tty", "vcs")
"""Nine of ten entries: not looked at, which saves half the time."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def is_raw(name: str, mode: int) -> bool:
    """Whether what has this name in /dev, and this st_mode, is such a device, or a directory of them."""
    family = name[: len(name) - len(name.lstrip(LETTERS))]
    return stat.S_ISBLK(mode) or (family in FAMILIES and (stat.S_ISCHR(mode) or stat.S_ISDIR(mode)))


def raw() -> tuple[str, ...]:
    """Paths of what is raw in /dev or in its directories."""
    return tuple(_raw(DEV))


def besides(raw: tuple[str, ...]) -> tuple[str, ...]:
    """Paths of all that stands in /dev and neither is raw nor holds such, links left out."""
    taken = {DEV + "/" + path.split("/", 3)[2] for path in raw}
    with os.scandir(DEV) as entries:
        return tuple(entry.path for entry in entries if entry.path not in taken and not entry.is_symlink())


def _raw(directory: str) -> list[str]:
    found = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(TERMINALS) or entry.is_symlink() or entry.is_file(follow_symlinks=False):
                continue
            if is_raw(entry.name, entry.stat(follow_symlinks=False).st_mode):
                found.append(entry.path)
            elif directory == DEV and entry.is_dir(follow_symlinks=False):
                found += _raw(entry.path)
    return found
