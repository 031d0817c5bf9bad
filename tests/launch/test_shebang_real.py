"""First lines of scripts, compared with what the kernel, env and the shells make of them."""

import random
import re
import subprocess

import pytest
from hermetic_guard import programs

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
    -S ${DIR}/show "${DIR}" '${DIR}' | -S python3 ${ABSENT} a${ABSENT}b "${ABSENT}" | -S ${ABSENT} python3 |
    -S 'python3 | -S python3\\ | -S python3 \\x | -S "python3\\c" | -S $DIR/show | -S ${DIR | -S ${} | -S ${1A} |
    -S --unknown python3 | -Z python3 | missing | -S missing -u | -S SHOW | -S NAME=other PATH=. show
"""

SHELL = [
    "'''exec' SHOW \"$0\" \"$@\"\n' '''", "'''exec' \"SHOW\" -E \"$0\" \"$@\"\n' '''", "'''exec' 'SPACED' \"$0\" \"$@\"\n' '''",
    "'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'show' \"$0\" \"$@\"", "'''exec' \"$(dirname \"$0\")/show\" \"$0\" \"$@\"",
    '"exec" "`dirname $0`/show" "-u" "$0" "$@"', '"exec" "${0%/*}/show" "$0" "$@"', '"exec" "python3" "-u" "$0" "$@"',
    '""":"\nexec python3 -s "$0" "$@"\n"""', "''':'\n# it's a comment\n\n  : nothing\nexec SHOW\t\"$0\" \"$@\" # why\n'''",
    "'''exec' \"SHOW\" \"$0\" \"$@\" #'''", 'exec python3 "a\\"b\\$c\\`d\\\\e\\f" "$0" "$@"', "exec S\\HOW q\\ r 's\\t' \"$0\" \"$@\"",
    "exec python3 a=b \"\" '' \"$0\" \"$@\"", "exec python3 a#b %@+:, \"$0\" \"$@\"",
    "'''exec' /usr/bin/env A=7 \"python3\" -u \"$0\" \"$@\"",
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


def run(place, head, name="./script"):
    """What the stand-in shows when the script is run, and what it would show by reading alone; None if it is not reached."""
    _write(place / "script", head)
    environ = {"PATH": f"{place}:/usr/bin:/bin", "NAME": "name", "DIR": str(place)}
    return _really(place, environ, name), _by_reading(place, environ, name)


def _really(place, environ, name):
    command = [name, "x", "y z"]
    try:
        done = subprocess.run(command, cwd=place, env=environ, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return done.stdout.decode().split("\0")[1:-1] if done.stdout.startswith(b"SHOWN") else None


def _by_reading(place, environ, name):
    try:
        program = programs.follow(name, environ, str(place))
    except programs.Unresolved:
        return None
    words = [*program.argv[1:], "x", "y z"]
    stand_in = program.argv[0] == "/bin/sh" and (place / words[0]).read_text() == SHOW
    return [program.environ.get("A", "unset"), program.environ.get("NAME", "unset"), *words] if stand_in else None


@pytest.mark.parametrize("head", KERNEL)
def test_kernel(place, head):
    really, by_reading = run(place, _fill(head, place))
    assert by_reading == really


@pytest.mark.parametrize("words", [words.strip() for words in ENV.split("|")])
def test_env(place, words):
    really, by_reading = run(place, _fill(f"#!/usr/bin/env {words}\n", place))
    assert by_reading == really


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
@pytest.mark.parametrize("body", SHELL)
def test_shell(place, shell, body):
    # By its whole path, because bash's exec makes the path of the next program absolute.
    really, by_reading = run(place, _fill(f"#!{shell}\n{body}\n", place), str(place / "script"))
    assert by_reading == really


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        ("#!/usr/bin/env -S python3 %s\n", r"""-u A=1 ' ' " " \_ \c # \t \\ ${DIR} ${ABSENT} $ a \' \" \#"""),
        ('#!/bin/sh\nexec python3 %s "$0" "$@"\n', r"""' ' " " \ \$ \" # a -u ~ * "$0" {a,b} [a] ! = %"""),
        ("#!SHOW%s", "\0 \t \r -a b ' \n"),
    ],
)
def test_random(place, head, pieces, seed):
    """What is understood is understood rightly."""
    choose = random.Random(seed)
    understood = 0
    for _ in range(80):
        text = "".join(choose.choices([*pieces.split(" "), " ", " "], k=choose.randint(1, 7)))
        really, by_reading = run(place, _fill(head, place).replace("%s", text))
        assert by_reading in (None, really), text
        understood += by_reading is not None
    assert understood > 8
