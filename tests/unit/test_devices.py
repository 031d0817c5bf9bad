"""Which devices give past the file systems."""

import stat

import pytest

from hermetic.linux import devices
from hermetic.linux.devices import is_raw

CHARACTER, DIRECTORY, FILE = stat.S_IFCHR, stat.S_IFDIR, stat.S_IFREG

ROWS = [
    *((name, stat.S_IFBLK, True) for name in ("sda", "sda1", "nvme0n1p2", "loop0", "dm-3", "vda", "anything")),
    *((name, CHARACTER, True) for name in "mem kmem port sg0 nvme0 ng0n1 mtd0ro st0 nst0 ubi0_0 uinput uhid vhci cuse watchdog0".split()),
    *((name, CHARACTER, False) for name in ("null", "tty", "tty1", "urandom", "nvidia0", "kvm", "fuse", "snd", "hidraw0", "memory")),
    ("bsg", DIRECTORY, True),
    ("bus", DIRECTORY, True),
    ("dri", DIRECTORY, False),
    ("mem", FILE, False),
]


@pytest.mark.parametrize(("name", "kind", "raw"), ROWS)
def test_is_raw(name, kind, raw):
    assert is_raw(name, kind | 0o600) is raw


def test_what_stands_in_dev():
    raw = devices.raw()
    usable = devices.besides(raw)
    assert {"/dev/null", "/dev/tty"} <= set(usable)
    assert not set(usable) & set(raw)
    assert "/dev/stdin" not in usable  # a link into /proc
