"""What a guarded program sees of its interpreter is what it would see without a guard, on every interpreter and in both ways.

What still differs stands in EXTRA and in `expected_modules`, and in the README.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Python, find_python
from launch.staged import Done, Listener, Staged, native

PROBE = Path(__file__).with_name("fidelity_probe.py")

EXTRA = {"hermetic_guard", "hermetic_guard.errors", "_socket", "_posixsubprocess"}
"""The modules that a guarded `python -c pass` has loaded beyond a bare one: the violations' names, and where something is replaced."""

EXTRA_AT_EXIT = {"atexit"}
"""Before 3.8 and on PyPy: no audit event tells of an uncaught exception."""


class Row(NamedTuple):
    """A start: the interpreter's options, variables added to the environment, and the first version that knows them."""

    flags: str = ""
    env: str = ""
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (9, 9)

    def __str__(self) -> str:
        return " ".join(filter(None, [self.env.replace("{place}", ""), self.flags])) or "plain"

    def variables(self, place: Path) -> dict[str, str]:
        pairs = (word.split("=", 1) for word in self.env.format(place=place).split(";") if word)
        return dict(pairs)


ENVIRONMENT_WAY = [
    Row(),
    Row("-s"),
    Row("-P", since=(3, 11)),
    Row("-O"),
    Row("-OO"),
    Row("-B"),
    Row("-u"),
    Row("-b"),
    Row("-qsbO"),
    Row("-X dev"),
    Row("-X utf8"),
    Row("-X frozen_modules=off", since=(3, 11)),
    Row("-X lazy_imports=all", since=(3, 15)),
    Row("-W error"),
    Row("-W error", "PYTHONWARNINGS=default,ignore::ImportWarning"),
    Row("", "PYTHONWARNINGS=default"),
    Row("", "PYTHONWARNINGS=error::user_warnings.Odd;PYTHONPATH={place}/user"),
    Row("-W ignore::user_warnings.Odd", "PYTHONPATH={place}/user"),
    Row("", "PYTHONPATH={place}/user:relative/../other::./dot:/nonexistent"),
    Row("-s", "PYTHONPATH="),
    Row("", "PYTHONSAFEPATH=1"),
    Row("", "PYTHONNOUSERSITE=1;PYTHONDONTWRITEBYTECODE=1;PYTHONOPTIMIZE=1"),
    Row("", "PYTHONPYCACHEPREFIX={place}/cached"),
    Row("", "PYTHONDEVMODE=1;PYTHONHASHSEED=3;PYTHONUTF8=1"),
    Row("", "LC_ALL=C;ODD=\xe4\udcff;EMPTY="),
]
STUB_WAY = [
    Row("-I"),
    Row("-E", "PYTHONPATH={place}/user;PYTHONWARNINGS=error;PYTHONPYCACHEPREFIX=/nonexistent"),
    Row("-S"),
    Row("-S", "PYTHONPATH={place}/user:relative/../other::./dot"),
    Row("-IBOOqs"),
    Row("-ISW error"),
    Row("-EsX dev"),
]
SMOKE = [Row(), Row("-W error", "PYTHONWARNINGS=default;PYTHONPATH={place}/user"), Row("-I"), Row("-S")]


class World:
    """A place with what the rows name, and a run directory for each interpreter."""

    def __init__(self, place: Path, cache: Path) -> None:
        self.place = place
        self.cache = cache
        self._staged: dict[str, Staged] = {}
        place.joinpath("user").mkdir()
        place.joinpath("home").mkdir()
        place.joinpath("user/user_warnings.py").write_text("class Odd(UserWarning): pass\n")

    def staged(self, python: Python) -> Staged:
        if python.path not in self._staged:
            self._staged[python.path] = Staged(python.path, self.cache)
        return self._staged[python.path]

    def env(self, **more: str) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.place / "home"), "PYTHONDONTWRITEBYTECODE": "", "LANG": "C.UTF-8", **more}

    def both(self, python: Python, *words: str, env: dict[str, str] | None = None, **options: Any) -> tuple[Done, Done]:
        """Unguarded and guarded."""
        options = {"cwd": self.place} | options
        return self.bare(python, *words, env=env, **options), self.guarded(python, *words, env=env, **options)

    def bare(self, python: Python, *words: str, env: dict[str, str] | None = None, **options: Any) -> Done:
        return native(python.path, *words, env=self.env(**(env or {})), **{"cwd": self.place} | options)

    def guarded(self, python: Python, *words: str, env: dict[str, str] | None = None, **options: Any) -> Done:
        done = self.staged(python).start(*words, env=self.env(**(env or {})), **{"cwd": self.place} | options)
        assert done.told("ready"), done
        return done

    def close(self) -> None:
        for staged in self._staged.values():
            staged.run.remove()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, session_directory: Path):
    world = World(tmp_path_factory.mktemp("fidelity"), session_directory / "cache")
    yield world
    world.close()


# What is seen of the interpreter.


def probed(world: World, python: Python, row: Row) -> tuple[dict[str, Any], dict[str, Any], str]:
    bare, guarded = world.both(python, *row.flags.split(), str(PROBE), "a", "b c", env=row.variables(world.place))
    assert (guarded.code, guarded.err) == (bare.code, bare.err)
    return json.loads(bare.out), json.loads(guarded.out), guarded.way


def expected_modules(world: World, python: Python, row: Row) -> set[str]:
    """The documented extras, without those that are there anyway."""
    extra = set(EXTRA)
    if python.version < (3, 8) or python.implementation == "pypy":
        extra |= EXTRA_AT_EXIT
    if python.implementation == "pypy":  # it has no SHA-256 without half of its library
        extra |= loaded_by(world, python, "-S", "import hashlib")
    if "S" in row.flags.split(" ")[0]:  # nothing but `site` would have loaded `os`
        extra |= loaded_by(world, python, *row.flags.split(), "import os")
    return extra


def loaded_by(world: World, python: Python, *words: str) -> set[str]:
    *flags, code = words
    done = world.bare(python, *flags, "-c", f"{code}\nimport sys; print(*sys.modules)")
    return set(done.out.decode().split()) - {"sys", "__main__"}


def check(world: World, python: Python, row: Row) -> None:
    if python.version < row.since:
        pytest.skip(f"{row} came with {row.since}")
    bare, guarded, way = probed(world, python, row)
    there, here = set(bare.pop("modules")), set(guarded.pop("modules"))
    assert here - there == expected_modules(world, python, row) - there
    assert there - here == set()
    if python.version < (3, 8) or python.implementation == "pypy":
        bare["at exit"] += 1
    if way == "stub":
        assert len(guarded.pop("bottom")) == len(bare.pop("bottom")) + 1
    assert guarded == bare


@pytest.mark.pythons("3.6", "3.8", "3.11", "3.13", "3.15")
@pytest.mark.parametrize("row", ENVIRONMENT_WAY, ids=str)
def test_sees_the_same_in_the_environment_way(world: World, python: Python, row: Row) -> None:
    check(world, python, row)
    assert world.staged(python).prepare([*row.flags.split(), "x"], {}).way == "early"


@pytest.mark.parametrize("row", STUB_WAY, ids=str)
def test_sees_the_same_in_the_stub_way(world: World, python: Python, row: Row) -> None:
    check(world, python, row)
    assert world.staged(python).prepare([*row.flags.split(), "x"], {}).way == "stub"


@pytest.mark.pythons("pypy3.9")
@pytest.mark.parametrize("row", [row for row in ENVIRONMENT_WAY if row.since <= (3, 9)], ids=str)
def test_sees_the_same_on_pypy(world: World, python: Python, row: Row) -> None:
    check(world, python, row)


@pytest.mark.pythons("smoke")
@pytest.mark.parametrize("row", SMOKE, ids=str)
def test_sees_the_same_on_the_others(world: World, python: Python, row: Row) -> None:
    check(world, python, row)
