"""Mounts and the domain hold whoever acts: a program in C, the same in a shell, a shell by its own commands, and Python by libc's functions."""

import contextlib
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from containment.places import PYTHON, USERS, places, run

HERE = Path(__file__).resolve().parent

IN_A_SHELL = """
cd "$1" || exit
try() { name=$1; shift; "$@" && echo "$name"; }
add() { echo x >> "$1"; }
see() { read -r word < "$1" && [ -n "$word" ]; }
see_line() { read -r word < "$1"; [ -n "$word" ]; }
empty() { : > "$1"; }
try write add data/file; try make add data/made; try cut empty data/spare; try remove rm data/shared; try mkdir mkdir data/directory
try rmdir rmdir data/empty; try symlink ln -s file data/symlink; try link ln data/file data/link; try fifo mkfifo data/pipe
try 'write by link' add out/link/file; try 'own memory' eval '{ :; } 3<> /proc/self/mem'
try mode chmod 640 data/file; try owner chown "$(id -u)" data/file; try times touch data/file
try hidden see_line secret; try 'hidden by link' see_line out/to-secret; try 'hidden by dots' see_line data/../secrets/key
try 'hidden by root' see_line "/proc/self/root$PWD/secret"; try planted see_line out/planted-key; try inside add out/file
try move mv data/folder data/moved
"""
IN_CTYPES = """
import ctypes, os, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None)
def add(path, flags=0o2001):
    return libc.write(libc.open(path, flags, 0o600), b'x', 1) == 1
def see(path):
    return libc.read(libc.open(path, 0), ctypes.create_string_buffer(9), 1) == 1
def bind():
    return libc.bind(libc.socket(1, 1, 0), (1).to_bytes(2, 'little') + b'data/socket'.ljust(108, b'\\0'), 110) == 0
ACTS = {
    'write': lambda: add(b'data/file'), 'make': lambda: add(b'data/made', 0o101), 'cut': lambda: not libc.truncate(b'data/spare', 0),
    'remove': lambda: not libc.unlink(b'data/shared'), 'mkdir': lambda: not libc.mkdir(b'data/directory', 0o700),
    'rmdir': lambda: not libc.rmdir(b'data/empty'), 'symlink': lambda: not libc.symlink(b'file', b'data/symlink'),
    'link': lambda: not libc.link(b'data/file', b'data/link'), 'fifo': lambda: not libc.mkfifo(b'data/pipe', 0o600), 'socket': bind,
    'write by link': lambda: add(b'out/link/file'), 'own memory': lambda: libc.open(b'/proc/self/mem', 2) >= 0,
    'mode': lambda: not libc.chmod(b'data/file', 0o640), 'owner': lambda: not libc.chown(b'data/file', os.getuid(), -1),
    'times': lambda: not libc.utimensat(-100, b'data/file', None, 0), 'attribute': lambda: not libc.setxattr(b'data/file', b'user.n', b'x', 1, 0),
    'hidden': lambda: see(b'secret'), 'hidden by link': lambda: see(b'out/to-secret'), 'hidden by dots': lambda: see(b'data/../secrets/key'),
    'hidden by root': lambda: see(b'/proc/self/root' + os.getcwdb() + b'/secret'), 'planted': lambda: see(b'out/planted-key'),
    'inside': lambda: add(b'out/file'), 'move': lambda: not libc.rename(b'data/folder', b'data/moved'),
}
for name, act in ACTS.items():
    if act():
        print(name)
"""
COMMANDS = {
    "C": ["FILES"],
    "C, in a shell": ["/bin/sh", "-c", '"$@"; exit $?', "sh", "FILES"],
    "a shell": ["/bin/bash", "-c", IN_A_SHELL, "bash"],
    "ctypes": [PYTHON, "-ISc", IN_CTYPES],
}
CHANGES = {
    *("write", "make", "cut", "remove", "mkdir", "rmdir", "symlink", "link", "fifo", "socket", "write by link", "move"),
    *("mode", "owner", "times", "attribute"),
}
METADATA = {"mode", "owner", "times", "attribute"}
"""Landlock knows no right to these: the gap `metadata`, where there are no mounts."""
HIDDEN = {"hidden", "hidden by link", "hidden by dots", "hidden by root"}
ALL = {*CHANGES, *HIDDEN, "own memory", "planted", "inside"}
NOT_IN_A_SHELL = {"socket", "attribute"}


FILES, OUT, SECRETS = "data/files", "out", ("secret", "secrets")
OTHERS = {"network": {}, "native": {}, "subprocess": {}}
WAYS = {"bare": {"bare": True}, "mounts": {"namespaced": True}, "alone": {"namespaced": False}}


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    made = tmp_path_factory.mktemp("files") / "files"
    subprocess.run(["cc", "-Wall", "-O1", "-o", made, HERE / "files.c"], check=True)
    return made


def done(program, user, commands, guards, way):
    """What each of these could do, in a tree of its own that was made anew, all behind the same rules."""
    with contextlib.ExitStack() as stack:
        trees = [stack.enter_context(places(user)) for _ in commands]
        for tree in trees:
            shutil.copy(program, tree / FILES)
        rules = {"filesystem": {"write": [tree / OUT for tree in trees], "hide": [tree / name for tree in trees for name in SECRETS]}}
        rules |= OTHERS | {"subprocess": {"run": [PYTHON, "/bin/bash", "/bin/sh", *(tree / FILES for tree in trees)]}}
        written = [
            shlex.join([*(tree / FILES if word == "FILES" else word for word in command), tree.base])
            for tree, command in zip(trees, commands, strict=True)
        ]
        described = {"policy": {guard: rules[guard] for guard in guards}, "run": trees[0] / "run"}
        ended = run(trees[0], described | WAYS[way], "/bin/sh", "-c", "; echo end; ".join(written))
        found = ended.stdout.split("end\n")
        assert len(found) == len(commands), ended.stderr
        return [set(names.splitlines()) for names in found]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", WAYS)
def test_every_program(program, user, way):
    """What was planted earlier is as good as the place that it is in (README); what may be written is."""
    held = {"bare": ALL, "mounts": {"planted", "inside"}, "alone": {"planted", "inside", *METADATA}}[way]
    for name, found in zip(COMMANDS, done(program, user, COMMANDS.values(), ["filesystem"], way), strict=True):
        assert found == (held - NOT_IN_A_SHELL if name == "a shell" else held), name


@pytest.mark.parametrize("way", ["mounts", "alone"])
@pytest.mark.parametrize("guard", OTHERS)
def test_under_another_guard(program, guard, way):
    """Alone it keeps memory, and nothing of files; together with that of files what that does."""
    assert done(program, "user", [["FILES"]], [guard], way) == [ALL - {"own memory"}]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("way", ["mounts", "alone"])
def test_all_together(program, user, way):
    assert done(program, user, [["FILES"]], [*OTHERS, "filesystem"], way) == [{"planted", "inside", *(METADATA if way == "alone" else ())}]
