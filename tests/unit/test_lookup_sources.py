"""What names are found by: the hosts file as it was, and whether a file was another meanwhile."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hermetic_guard.policy import Filesystem, Policy

from hermetic.linux import lookup_sources
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
