"""The stub runs a target as CPython does: the same command, natively and through the stub, leaves the same behind.

The guards are not there: a stand-in takes the place of the startup file. The only thing that is not compared is the address of objects.
"""

import subprocess
from pathlib import Path

import pytest
from launch import stub_targets
from launch.both_ways import GUARD, Case, Place
from launch.stub_targets import ENDS, STATE

from hermetic.launch import payload

NOTHING = "def start(way):\n    assert way == 'stub'\n"


def cases(kind, *targets, **more):
    """A case for each target; one that is a tuple has arguments."""
    return [Case(kind, target if isinstance(target, tuple) else (target,), **more) for target in targets]


APART = ("hook_raises.py", "nul.py", "undecodable.py", "multi.py")
ALIKE = tuple(
    "asks bom chained ends_exiting exit_text hook_named imports interrupted killed latin overwrites skip startup startup_fails "
    "syntax_text unraisable".split()
)
"""Scripts that take the same way through the stub as others do. Where the version makes the difference, it is the one that this way has."""
SCRIPTS = cases(
    "f", *[name for name in stub_targets.SOURCES if "/" not in name and name not in APART and name.removesuffix(".py") not in ALIKE]
)
PATHS = cases(
    "f",
    *[("./state.py", "-x", "b c", ""), "sub/link.py", "missing.py", ("directory", "a"), "sub", ("app.pyz", "a"), "no_main.pyz"],
)
MODULES = cases("m", *[("state", "a", "-m"), "package", "package.fails", "missing", "raises", "syntax", "ends", "site"])
CODES = cases(
    "c",
    *[(STATE, "a", "-c"), "def f():\n  1/0\nf()", "x y", "import raises", ENDS, ENDS + "raise ValueError"],
    *["  print(1)\n  print(2)", "\tprint(1)\n\n\traise ValueError('z')", "# coding: latin-1\nprint(ascii('\xe9'))"],
    "class A: pass\nimport inspect\nprint(inspect.getsource(A))",
)
IN_FEWER = [
    *cases("f", *[f"{name}.py" for name in ALIKE]),
    *cases("f", "sub/..//state.py", "link.py", "state.py/", "sub/linked", "broken_directory", "app_with_shebang", "not_an_archive.zip"),
    *cases("m", "package.module", "bare", "state.py", "exit_code", "interrupted", "overwrites"),
    *cases("c", "(", "raise KeyboardInterrupt", ENDS + "sys.exit(1)"),
    *[Case("-", stdin=b"x y"), Case("i", stdin=ENDS.encode() + b"print(sys.stdin.read())\nsys.exit(3)")],
]
INPUT = [
    Case("-", ("a",), stdin=STATE.encode()),
    Case("i", stdin=STATE.encode()),
    Case("-", stdin=b"def f(): raise ValueError\nf()"),
    Case("i", stdin=ENDS.encode() + b"raise ValueError"),
    Case("i", flags=("-i",), stdin=b"import sys\nprint(sys.argv)\n1/0\n", environment=(("TERM", "dumb"),)),
    Case("f", ("asks.py",), stdin=b"one\ntwo\n"),
    Case("f", ("/dev/stdin", "a"), stdin=b"import sys; print(sys.path[0], __file__)"),
    Case("f", ("/dev/fd/3", "a"), before=("bash", "-c", 'exec 3< <(echo "import sys; print(sys.path[0], sys.argv)"); exec "$@"', "bash")),
]
FLAGS = [
    *[
        case
        for flags in [("-I",), ("-E", "-s")]
        for case in cases("f", "state.py", "directory", flags=flags) + cases("m", "state", flags=flags)
    ],
    *cases("c", STATE, flags=("-I",)),
    *cases("f", "state.py", "children.py", flags=("-OO", "-B", "-u", "-q", "-b")),
    *cases("f", "warns.py", flags=("-W", "error")),
    *cases("f", "state.py", "warns.py", flags=("-X", "dev"), since=(3, 7)),
    *(cases("f", "state.py", flags=("-P",), since=(3, 11)) + cases("m", "state", flags=("-P",), since=(3, 11))),
    *cases("f", "state.py", environment=(("PYTHONSAFEPATH", "1"), ("PYTHONINSPECT", "1"), ("PYTHONUTF8", "1"))),
    *cases("f", "skip.py", flags=("-x",)),
    *(
        cases("F", "state.py", "app.pyz", "children.py", flags=("-S",))
        + cases("M", "state", flags=("-S",))
        + cases("C", STATE, flags=("-S",))
    ),
    *[Case("-S", ("a",), flags=("-S", "-I"), stdin=STATE.encode())],
]
AUDITED = {"environment": (("PYTHONPATH", "audited"),)}
OTHER = [
    *cases("f", ("multi.py", "a")),
    *cases("c", "import sys; print(sys.path)", before=("sh", "-c", 'mkdir $$ && cd $$ && rmdir "$PWD" && exec "$@"', "sh")),
    *(cases("f", "empty.py", **AUDITED) + cases("m", "empty", **AUDITED) + cases("c", "", **AUDITED)),
]
SMOKE = [
    *cases("f", "state.py", "raises.py", "syntax.py", "ends_raising.py", "exit_text.py", "app.pyz"),
    *(cases("m", "state", "raises") + cases("c", STATE, "1/0") + cases("i", (), stdin=b"1/0") + cases("c", STATE, flags=("-I",))),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The targets, and beside them a run directory with the stub and a stand-in for the startup file."""
    place = Place(tmp_path_factory.mktemp("targets"), tmp_path_factory.mktemp("run"))
    stub_targets.lay(place.directory)
    stage(place.run, NOTHING)
    return place


def stage(run, startup):
    for name, file in payload.SCRIPTS.items():
        (run / name).write_bytes((GUARD / file).read_bytes())
    (run / "sitecustomize.py").write_text(startup)


def check(place, python, case):
    if case.since > python.version:
        pytest.skip(f"{case} came with {case.since}")
    natively, through = place.both(python.path, case)
    assert through == natively


@pytest.mark.shared
@pytest.mark.parametrize("case", SCRIPTS + PATHS + MODULES + CODES + INPUT + FLAGS + OTHER, ids=str)
def test_like_native(place, python, case):
    check(place, python, case)


@pytest.mark.pythons("3.6", "3.15", "pypy3.9")
@pytest.mark.parametrize("case", IN_FEWER, ids=str)
def test_like_native_in_the_oldest_and_the_newest(place, python, case):
    check(place, python, case)


@pytest.mark.pythons("3.6", "3.8", "3.11", "3.13", "3.15")
@pytest.mark.parametrize("case", [Case("f", ("hook_raises.py",)), Case("i", before=("sh", "-c", 'exec "$@" <&-', "sh"))], ids=str)
def test_like_native_but_for_pypy(place, python, case):
    """PyPy shows one of our frames in the one case, and dies of an internal error in the other."""
    check(place, python, case)


@pytest.mark.pythons("smoke")
@pytest.mark.shared
@pytest.mark.parametrize("case", SMOKE, ids=str)
def test_like_native_on_the_others(place, python, case):
    check(place, python, case)


@pytest.fixture
def environment(place, python, tmp_path):
    """A virtual environment that sees everything, with code of all three kinds that site runs."""
    subprocess.run([python.path, "-m", "venv", "--without-pip", "--system-site-packages", tmp_path], check=True)
    interpreter = str(tmp_path / "bin/python")
    ask = "import site, sysconfig; print(site.getusersitepackages()); print(sysconfig.get_path('purelib'))"
    asked = subprocess.run([interpreter, "-c", ask], check=True, env=place.environment(), capture_output=True, text=True)
    user, own = map(Path, asked.stdout.splitlines()[-2:])
    show = "import sys; print({!r}, sys.path, sys.prefix, sys.flags.no_site, list(vars(sys.modules['__main__'])))\n"
    user.mkdir(parents=True, exist_ok=True)
    (user / "usercustomize.py").write_text(show.format("usercustomize"))
    (own / "sitecustomize.py").write_text(show.format("sitecustomize"))
    (own / "lines.pth").write_text(show.format("lines") + f"{place.directory}/package\n")
    (own / "broken.pth").write_text("import does_not_exist\n")
    return interpreter


def test_site_in_a_virtual_environment(place, environment):
    for case in [
        *cases("f", "state.py"),
        *cases("m", "state", flags=("-I",)),
        *cases("c", STATE, flags=("-s",)),
        *cases("F", "state.py", flags=("-S",)),
    ]:
        natively, through = place.both(environment, case)
        assert through == natively
        assert ("sitecustomize" in natively[0]) == (case.kind != "F")


def test_guards_come_first_and_the_run_directory_is_not_searched(place, environment, tmp_path):
    stage(tmp_path, "import sys\ndef start(way):\n    print('guards', way, sys.path)\n    assert 'site' not in sys.modules\n")
    for flags in (), ("-I",):
        for case in [*cases("f", "state.py", flags=flags), *cases("m", "state", flags=flags), *cases("c", STATE, flags=flags)]:
            natively, through = place._replace(run=tmp_path).both(environment, case)
            first, _, rest = through[0].partition("\n")
            assert first.startswith("guards stub")
            assert str(tmp_path) + "'" not in first
            assert (rest, *through[1:]) == natively


@pytest.mark.pythons("3.6", "3.15", "pypy3.9")
@pytest.mark.parametrize("startup", [None, "raise SystemExit(0)", "def start(way):\n    raise KeyboardInterrupt", "def start(way", ""])
def test_nothing_runs_without_guards(place, python, startup, tmp_path):
    stage(tmp_path, startup or "")
    if startup is None:
        (tmp_path / "sitecustomize.py").unlink()
    for case in [*cases("f", "state.py", flags=("-i",), stdin=b"print('prompt')"), Case("i", stdin=b"print('input')")]:
        output, errors, code = place._replace(run=tmp_path).both(python.path, case)[1]
        assert (output, code) == ("", 125)
        assert errors.startswith("hermetic: the guards could not be put in place: ")
        assert errors.endswith("; nothing was run\n")
        assert errors.count("\n") == 1


@pytest.mark.pythons("2.7")
def test_python_2_is_refused(place, python, tmp_path):
    stage(tmp_path, (GUARD / "_startup.py").read_text())
    output, errors, code = place._replace(run=tmp_path).both(python.path, *cases("c", "print('run')"))[1]
    assert (output, code) == ("", 125)
    assert "2.7 is too old" in errors


def test_bytecode(place, python):
    """A .pyc file is known by its name or its magic number, and has to be of this very version."""
    compiler = "import py_compile, shutil, sys; py_compile.compile('raises.py', sys.argv[1] + '.pyc'); shutil.copy(sys.argv[1] + '.pyc', sys.argv[1])"
    subprocess.run([python.path, "-c", compiler, python.name], cwd=place.directory, check=True)
    (place.directory / "old.pyc").write_bytes(b"old\n" + (place.directory / python.name).read_bytes()[4:])
    for name in (python.name + ".pyc", "old.pyc") + (() if python.implementation == "pypy" else (python.name,)):
        check(place, python, Case("f", (name,)))


@pytest.mark.xfail(reason="README: what is said of a source that cannot be decoded or has null bytes differs")
@pytest.mark.pythons("3.6", "3.8", "3.11", "3.13", "3.15")
@pytest.mark.parametrize("name", ["nul.py", "undecodable.py"])
def test_a_source_that_is_no_text(place, python, name):
    check(place, python, Case("f", (name,)))


PROMPTS = [
    (
        Case("i"),
        [
            *["import sys, os, subprocess\r", "print(sys.argv, sys.path, getattr(sys, 'orig_argv', 0), sys.flags, sorted(sys.modules))\r"],
            *["print(sorted(globals()), __loader__, sorted(os.environ), subprocess.getoutput('env | grep PYTHON'))\r", "1/0\r"],
            *["f = lambda: undefined\r", "f()\r", "sys.last_traceback.tb_frame.f_back\r", "_\r", "x y\r"],
            *["import time; print('typed' + ': ', end='', flush=True); time.sleep(20)\r", "\x03", "sys.fla\t.inspect\r", "\x10\r"],
            *["raise SystemExit(1)\r"],
        ],
    ),
    (Case("-", ("a",), environment=(("PYTHONSTARTUP", "startup.py"),)), ["started\r"]),
    (Case("i", environment=(("PYTHONSTARTUP", "startup_fails.py"), ("PYTHON_BASIC_REPL", "1"))), ["started, globals().get('__file__')\r"]),
    (Case("i", environment=(("PYTHONSTARTUP", "exit_code.py"),)), []),
    (Case("i", flags=("-I",), environment=(("PYTHONSTARTUP", "startup.py"),)), ["import sys; sys.path, sys.flags\r", "1/0\r", "exit(1)\r"]),
    (Case("i", flags=("-E", "-q")), ["1/0\r"]),
    (Case("I", flags=("-S",)), ["import sys; sys.path, sys.flags\r"]),
    (Case("f", ("raises.py",), flags=("-i",)), ["import sys; sys.last_traceback.tb_frame, sys.excepthook, list(globals())\r", "f\r"]),
    (Case("f", ("exit_code.py",), flags=("-i",)), ["1\r"]),
    (Case("m", ("state",), flags=("-i",)), ["__file__, __spec__\r"]),
    (Case("f", ("inspects.py",)), ["value, list(globals())\r"]),
    (Case("c", ("breakpoint()\nprint(2)",), since=(3, 7)), ["n\r", "c\r"]),
    (Case("f", ("asks.py",)), ["ab\r"]),
]
"""What is typed at the prompt. Native 3.13.0 leaves its prompt with 1, whatever exit() was given: so do we here."""


@pytest.mark.parametrize(("case", "typed"), PROMPTS, ids=lambda what: str(what) if isinstance(what, Case) else "")
def test_prompt_like_native(place, python, case, typed):
    if case.since > python.version:
        pytest.skip(f"{case} came with {case.since}")
    natively, through = place.both_on_terminals(python.path, case, typed)
    assert through == natively
