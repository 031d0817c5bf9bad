"""First lines of scripts, compared with what the kernel, env and the shells make of them."""

import os
import random
import re
import shutil
import subprocess

import pytest
from hermetic_guard import programs, shebang

SHOW = """\
#!/bin/sh
printf '%s\\0' SHOWN "${A-unset}" "${NAME-unset}" "$0" "$@"
"""
"""Stands for the interpreter, and shows what it was given."""

KERNEL = [
    "#!SHOW\n", "#!SHOW", "#! \t SHOW\t \n", "#!SHOW -E\n", "#!SHOW -E -s \t\n", "#!SHOW '-E'\n", "#!SHOW ", "#!SHOW -E ",
    "#!SHOW\t\t-E", "#!SHOW\0-E\n", "#!SHOW -E\0x\n", "#!SHOW \0\n", "#!show\n", "#!./show -x\n", "#!SHOW\r\n", "#!SHOW -E\r\n",
    "#!MISSING\n", "#!\n", "#! \t\n", "#! ", "print(1)\n", "", "#!PAD251 a\n", "#!PAD252\n", "#!PAD253\n", "#!PAD253 a\n", "#!PAD254\n",
    "#!PAD254 a\n", "#!PAD255\n", "#!PAD300\n", "#!SHOW LONG\n", "#!nested\n", "#!nested -a\n", "#!nested5\n", "#!nested6\n", "#!.\n",
]  # fmt: skip

ENV = """
    python3 | python3 -u | -S python3 -u | -Spython3 | -vS python3 -u | --split-string=python3 -u | -S -uNAME python3 |
    -S -u NAME A=2 python3 | -S --unset=NAME python3 | -S A=1 python3 A=3 | -iS A=1 SHOW -i | -S -i SHOW | -S - SHOW - |
    -S -uA A=5 python3 | -S A=5 -u python3 | -S -- python3 -- | -S -S'python3 -u' -E | -S 'a b' "c d" e'f'"g" |
    -S python3 '' "" | -S python3 \\"a\\' \\#b \\$c \\\\ | -S python3\\_a\\_ \\_b | -S python3 "a\\_b\\tc" |
    -S python3 'a\\_b\\'\\\\c\\d' | -S python3 \\f\\n\\r\\t\\v | -S python3 a\\cb c | -S python3 # -E | -S python3 a#b '#c' "#d" |
    -S ${DIR}/show "${DIR}" '${DIR}' | -S python3 ${MISSING} a${MISSING}b "${MISSING}" | -S ${MISSING} python3 |
    -S 'python3 | -S python3\\ | -S python3 \\x | -S "python3\\c" | -S $DIR/show | -S ${DIR | -S ${} | -S ${1A} |
    -S --unknown python3 | -Z python3 | missing | -S missing -u | -S SHOW | -S NAME=other PATH=. show
"""

SHELL = [
    "'''exec' SHOW \"$0\" \"$@\"\n' '''", "'''exec' \"SHOW\" -E \"$0\" \"$@\"\n' '''", "'''exec' 'SPACED' \"$0\" \"$@\"\n' '''",
    "'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'show' \"$0\" \"$@\"", "'''exec' \"$(dirname \"$0\")/show\" \"$0\" \"$@\"",
    '"exec" "`dirname $0`/show" "-u" "$0" "$@"', '"exec" "${0%/*}/show" "$0" "$@"', '"exec" "python3" "-u" "$0" "$@"',
    '""":"\nexec python3 -s "$0" "$@"\n"""', "''':'\n# it's a comment\n\n  : nothing\nexec SHOW\t\"$0\" \"$@\" # why\n'''",
    "'''exec' \"SHOW\" \"$0\" \"$@\" #'''", 'exec python3 "a\\"b\\$c\\`d\\\\e\\f" "$0" "$@"', "exec S\\HOW q\\ r 's\\t' \"$0\" \"$@\"",
    "exec python3 a=b \"\" '' \"$0\" \"$@\"", "exec python3 a#b %@+:, \"$0\" \"$@\"", "'''exec' /usr/bin/env A=7 \"python3\" -u \"$0\" \"$@\"",
    "exec missing \"$0\" \"$@\"", "exec ./missing \"$0\" \"$@\"", "exec \"$0\"/x \"$0\" \"$@\"",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the stand-in under several names, on PATH."""
    place = tmp_path_factory.mktemp("s")
    spaced = place / "it's a dir"
    spaced.mkdir()
    for path in (place / "show", place / "python3", place / "a b", spaced / "show"):
        _write(path, SHOW)
    _write(place / "nested", f"#!{place}/show nest\n")
    for depth, interpreter in enumerate(["nested", "nested2", "nested3", "nested4", "nested5"], start=2):
        _write(place / f"nested{depth}", f"#!{place}/{interpreter}\n")
    return place


def _write(path, text):
    path.write_bytes(text.encode())
    path.chmod(0o755)


def _fill(head, place):
    head = head.replace("SHOW", f"{place}/show").replace("S\\HOW", f"\\{place}/show").replace("MISSING", f"{place}/missing")
    head = head.replace("SPACED", f"{place}/it'\"'\"'s a dir/show").replace("LONG", "a" * 300)
    return re.sub(r"PAD(\d+)", lambda match: _pad(f"{place}/show", int(match[1])), head)


def _pad(path, length):
    """The same file, by a path that makes the line up to its end so long."""
    return "/" * (length - 2 - len(path)) + path


def compare(place, head, *, name="./script"):
    """Run the script, and follow it by reading: either both come to the stand-in with the same words, or both to nothing."""
    _write(place / "script", head)
    environ = {"PATH": f"{place}:/usr/bin:/bin", "NAME": "name", "DIR": str(place)}
    try:
        done = subprocess.run([name, "x", "y z"], cwd=place, env=environ, capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    except OSError:
        seen = None
    else:
        seen = done.stdout.decode().split("\0")[1:-1] if done.stdout.startswith(b"SHOWN") else None
    assert read(place, environ, name) == seen
    return seen


def read(place, environ, name):
    """What the stand-in would show, by reading alone; None if it would not be reached."""
    try:
        program = programs.follow(name, environ, str(place))
    except programs.Unresolved:
        return None
    words = [*program.argv, "x", "y z"]
    if os.path.basename(program.interpreter) != "sh" or len(words) < 4:
        return None
    return [program.environ.get("A", "unset"), program.environ.get("NAME", "unset"), *words[1:]]


@pytest.mark.parametrize("head", KERNEL)
def test_kernel(place, head):
    compare(place, _fill(head, place))


@pytest.mark.parametrize("words", [words.strip() for words in ENV.split("|")])
def test_env(place, words):
    compare(place, _fill(f"#!/usr/bin/env {words}\n", place))


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("body", SHELL)
def test_shell(place, shell, body):
    compare(place, _fill(f"#!{shell}\n{body}\n", place))
