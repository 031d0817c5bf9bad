"""What runs when an interpreter starts, found by reading what is laid down for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hermetic.target import startup
from hermetic.target.interrogate import Interpreter
from hermetic.target.startup import ADDS, CODE, MODULE, SITE, START, UNREADABLE, USER, Sites, entries, imported

NEW, OLD = (3, 15), (3, 14)


def write(path: Path, text: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    place = Path(os.path.realpath(tmp_path)) / "site-packages"
    place.mkdir()
    return place


def found(
    site: Path, version: tuple[int, int] = OLD, *, user: bool = True, standard: tuple[str, ...] = ()
) -> list[tuple[str, str, int, str, bool]]:
    where = Sites([str(site)], list(standard), [], user=user)
    return [(one.kind, os.path.relpath(one.path, site), one.line, one.text, one.runs) for one in entries(where, version)]


LINES = [
    # a file's content, and what is found of it
    ("import os", [(CODE, 1, "import os", True)]),
    ("# a\n\nimport\tos; x()\r\nimportant", [(CODE, 3, "import\tos; x()", True), (ADDS, 4, "SITE/important", False)]),
    ("  import os", [(CODE, 1, "import os", True)]),
    ("\ufeffimport os", [(CODE, 1, "import os", True)]),
    ("# a\x0cimport os", [(CODE, 2, "import os", True)]),
    ("# a\u2028import os", [(CODE, 2, "import os", True)]),
    ("# a\rimport os", [(CODE, 2, "import os", True)]),
    (".", [(ADDS, 1, "SITE", True)]),
    ("../elsewhere\n/nowhere/at/all", [(ADDS, 1, "UP/elsewhere", False), (ADDS, 2, "/nowhere/at/all", False)]),
    ("a\0b", [(ADDS, 1, "SITE/a\0b", False)]),
    (b"\xffpath", [(ADDS, 1, "SITE/\udcffpath", False)]),
    ("import os\0", [(CODE, 1, "import os\0", True)]),
    ("", []),
    ("#", []),
]


@pytest.mark.parametrize(("content", "expected"), LINES)
def test_lines(site: Path, content: str | bytes, expected: list[tuple[str, int, str, bool]]) -> None:
    write(site / "a.pth", content)
    places = {"SITE": str(site), "UP": str(site.parent)}
    for name, place in places.items():
        expected = [(kind, line, text.replace(name, place), runs) for kind, line, text, runs in expected]
    assert [(kind, line, text, runs) for kind, _, line, text, runs in found(site)] == expected


def test_files(site: Path) -> None:
    for name in ("b.pth", ".hidden.pth", "a.pth.txt", "a.PTH", "pth", "inner/c.pth"):
        write(site / name, "import os")
    assert [row[1] for row in found(site)] == [".hidden.pth", "b.pth"]


def test_a_name_among_many(site: Path) -> None:
    for number in range(25000):
        (site / f"a{number}").touch()
    write(site / "z.pth", "import os")
    assert [row[1] for row in found(site)] == ["z.pth"]


def test_what_cannot_be_read(site: Path) -> None:
    os.mkfifo(site / "fifo.pth")
    (site / "directory.pth").mkdir()
    (site / "dangling.start").symlink_to("nowhere")
    (site / "zero.pth").symlink_to("/dev/zero")
    with open(site / "large.pth", "wb") as file:
        file.truncate(startup.LARGEST + 1)
    assert [row[:2] for row in found(site)] == [
        (UNREADABLE, name) for name in ("dangling.start", "directory.pth", "fifo.pth", "large.pth", "zero.pth")
    ]


def test_entry_points(site: Path) -> None:
    """Where one is, from 3.15 on the lines of code of the .pth file of that name do not run; its directories count."""
    write(site / "a.start", "# x\npkg.mod:run\n")
    write(site / "a.pth", "import os\n.\n")
    write(site / "pkg/__init__.py")
    write(site / "pkg/mod.py")
    for version, starts in ((NEW, True), (OLD, False)):
        assert [row for row in found(site, version) if row[0] != MODULE] == [
            (CODE, "a.pth", 1, "import os", not starts),
            (ADDS, "a.pth", 2, str(site), True),
            (START, "a.start", 2, "pkg.mod:run", starts),
        ]
        assert [row[1:2] + row[4:] for row in found(site, version) if row[0] == MODULE] == [
            ("pkg/__init__.py", starts),
            ("pkg/mod.py", starts),
        ]


def test_customizing(site: Path) -> None:
    """Of several that there are one runs."""
    for name in (
        "sitecustomize.py",
        "sitecustomize.cpython-311-x86_64-linux-gnu.so",
        "sitecustomize/__init__.py",
        "usercustomize.pyc",
        "sitecustomized.py",
    ):
        write(site / name)
    write(site / "sitecustomize/other.py")
    (site / "sitecustomize.abi3.so").symlink_to("nowhere")
    assert [(row[0], row[1], row[4]) for row in found(site)] == [
        (SITE, "sitecustomize/__init__.py", True),
        (SITE, "sitecustomize.cpython-311-x86_64-linux-gnu.so", False),
        (SITE, "sitecustomize.py", False),
        (USER, "usercustomize.pyc", True),
    ]
    assert found(site, user=False)[-1][4] is False


def test_customizing_elsewhere(site: Path) -> None:
    """The standard library comes before packages, and these before what .pth files add."""
    standard, added = site.parent / "lib", site.parent / "added"
    for place in (site, added, standard):
        write(place / "sitecustomize.py")
    write(site / "a.pth", str(added))
    rows = [(row[1], row[4]) for row in found(site, standard=(str(standard),)) if row[0] == SITE]
    assert rows == [("../lib/sitecustomize.py", True), ("sitecustomize.py", False), ("../added/sitecustomize.py", False)]


def test_modules_that_lines_name(site: Path) -> None:
    standard = site.parent / "lib"
    write(standard / "os.py")
    for name in ("os.py", "sys.py", "hack/__init__.py", "late.py", "inner/__init__.py", "inner/mod.py"):
        write(site / name)
    write(site / "a.pth", "import os, sys; __import__('hack').x(); from inner.mod import y\nimport absent, late\n")
    rows = [row[1] for row in found(site, standard=(str(standard),)) if row[0] == MODULE]
    assert rows == ["inner/__init__.py", "inner/mod.py", "hack/__init__.py", "late.py"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("import a.b as c, d", ["a.b", "d"]),
        ("import os; from a import b", ["os", "a"]),
        ("import os; __import__('x'); __import__(y); __import__(); __import__(1)", ["os", "x"]),
        ("import a; (lambda: __import__('b'))()", ["a", "b"]),
        ("import os; from . import x", ["os"]),
        ("import", []),
        ("import os\0", []),
        ("import os; " + "(" * 5000, []),
        ("import os; x = " + "-" * 50000 + "1", []),
        ("import os; x = '" + "-" * 100000 + "'", []),
    ],
)
def test_names_of_modules(line: str, names: list[str]) -> None:
    assert imported(line) == names


# Where it looks.


@pytest.mark.parametrize("system", ["false", "true", None])
def test_directories(tmp_path: Path, system: str | None) -> None:
    """Of a virtual environment with and without the system's packages, and of none."""
    root = Path(os.path.realpath(tmp_path))
    write(root / "base/bin/python3.11")
    for place in ("base", "venv", "home/.local"):
        (root / place / "lib/python3.11/site-packages").mkdir(parents=True)
    (root / "venv/lib64").symlink_to("lib")
    (root / "named").mkdir()
    write(root / "venv/bin/python")
    if system:
        write(root / "venv/pyvenv.cfg", f"home = {root}/base/bin\ninclude-system-site-packages = {system}\n")
    facts = Interpreter(f"{root}/base/bin/python3.11", (3, 11, 7), "cpython", "", {})
    chosen = "venv/bin/python" if system else "base/bin/python3.11"
    where = startup.sites(f"{root}/{chosen}", facts, {"HOME": f"{root}/home", "PYTHONPATH": "named:absent"}, str(root))
    expected = {"false": ["venv"], "true": ["venv", "home/.local", "base"], None: ["home/.local", "base"]}[system]
    assert where.packages == [f"{root}/{place}/lib/python3.11/site-packages" for place in expected]
    assert (where.standard, where.named, where.user) == ([f"{root}/base/lib/python3.11"], [f"{root}/named"], system != "false")
