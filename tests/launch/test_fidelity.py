"""What a guarded program sees of its interpreter is what it would see without a guard, on every interpreter and in both ways.

What still differs stands in EXTRA and in `expected_modules`, and in the README.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Python
from launch.staged import TwoRuns, make_venv

PROBE = Path(__file__).with_name("fidelity_probe.py")
ENDINGS = Path(__file__).with_name("endings.py")

EXTRA = {"hermetic_guard", "hermetic_guard.errors", "_socket", "_posixsubprocess", "io"}
"""The modules that a guarded `python -c pass` has loaded beyond a bare one: the violations' names, and where something is replaced. `io` is there
anyway until 3.13."""

EXTRA_AT_EXIT = {"atexit"}
"""Without audit events, which say that an exception leaves the program."""


class Row(NamedTuple):
    """A start: the interpreter's options, variables added to the environment, and the first version that knows them."""

    flags: str = ""
    env: str = ""
    since: tuple[int, int] = (3, 6)

    def __str__(self) -> str:
        return " ".join(filter(None, [self.env.replace("{place}", ""), self.flags])) or "plain"

    def variables(self, place: Path) -> dict[str, str]:
        pairs = (word.split("=", 1) for word in self.env.format(place=place).split(";") if word)
        return dict(pairs)


ENVIRONMENT_WAY = [
    Row(),
    Row("-qsbOOBu"),
    Row("-P", since=(3, 11)),
    Row("-X dev -X utf8"),
    Row("-X frozen_modules=off", since=(3, 11)),
    Row("-X lazy_imports=all", since=(3, 15)),
    Row("-W error", "PYTHONWARNINGS=default,ignore::ImportWarning"),
    Row("", "PYTHONWARNINGS=error::user_warnings.Odd;PYTHONPATH={place}/user"),
    Row("-W ignore::user_warnings.Odd", "PYTHONPATH={place}/user"),
    Row("", "PYTHONPATH={place}/user:relative/../other::./dot:/nonexistent"),
    Row("-s", "PYTHONPATH=;PYTHONWARNINGS="),
    Row("", "PYTHONSAFEPATH=1;PYTHONNOUSERSITE=1;PYTHONDONTWRITEBYTECODE=1;PYTHONOPTIMIZE=1"),
    Row("", "PYTHONPYCACHEPREFIX={place}/cached"),
    Row("", "PYTHONDEVMODE=1;PYTHONHASHSEED=3;LC_ALL=C;ODD=\xe4\udcff;EMPTY="),
]
STUB_WAY = [
    Row("-I"),
    Row("-E", "PYTHONPATH={place}/user;PYTHONWARNINGS=error;PYTHONPYCACHEPREFIX=/nonexistent"),
    Row("-S"),
    Row("-S", "PYTHONPATH={place}/user:relative/../other::./dot;PYTHONWARNINGS=default,ignore::user_warnings.Odd"),
    Row("-I -X lazy_imports=all", since=(3, 15)),
    Row("-SbXdev", "PYTHONWARNINGS=ignore;PYTHONPYCACHEPREFIX={place}/cached"),
    Row("-IBOOqsW error"),
]
SMOKE = [Row("-W error", "PYTHONWARNINGS=default;PYTHONPATH={place}/user"), Row("-I"), Row("-S")]
PYPY = [row for row in ENVIRONMENT_WAY if row.since <= (3, 9) and "-W ignore" not in row.flags]


# What is seen of the interpreter.


def probed(runs: TwoRuns, python: Python, row: Row) -> tuple[dict[str, Any], dict[str, Any], str]:
    bare, guarded = runs.both(python, *row.flags.split(), str(PROBE), "a", "b c", env=row.variables(runs.place))
    assert (guarded.code, guarded.err) == (bare.code, bare.err)
    return json.loads(bare.out), json.loads(guarded.out), guarded.way


def expected_modules(runs: TwoRuns, python: Python, row: Row) -> set[str]:
    """The documented extras, without those that are there anyway."""
    extra = set(EXTRA)
    if python.version < (3, 8) or python.implementation == "pypy":
        extra |= EXTRA_AT_EXIT
    if python.implementation == "pypy":  # it has no digests without its foreign functions
        extra |= loaded_by(runs, python, "-S", "import _blake2; _blake2.blake2b().hexdigest()")
    elif python.version >= (3, 7):  # it can put objects aside
        extra.add("gc")
    if "S" in row.flags.split(" ")[0]:  # nothing but `site` would have loaded `os`
        extra |= loaded_by(runs, python, *row.flags.split(), "import os")
    return extra


def loaded_by(runs: TwoRuns, python: Python, *words: str) -> set[str]:
    *flags, code = words
    done = runs.bare(python, *flags, "-c", f"{code}\nimport sys; print(*sys.modules)")
    return set(done.out.decode().split()) - (loaded_by(runs, python, *flags, "pass") if code != "pass" else set())


def check(runs: TwoRuns, python: Python, row: Row) -> None:
    if python.version < row.since:
        pytest.skip(f"{row} came with {row.since}")
    bare, guarded, way = probed(runs, python, row)
    there, here = set(bare.pop("modules")), set(guarded.pop("modules"))
    unexpected = {"encodings.ascii", "_locale"} if "dev" in str(row).lower() else set()  # loading an extension module looks names up there
    assert here - there - unexpected == expected_modules(runs, python, row) - there
    assert there - here == set()
    if bare["at exit"] is not None:
        bare["at exit"] += {(3, 6): 1, (3, 7): 2}.get(python.version, int(python.implementation == "pypy"))
    if way == "stub":
        assert len(guarded.pop("bottom")) == len(bare.pop("bottom")) + 1
    assert guarded == bare


@pytest.mark.shared
@pytest.mark.pythons("3.6", "3.8", "3.11", "3.13", "3.15")
@pytest.mark.parametrize("row", ENVIRONMENT_WAY, ids=str)
def test_sees_the_same_in_the_environment_way(runs: TwoRuns, python: Python, row: Row) -> None:
    check(runs, python, row)
    assert runs.staged(python).prepare([*row.flags.split(), "x"], {}).way == "early"


@pytest.mark.shared
@pytest.mark.parametrize("row", STUB_WAY, ids=str)
def test_sees_the_same_in_the_stub_way(runs: TwoRuns, python: Python, row: Row) -> None:
    check(runs, python, row)
    assert runs.staged(python).prepare([*row.flags.split(), "x"], {}).way == "stub"


@pytest.mark.pythons("pypy3.9")
@pytest.mark.parametrize("row", PYPY, ids=str)
def test_sees_the_same_on_pypy(runs: TwoRuns, python: Python, row: Row) -> None:
    check(runs, python, row)


@pytest.mark.pythons("pypy3.9")
@pytest.mark.xfail(reason="README: on PyPy -W finds no category in PYTHONPATH")
def test_categories_of_the_users_on_pypy(runs: TwoRuns, python: Python) -> None:
    check(runs, python, Row("-W ignore::user_warnings.Odd", "PYTHONPATH={place}/user"))


@pytest.mark.pythons("smoke")
@pytest.mark.parametrize("row", SMOKE, ids=str)
def test_sees_the_same_on_the_others(runs: TwoRuns, python: Python, row: Row) -> None:
    check(runs, python, row)


KINDS = {
    "-m": (["-m", "fidelity_probe", "a"], b""),
    "-c": (["-c", PROBE.read_text(), "a"], b""),
    "-": (["-", "a"], PROBE.read_bytes()),
    "a directory": (["package", "a"], b""),
    "a relative path": (["package/fidelity_probe.py"], b""),
}


@pytest.mark.shared
@pytest.mark.parametrize("kind", KINDS)
def test_sees_the_same_however_it_is_named(runs: TwoRuns, python: Python, kind: str) -> None:
    """In the environment way, on PyPy in the stub's; test_stub.py has more of that."""
    package = runs.place / "package"
    package.mkdir(exist_ok=True)
    for name in ("fidelity_probe.py", "__main__.py"):
        package.joinpath(name).write_text(PROBE.read_text())
    words, stdin = KINDS[kind]
    bare, guarded = runs.both(python, *words, input=stdin, env={"PYTHONPATH": str(package)})
    bare_seen, guarded_seen = (json.loads(done.out) for done in (bare, guarded))
    for name in ("path", "argv", "orig_argv", "main", "warnoptions"):
        assert guarded_seen[name] == bare_seen[name], name


# How it ends.


@pytest.mark.shared
@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_ends_the_same(runs: TwoRuns, python: Python, flags: str) -> None:
    """Exit codes, and what is printed to the last byte: tracebacks of what leaves the main thread, a thread, a `__del__`, an import."""
    bare, guarded = runs.both(python, *flags.split(), str(ENDINGS))
    natively, seen = (json.loads(anonymous(done.out)) for done in (bare, guarded))
    # README, what a target can still notice: a frame where a replaced function fails, and the stub's, at the bottom of the stack.
    for ending in ("fails_to_start", "fails_to_open"):
        seen[ending][2] = re.sub('  File "<hermetic>/.*\n', "", seen[ending][2])
    skipped = ["recurses"] * (guarded.way == "stub") + ["fails_in_its_own_hook"] * (python.implementation == "pypy")
    assert {name: seen[name] for name in seen if name not in skipped} == {name: natively[name] for name in seen if name not in skipped}
    assert not guarded.told("uncaught")


def anonymous(text: bytes) -> bytes:
    """Without addresses and the numbers of threads."""
    return re.sub(rb"0x[0-9a-f]+|Thread-\d+", b"N", text)


KEEPING = """
import abc, codecs, io, os, posixpath, sys
def keep(holder, name):
    file = open(os.path.join(sys.argv[1], name), "w")
    file.write("written")
    holder.kept = [file]
    holder.kept.append(holder.kept)
for module in abc, codecs, io, os, posixpath, sys, sys.modules["__main__"]:
    keep(module, module.__name__)
keep(os.path.join, "function")
def itself(): return itself
keep(itself, "own")
class Last:
    def __del__(self): os.write(1, WORDS)
WORDS = b"released"
itself.last = Last()
"""


@pytest.mark.pythons("3.8", "3.11", "3.13", "3.15")
@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_what_modules_keep_is_released_at_the_end(runs: TwoRuns, python: Python, tmp_path: Path, flags: str) -> None:
    """A file that nobody closes is written, though the collector no longer sees the modules that were there before the target. What stands in its
    own is released while that is whole."""
    for name, start in (("bare", runs.bare), ("guarded", runs.guarded)):
        (tmp_path / name).mkdir()
        done = start(python, *flags.split(), "-c", KEEPING, str(tmp_path / name))
        assert (done.code, done.out, done.err) == (0, b"released", b"")
    bare, guarded = ({file.name: file.read_text() for file in (tmp_path / name).iterdir()} for name in ("bare", "guarded"))
    assert guarded == bare == dict.fromkeys(bare, "written")


@pytest.mark.shared
@pytest.mark.parametrize("flags", ["", "-I"], ids=["early", "stub"])
def test_multiprocessing_spawns_the_same(runs: TwoRuns, python: Python, flags: str) -> None:
    script = runs.place / "spawns.py"
    script.write_text(
        "import multiprocessing, sys\n"
        "def seen(_): return __name__, sys.argv, sys.path, repr(sys.flags), sys.warnoptions, sorted(vars(sys.modules['__main__']))\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(seen, [0]))\n"
    )
    bare, guarded = runs.both(python, *flags.split(), "-W", "default", str(script), "a")
    assert guarded.seen == bare.seen
    assert len({event["pid"] for event in guarded.told("ready")}) >= 2


def test_a_virtual_environment_is_the_same(runs: TwoRuns, python: Python) -> None:
    venv = make_venv(runs.place / f"venv-{python.name}", python)
    for flags in [], ["-I"]:
        bare, guarded = runs.both(python, *flags, str(PROBE), through=venv)
        assert json.loads(guarded.out)["prefixes"] == json.loads(bare.out)["prefixes"]
        assert json.loads(guarded.out)["path"] == json.loads(bare.out)["path"]
        assert venv in json.loads(guarded.out)["prefixes"]
