"""The reading of Python's command line, compared with what interpreters make of it themselves."""

import ast
import random
import subprocess

import pytest
from hermetic_guard import cmdline

PROBE = """\
import sys
flags = {name: getattr(sys.flags, name) for name in dir(sys.flags) if name[0] != "_" and not name.startswith("n_")}
flags = {name: value for name, value in flags.items() if isinstance(value, int)}
print("\\nPROBE", [sys.argv, flags, sys.warnoptions, sorted(sys._xoptions) if hasattr(sys, "_xoptions") else []])
"""
SEEN_AS = {
    "b": "bytes_warning", "B": "dont_write_bytecode", "d": "debug", "E": "ignore_environment", "I": "isolated",
    "i": "interactive", "O": "optimize", "P": "safe_path", "q": "quiet", "s": "no_user_site", "S": "no_site",
    "v": "verbose",
}  # fmt: skip

LINES = """
    app.py a -I | -I app.py -S | -- app.py | -I -- -dash.py a | - a -b | -b - a | -- - a | NOTHING | -q | -I -- |
    -c CODE a -b | -cCODE a | -Ibc CODE -S | -SbcCODE | -c CODE -- - | -m probe a -I | -mprobe a | -bm probe |
    -BOmprobe | -W ignore app.py | -Wignore app.py a | -bW error app.py | -W -I app.py | -W -- app.py -I |
    -X dev app.py | -Xdev app.py -Xutf8 | -IX dev app.py | -XS app.py | -X -S app.py | -WI -X E app.py | -Ix app.py
    | -OO -bb app.py | -u -R app.py | -t app.py | -sE app.py | -sP app.py | -P app.py | -IsESBbdOuq app.py |
    -i app.py | -i - | -ic CODE | --check-hash-based-pycs never app.py | --check-hash-based-pycs=never app.py |
    --check-hash-based-pycs -I app.py | -b-check-hash-based-pycs never app.py | -b- app.py -I | -b- -- a |
    -b- -dash.py | -b- - a | -h | -? app.py | -V | -VV app.py | -IV app.py | -Ih -c CODE | --help app.py |
    --version -c CODE | --help-all app.py | --help-env -c CODE | --help-xoptions -c CODE | --info app.py |
    --jit off app.py | --jit=off app.py | -funroll-loops -S app.py | -Z app.py | -J app.py | -IZ app.py |
    -Q new app.py | -3 app.py | -U app.py | --unknown app.py | -c | -Ic | -m | -W | -X | -IW |
    --check-hash-based-pycs | -- -- app.py | EMPTY a | -I EMPTY | -W EMPTY app.py | -c EMPTY a
"""
"""Arguments, apart by `|`. CODE, EMPTY and NOTHING stand for the probe as code, an empty argument and no argument."""

RANDOM = """
    -I -b -Ob -W -Wi -bX -Xdev -- - -b- -x -Z -V app.py -dash.py probe -m -mprobe -c -cpass -qc --check-hash-based-pycs never
"""

STAND_FOR = {"CODE": [PROBE], "EMPTY": [""], "NOTHING": []}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("cmdline")
    for name in ("app.py", "-dash.py", "probe.py", "--"):
        (place / name).write_text("# the first line, for -x\n" + PROBE)
    return place


def ask(python, words, place):
    """The interpreter's own answer to the words, and what the program that it ran has seen, None if it ran none."""
    environ = {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "", "LC_ALL": "C.UTF-8"}
    command = [python.path, *words]
    done = subprocess.run(command, cwd=place, env=environ, input=PROBE.encode(), capture_output=True, timeout=60)
    found = done.stdout.rpartition(b"\nPROBE ")[2] if b"\nPROBE " in done.stdout else None
    return done, found and ast.literal_eval(found.partition(b"\n")[0].decode())


def expected_argv(line, place):
    """sys.argv as the reading has it; the file of a module is given by its path."""
    first = {"f": line.target, "c": "-c", "m": str(place / "probe.py"), "-": "-", "i": ""}[line.kind]
    return [first, *line.rest]


@pytest.mark.shared
@pytest.mark.parametrize("words", [line.strip() for line in LINES.split("|")])
def test_as_the_interpreter(python, words, place):
    words = [part for word in words.split() for part in STAND_FOR.get(word, [word.replace("CODE", PROBE)])]
    line = cmdline.parse([python.path, *words])
    done, answer = ask(python, words, place)
    if answer is None:
        assert _ran_nothing(done, line)
        return
    argv, flags, warnings, xoptions = answer
    assert argv == expected_argv(line, place)
    for letter, name in SEEN_AS.items():
        if name in flags and not (letter in "sEP" and "I" in line.letters):
            assert bool(flags[name]) == (letter in line.letters), name
    assert ("W" in line.letters) <= bool(warnings)
    assert ("X" in line.letters) == bool(xoptions)
    # What is put behind the flags runs as the program would have: that is how the stub is put in.
    _, again = ask(python, [*line.flags, "-", *line.rest], place)
    assert again[1:] == answer[1:]


def _ran_nothing(done, line):
    """No program ran: then the line asks for none, is one that this version refuses, or names what is not there."""
    return line.kind == "x" or done.returncode == 2 or b"usage" in done.stderr or line.target in ("", "--")


def test_random_lines(python, place):
    """Lines of random words: a program runs only where one was read, and is the one that was read."""
    words = [*RANDOM.split(), ""]
    choose = random.Random(python.name)
    for _ in range(40):
        line = choose.choices(words, k=choose.randint(1, 6))
        read = cmdline.parse([python.path, *line])
        done, answer = ask(python, line, place)
        if answer is None:
            assert read.kind not in "-i" or done.returncode == 2 or b"usage" in done.stderr, line
        else:
            # `-m app.py` imports `app` on the way to a module `app.py`, while argv[0] is not known yet.
            argv = expected_argv(read, place)
            assert answer[0] == argv or answer[0] == ["-m", *argv[1:]], line
