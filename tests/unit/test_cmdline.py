"""Command lines of Python, as every version reads them."""

import itertools

import pytest
from hermetic_guard import cmdline

TABLE = [
    # command line after argv[0], flags, kind, target, rest
    ([], [], "i", None, []),
    (["-i"], ["-i"], "i", None, []),
    (["--"], [], "i", None, []),
    (["-"], [], "-", None, []),
    (["-", "a", "-I"], [], "-", None, ["a", "-I"]),
    (["-u", "-", "a"], ["-u"], "-", None, ["a"]),
    (["--", "-", "a"], [], "-", None, ["a"]),
    (["app.py"], [], "f", "app.py", []),
    (["app.py", "-I", "--", "-c", "x"], [], "f", "app.py", ["-I", "--", "-c", "x"]),
    (["-I", "app.py", "-S"], ["-I"], "f", "app.py", ["-S"]),
    (["--", "-x.py", "-c"], [], "f", "-x.py", ["-c"]),
    (["-I", "--", "app.py"], ["-I"], "f", "app.py", []),
    (["", "a"], [], "f", "", ["a"]),
    (["-c", "code"], [], "c", "code", []),
    (["-c", "code", "-I", "x"], [], "c", "code", ["-I", "x"]),
    (["-c", "-I", "x"], [], "c", "-I", ["x"]),
    (["-c", "--", "x"], [], "c", "--", ["x"]),
    (["-c", "", "x"], [], "c", "", ["x"]),
    (["-cprint(1)", "x"], [], "c", "print(1)", ["x"]),
    (["-Ibc", "code", "a"], ["-Ib"], "c", "code", ["a"]),
    (["-Ibccode", "a"], ["-Ib"], "c", "code", ["a"]),
    (["-m", "mod", "-c"], [], "m", "mod", ["-c"]),
    (["-mvenv", "dir"], [], "m", "venv", ["dir"]),
    (["-Im", "mod"], ["-I"], "m", "mod", []),
    (["-mIS"], [], "m", "IS", []),
    (["-W", "ignore", "app.py"], ["-W", "ignore"], "f", "app.py", []),
    (["-Wignore", "app.py"], ["-Wignore"], "f", "app.py", []),
    (["-W", "-I", "app.py"], ["-W", "-I"], "f", "app.py", []),
    (["-W", "--", "app.py"], ["-W", "--"], "f", "app.py", []),
    (["-bW", "error", "app.py"], ["-bW", "error"], "f", "app.py", []),
    (["-bWerror", "app.py"], ["-bWerror"], "f", "app.py", []),
    (["-X", "dev", "-"], ["-X", "dev"], "-", None, []),
    (["-Xdev", "-m", "mod"], ["-Xdev"], "m", "mod", []),
    (["-IX", "importtime", "-c", "code"], ["-IX", "importtime"], "c", "code", []),
    (["-W", "a", "-W", "b", "-X", "c", "-Xd", "x"], ["-W", "a", "-W", "b", "-X", "c", "-Xd"], "f", "x", []),
    (["-Q", "new", "app.py"], ["-Q", "new"], "f", "app.py", []),
    (["-Qnew", "app.py"], ["-Qnew"], "f", "app.py", []),
    (["-3", "app.py"], ["-3"], "f", "app.py", []),
    (["--check-hash-based-pycs", "never", "app.py"], ["--check-hash-based-pycs", "never"], "f", "app.py", []),
    (["--check-hash-based-pycs", "-I", "app.py"], ["--check-hash-based-pycs", "-I"], "f", "app.py", []),
    (["-b-check-hash-based-pycs", "never", "x"], ["-b-check-hash-based-pycs", "never"], "f", "x", []),
    (["--jit", "off", "app.py"], ["--jit", "off"], "f", "app.py", []),
    (["-b-", "-I", "x"], ["-b-"], "f", "-I", ["x"]),
    (["-OO", "-vv", "-qq", "x"], ["-OO", "-vv", "-qq"], "f", "x", []),
    (["-\udce9.py"], [], "x", None, []),
    (["\udce9.py", "\udcff"], [], "f", "\udce9.py", ["\udcff"]),
]


@pytest.mark.parametrize(("words", "flags", "kind", "target", "rest"), TABLE, ids=[" ".join(map(ascii, row[0])) for row in TABLE])
def test_reads(words, flags, kind, target, rest):
    line = cmdline.parse(["python", *words])
    assert (line.flags, line.kind, line.target, line.rest) == (flags, kind, target, rest)


ANSWERED = """
    -h | -? | -V | -VV | --help | --version | --help-all | --help-env | --help-xoptions | --info
    | -hI app.py | -IV app.py | -V -c code | -Z app.py | -IJ app.py | -b=1 app.py | --isolated app.py
    | --unknown -c code | -funroll-loops app.py | --check-hash-based-pycs=never app.py | --jit=off app.py
    | -c | -m | -Ic | -I -m | -W | -X | -IW | --check-hash-based-pycs | --jit
"""


@pytest.mark.parametrize("words", [line.strip() for line in ANSWERED.split("|")])
def test_leaves_to_the_interpreter(words):
    line = cmdline.parse(["python", *words.split()])
    assert (line.kind, line.target, line.rest) == ("x", None, [])


@pytest.mark.parametrize(
    ("words", "letters"),
    [
        ("-I -bE app.py -S", "IbE"),
        ("-sP -c code", "sP"),
        ("-Ibc code", "Ib"),
        ("-WISE app.py", "W"),
        ("-X S app.py", "X"),
        ("-bX S app.py", "bX"),
        ("--check-hash-based-pycs S app.py", ""),
        ("-mS", ""),
        ("-b- -S", "b"),
        ("-I -V", "I"),
    ],
)
def test_letters(words, letters):
    assert cmdline.parse(["python", *words.split()]).letters == set(letters)


def test_what_was_read_reads_the_same_again():
    alphabet = ["-I", "-bc", "-W", "-Xdev", "-m", "--", "-", "x", "", "--check-hash-based-pycs"]
    for words in itertools.product(alphabet, repeat=4):
        line = cmdline.parse(["python", *words])
        if line.kind != "x":
            again = cmdline.parse(["python", *line.flags, *_program(line), *line.rest])
            assert repr(again) == repr(line)


def _program(line):
    return {"i": [], "-": ["-"], "f": ["--", line.target]}.get(line.kind, [f"-{line.kind}", line.target])


def test_no_arguments_at_all():
    assert cmdline.parse([]).kind == "i"


def test_the_command_line_is_left_alone():
    argv = ["python", "-Ibc", "code", "a"]
    cmdline.parse(argv)
    assert argv == ["python", "-Ibc", "code", "a"]
