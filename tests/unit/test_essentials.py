"""What is found for an interpreter and for programs, in trees made for it."""

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


def of(base, program):
    """What is found below `base`, relative to it."""
    return {path.removeprefix(f"{base}/") for path in essentials(f"{base}/{program}") if path.startswith(f"{base}/")}


def test_interpreter_under_a_prefix(tree):
    base = tree("py/bin/python3.11", "py/lib/python3.11/os.py")
    assert {"py/bin", "py/lib", "py/include", "py/bin/python3.11"} <= of(base, "py/bin/python3.11")
    assert "py" not in of(base, "py/bin/python3.11")


@pytest.mark.parametrize("library", ["lib64/python3.12/os.py", "lib/pypy3.9/os.py", "lib_pypy/_x.py"])
def test_other_libraries(tree, library):
    base = tree("py/bin/python", f"py/{library}")
    assert f"py/{library.partition('/')[0]}" in of(base, "py/bin/python")


def test_virtual_environment(tree):
    base = tree("py/bin/python3.11", "py/lib/python3.11/os.py", "env/pyvenv.cfg")
    (base / "env/bin").mkdir()
    (base / "env/bin/python").symlink_to(base / "py/bin/python3.11")
    (base / "env/pyvenv.cfg").write_text(f"home = {base}/py/bin\ninclude-system-site-packages = false\n")
    assert {"env/bin", "env/lib", "env/pyvenv.cfg", "env/bin/python", "py/bin", "py/lib"} <= of(base, "env/bin/python")


def test_virtual_environment_with_a_copy_of_the_interpreter(tree):
    base = tree("py/bin/python3.11", "py/lib/python3.11/os.py", "env/bin/python")
    (base / "env/pyvenv.cfg").write_text(f"Home= {base}/py/bin\n")
    assert {"env/lib", "py/lib"} <= of(base, "env/bin/python")


def test_program_in_a_home_directory(tree):
    """Its bin is none of an interpreter's."""
    base = tree("home/bin/tool", "home/lib/other", "home/.ssh/id")
    assert of(base, "home/bin/tool") == {"home/bin/tool"}


def test_damaged_virtual_environment(tree):
    base = tree("env/bin/python")
    (base / "env/pyvenv.cfg").write_bytes(b"home\n\xff = = \nhome =\n")
    assert "env/lib" in of(base, "env/bin/python")


def test_nothing_private():
    """No directory that keys or a user's files are kept in."""
    found = essentials("/usr/bin/python3")
    for private in (
        "/",
        "/etc",
        "/etc/ssl",
        "/etc/pki",
        "/etc/pki/tls",
        "/home",
        "/root",
        "/tmp",
        "/var",
        "/var/lib",
        "/run",
        "/usr",
        "/opt",
        "/dev",
    ):
        assert private not in found
    assert {"/usr/lib", "/etc/ld.so.cache", "/etc/hosts", "/usr/share", "/proc"} <= set(found)


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
