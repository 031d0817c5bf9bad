"""What a program is started with, found in trees made for it."""

from __future__ import annotations

import os

import pytest

from hermetic.linux.essentials import essentials, executables


@pytest.fixture
def tree(tmp_path):
    def make(*names, **content):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
            path.chmod(0o755)
        return tmp_path

    return make


def test_nothing_of_anybodys():
    """But for the binary: not what a policy would list, and no directory that keys or a user's files are kept in."""
    found = essentials("/home/me/bin/python3")
    assert {"/home/me/bin/python3", "/etc/passwd", "/proc"} < set(found)
    others = [path for path in found if not path.startswith(("/etc/", "/proc", "/sys/"))]
    assert others == ["/home/me/bin/python3"]


def test_executables_of_a_binary():
    found = executables([os.path.realpath("/bin/sh")])
    assert found[0] == os.path.realpath("/bin/sh")
    assert len(found) == 2
    assert "ld-" in found[1]


def test_executables_of_scripts(tree):
    base = tree("tool", "wrapped", "through-env", "none", "loop")
    shell = os.path.realpath("/bin/sh")
    (base / "tool").write_text(f"#!{shell} -e\n")
    (base / "wrapped").write_text(f"#! {base}/tool\n")
    (base / "through-env").write_text("#!/usr/bin/env sh\n")
    (base / "none").write_text("#!\n")
    (base / "loop").write_text(f"#!{base}/loop\n")
    loader = executables([shell])[1]
    assert executables([f"{base}/wrapped"]) == (f"{base}/wrapped", f"{base}/tool", shell, loader)
    found = executables([f"{base}/through-env"])
    assert "/usr/bin/env" in found
    assert any(os.path.realpath(path) == shell for path in found)
    assert executables([f"{base}/none", f"{base}/absent", f"{base}/loop"]) == (f"{base}/none", f"{base}/absent", f"{base}/loop")


DAMAGED = {
    "empty": b"",
    "cut": b"\x7fELF",
    "ones": b"\x7fELF\x02\x01" + b"\xff" * 60,
    "large": b"\x7fELF\x02\x01" + b"\x7f" * 250,
    "32 bits": b"\x7fELF\x01" + b"\x01" * 250,
    "bytes": b"#!\xff\xfe",
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_programs(tree, content):
    base = tree("tool")
    (base / "tool").write_bytes(content)
    assert executables([f"{base}/tool"]) == (f"{base}/tool",)
