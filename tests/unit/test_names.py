"""What a command is called, and what in the working directory answers to the name."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermetic.policy import load
from hermetic.target.names import names, shadowing
from hermetic.target.resolve import Target


@pytest.mark.parametrize(
    ("words", "files", "found"),
    [
        ("-m pip install x", ["pip.py"], "pip.py"),
        ("-m pip install x", ["pip/__init__.py", "pip/__main__.py"], "pip/__init__.py"),
        ("-m pip install x", ["pip/__main__.py"], "pip/__main__.py"),
        ("-m pip install x", ["typing.py"], "typing.py"),
        ("-m pip._internal", ["pip.py"], "pip.py"),
        ("-m build", ["build/lib/x.py", "test/__init__.py", "pip/x.py", "pip.txt"], ""),
        ("-I -m pip", ["pip.py"], ""),
        ("-P -m pip", ["pip.py"], ""),
        ("/usr/bin/pip install x", ["pip.py"], ""),
        ("-c pip", ["pip.py"], ""),
    ],
)
def test_shadowing(tmp_path: Path, words: str, files: list[str], found: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    target = Target("/usr/bin/python3", ["python3", *words.split()], {}, [])
    assert shadowing(target, str(tmp_path)) == (found and f"{tmp_path}/{found}")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("/usr/bin/uv tool run ruff check", "uv tool run, uv tool, uv"),
        ("/usr/bin/uv --offline tool run", "uv tool run --offline, uv tool run, uv tool --offline, uv tool, uv --offline, uv"),
        ("/usr/bin/ruff format .", "ruff format ., ruff format, ruff"),
        ("/usr/bin/uvx", "uvx"),
        ("/usr/bin/tool3.11 x", "tool3.11 x, tool x, tool3.11, tool"),
        ("/usr/bin/3.11", ""),
    ],
)
def test_names(words: str, found: str) -> None:
    """The more exact before the less exact."""
    target = Target(words.partition(" ")[0], words.split(), {}, [], python=False)
    assert ", ".join(names(target)) == found


@pytest.mark.parametrize(
    ("command", "profile"),
    [
        ("tox", "project-install-and-run"),
        ("tox run -e py", "project-install-and-run"),
        ("tox run -e py --notest", "project-install"),
        ("tox -e py --notest", "project-install"),
        ("tox run -e py -- --notest", "project-install-and-run"),
        ("tox run --skip-pkg-install -- -q", "project-run"),
        ("tox list", "project-run"),
        ("nox -s tests", "project-install-and-run"),
        ("nox -s tests --install-only", "project-install"),
        ("nox -R -s tests", "project-run"),
        ("hatch run pytest", "project-install-and-run"),
        ("hatch env create", "managed-install"),
        ("hatch build", "build"),
        ("poetry install --no-root", "managed-install"),
        ("poetry run pytest", "project-run"),
        ("poetry build", "build"),
        ("poetry publish", ""),
    ],
)
def test_profiles(command: str, profile: str) -> None:
    """Of tools that do several things."""
    words = command.split()
    target = Target("/e/bin/python", ["/e/bin/python", f"/e/bin/{words[0]}", *words[1:]], {}, [], script=f"/e/bin/{words[0]}")
    assert load.for_command(names(target)) == profile
