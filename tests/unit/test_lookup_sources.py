"""What names are found by: the hosts file as it was, and whether a file was another meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hermetic_guard.policy import Filesystem, Policy

from hermetic.linux import lookup_sources, syscalls
from hermetic.linux.lookup_sources import Hosts, Watch, in_reach, may_change

ONE, OTHER = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")


def test_hosts() -> None:
    hosts = Hosts([["192.0.2.1", "A.example", "b.example."], ["192.0.2.2", "a.example"], ["nonsense", "a.example"], ["192.0.2.2"]])
    assert (hosts.addresses("a.example"), hosts.addresses("c.example")) == ([ONE, OTHER], [])
    assert (hosts.names(ONE), hosts.names(socket.inet_aton("192.0.2.3"))) == (["a.example", "b.example"], [])


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No change counts as recent."""
    monkeypatch.setattr(lookup_sources, "RECENT_NS", 0)
    (tmp_path / "file").write_text("before")
    return tmp_path / "file"


def replace(file: Path, text: str) -> None:
    (file.parent / "new").write_text(text)
    os.rename(file.parent / "new", file)


def test_nothing_happens(file: Path) -> None:
    watch = Watch([str(file), str(file.parent / "none")])
    assert watch.changed(watch.begin()) == ""


CHANGES = {
    "written": lambda file: file.write_text("after!"),
    "replaced": lambda file: replace(file, "after!"),
    "removed": lambda file: file.unlink(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_content(file: Path, name: str) -> None:
    watch = Watch([str(file)])
    begun = watch.begin()
    CHANGES[name](file)
    assert watch.changed(begun) == watch.changed(watch.begin()) == str(file)


def test_there_and_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it was used, or just before; what was written anew before that is as good as ever."""
    watch = Watch([str(file)])
    begun = watch.begin()
    replace(file, "after!")
    replace(file, "before")
    assert watch.changed(begun) == str(file)
    assert watch.changed(watch.begin()) == ""
    monkeypatch.setattr(lookup_sources, "RECENT_NS", 1 << 60)
    assert watch.changed(watch.begin()) == str(file)


def test_what_was_not_there(file: Path) -> None:
    watch = Watch([str(file.parent / "socket")])
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(file.parent / "socket"))
    assert watch.changed(watch.begin()) == str(file.parent / "socket")


def test_who_may_change_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    monkeypatch.setattr(os, "access", lambda path, mode: path == str(file.parent))
    assert may_change(str(file))
    assert not may_change("/etc/hosts")
    monkeypatch.setattr(lookup_sources, "SOURCES", (str(file), "/etc/hosts"))
    assert in_reach(Policy()) == (str(file),)
    assert in_reach(Policy(filesystem=Filesystem())) == ()
    assert in_reach(Policy(filesystem=Filesystem(write=(os.path.realpath(file.parent),)))) == (str(file),)


def exchange(one: Path, other: Path) -> None:
    """renameat2(2) with RENAME_EXCHANGE, here in three steps."""
    os.rename(one, one.parent / "between")
    os.rename(other, one)
    os.rename(one.parent / "between", other)


def test_a_directory_exchanged_and_back(file: Path) -> None:
    """The files in it are what they were, with all their times."""
    above, evil = file.parent / "above", file.parent / "evil"
    for place in above, evil:
        place.mkdir()
        (place / "file").write_text(place.name)
    watch, before = Watch([str(above / "file")]), lookup_sources.identity(str(above / "file"))
    begun = watch.begin()
    exchange(above, evil)
    exchange(above, evil)
    assert lookup_sources.identity(str(above / "file")) == before
    assert watch.changed(begun) == str(above)
    assert watch.may_be_again(str(above))
    assert watch.changed(watch.begin()) == ""


def test_a_file_that_was_there_for_a_moment(file: Path) -> None:
    watch = Watch([str(file.parent / "socket")])
    begun = watch.begin()
    replace(file.parent / "socket", "x")
    (file.parent / "socket").unlink()
    assert watch.changed(begun) == str(file.parent)


def test_once_another_always_another(file: Path) -> None:
    watch = Watch([str(file)])
    replace(file, "after!")
    assert watch.changed(watch.begin()) == str(file)
    replace(file, "before")
    assert watch.changed(watch.begin()) == str(file)
    assert not watch.may_be_again(str(file))


def test_what_is_above() -> None:
    assert lookup_sources.above(["/var/none/socket"]) == ["/var/none", "/var", "/"]


PIN = """
import sys; sys.path[:0] = {path!r}
import _socket
from hermetic.linux import lookup_sources, syscalls
told = []
find_by = syscalls.find_by
syscalls.find_by = lambda *words: (told.append(words), find_by(*words))
lookup_sources.pin({services!r})
print(told, "libnss_hesiod" in open("/proc/self/maps").read(), bool(_socket.getaddrinfo(b"localhost", None)))
"""


@pytest.mark.parametrize(
    ("services", "kept", "loaded"),
    [
        (["files", "nowhere", "[NOTFOUND=return]", "dns"], "files dns", False),
        (["files[SUCCESS=return]", "hesiod", "[NOTFOUND=return", "UNAVAIL=continue]"], "files [SUCCESS=return] hesiod [NOTFOUND=return UNAVAIL=continue]", True),
    ],
)  # fmt: skip
def test_libraries_are_loaded_at_once(services: list[str], kept: str, loaded: bool) -> None:
    """What libc would load at the first look-up the run could have put there; what is not there could come to be."""
    try:
        syscalls.load_library("libnss_hesiod.so.2")
    except OSError:
        pytest.skip("this C library has no services")
    program = PIN.format(path=[path for path in sys.path if path], services=services)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{[('hosts', kept)]} {loaded} True\n"
