"""Which files a distribution may load: found by reading what is installed, in all the ways it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hermetic_guard import distributions

from hermetic.distributions import origin
from hermetic.target import packages
from hermetic.target.interrogate import Interpreter

SO = ".cpython-311-x86_64-linux-gnu.so"


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


class World:
    """A base interpreter and a virtual environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = Path(os.path.realpath(directory))
        self.base, self.venv = self.directory / "base", self.directory / "venv"
        write(self.base / "bin/python3.11")
        (self.venv / "bin").mkdir(parents=True)
        (self.venv / "bin/python").symlink_to(self.base / "bin/python3.11")
        self.config("false")
        self.facts = Interpreter(str(self.base / "bin/python3.11"), (3, 11, 7), "cpython", "", {})

    def config(self, system: str) -> None:
        write(self.venv / "pyvenv.cfg", f"home = {self.base}/bin\ninclude-system-site-packages = {system}\n")

    def site(self, prefix: Path, kind: str = "lib/python3.11/site-packages") -> Path:
        (prefix / kind).mkdir(parents=True, exist_ok=True)
        return prefix / kind

    def install(self, site: Path, name: str, record: str) -> None:
        write(site / f"{name}.dist-info/RECORD", record)

    def files(self, *names: str, environ: dict[str, str] | None = None, interpreter: Path | None = None) -> list[str]:
        found = packages.native_files(names, str(interpreter or self.venv / "bin/python"), self.facts, environ or {}, str(self.directory))
        return [f"{name} {path.removeprefix(str(self.directory))}" for name, path in found]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_its_record(world: World) -> None:
    site = world.site(world.venv)
    world.install(
        site, "My_Dist-1.0", f'my/fast{SO},sha256=x,12\nmy/pure.py,,\n"my/with,comma{SO}",,\nother.libs/libx.so,,\n../../../out{SO},,\n'
    )
    world.install(site, "other-2", f"other{SO},,\n")
    prefix = "/venv/lib/python3.11/site-packages"
    assert world.files("my-dist") == [
        f"my-dist {prefix}/my/fast{SO}",
        f"my-dist {prefix}/my/with,comma{SO}",
        f"my-dist {prefix}/other.libs/libx.so",
        f"my-dist /venv/out{SO}",
    ]
    assert world.files() == world.files("nothing") == []


LAYOUTS = [
    "lib/python3.11/site-packages",
    "lib64/python3.11/site-packages",
    "lib/python3/dist-packages",
    "local/lib/python3.11/dist-packages",
    "lib/python3.11t/site-packages",
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(world: World, layout: str) -> None:
    world.install(world.site(world.base, layout), "dist-1", f"m{SO},,\n")
    assert world.files("dist", interpreter=world.base / "bin/python3.11") == [f"dist /base/{layout}/m{SO}"]


def test_the_base_of_a_virtual_environment_if_that_is_seen_from_it(world: World) -> None:
    world.install(world.site(world.base), "dist-1", f"m{SO},,\n")
    assert world.files("dist") == []
    world.config("true")
    assert world.files("dist") == [f"dist /base/lib/python3.11/site-packages/m{SO}"]


def test_the_user_s_own_and_pythonpath(world: World) -> None:
    user, named = world.site(world.directory / "home/.local"), world.site(world.directory, "named")
    world.install(user, "dist-1", f"u{SO},,\n")
    world.install(named, "dist-1", f"n{SO},,\n")
    environ = {"HOME": str(world.directory / "home"), "PYTHONPATH": "named:nowhere:"}
    assert world.files("dist", environ=environ) == [f"dist /home/.local/lib/python3.11/site-packages/u{SO}", f"dist /named/n{SO}"]
    assert world.files("dist", environ={"PYTHONUSERBASE": str(world.directory / "home/.local")}) != []


def test_path_lines(world: World) -> None:
    """They are read; lines of code are not run."""
    site, added = world.site(world.venv), world.site(world.directory, "added")
    world.install(added, "dist-1", f"m{SO},,\n")
    write(site / "x.pth", f"# a comment\nimport os; os.mkdir({str(world.directory / 'ran')!r})\n../../../../added\n")
    assert world.files("dist") == [f"dist /added/m{SO}"]
    assert not (world.directory / "ran").exists()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ('{{"url": "file://{0}/a%20project", "dir_info": {{"editable": true}}}}', ["dist /a project/"]),
        ('{{"url": "file://{0}/project", "dir_info": {{"editable": false}}}}', []),
        ('{{"url": "file://{0}/project", "dir_info": {{}}}}', []),
        ('{{"url": "https://example.org/x", "dir_info": {{"editable": true}}}}', []),
        ("[1]", []),
        ("no json", []),
    ],
)
def test_a_project_installed_as_it_lies_there(world: World, address: str, expected: list[str]) -> None:
    site = world.site(world.venv)
    world.install(site, "dist-1", "dist.pth,,\n")
    write(site / "dist-1.dist-info/direct_url.json", address.format(world.directory))
    assert world.files("dist") == expected


def test_without_a_record_its_packages(world: World) -> None:
    write(world.site(world.base, "lib/python3/dist-packages") / "dist-1.2.egg-info/top_level.txt", "dist\n_dist_fast\n../other\n")
    world.config("true")
    assert world.files("dist") == ["dist /base/lib/python3/dist-packages/_dist_fast/", "dist /base/lib/python3/dist-packages/dist/"]


def test_both_ways_to_a_linked_place(world: World) -> None:
    world.install(world.site(world.venv), "dist-1", f"m{SO},,\n")
    (world.directory / "link").symlink_to(world.venv)
    found = world.files("dist", interpreter=world.directory / "link/bin/python")
    assert found == [f"dist /link/lib/python3.11/site-packages/m{SO}", f"dist /venv/lib/python3.11/site-packages/m{SO}"]


@pytest.mark.parametrize(("name", "plain"), [("My.Dist_x", "my-dist-x"), ("a--b", "a-b"), ("numpy", "numpy")])
def test_normalized(name: str, plain: str) -> None:
    assert distributions.normalized(name) == plain


def test_whose_a_file_says_it_is(world: World) -> None:
    site = world.site(world.venv)
    world.install(site, "My_Dist-1.0", f"my/fast{SO},,\n")
    write(site / "My_Dist-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: My.Dist\nVersion: 1.0\n\nText\n")
    assert distributions.claimed_by(f"{site}/my/fast{SO}") == "my-dist"
    assert distributions.claimed_by(f"{site}/my/slow{SO}") == ""
    assert distributions.claimed_by(f"/nowhere/x{SO}") == distributions.claimed_by("x") == ""
    found = origin(f"{site}/my/fast{SO}")
    assert (found.distribution, found.path) == ("My.Dist 1.0", f"my/fast{SO}")


def test_names_that_stand_for_nothing() -> None:
    assert packages.without_files(["a", "b", "ctypes", "c"], [("b", "/x.so")]) == ["a", "c"]
