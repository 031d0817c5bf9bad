"""Directories that setuptools makes in a source tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hermetic_guard import setuptools

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("pyproject.toml", '[project]  # of it\nname = "My--proj.x"  # its name\n', "My_proj.x"),
        (
            "pyproject.toml",
            '[tool.x]\nname = "other"\n[build-system]\nbuild-backend = "setuptools.build_meta"\n[project]\nname = \'a_b\'\n',
            "a_b",
        ),
        ("pyproject.toml", '[project]\nname = "../../x"\n', "_.._x"),
        ("setup.cfg", "[metadata]\nversion = 1\nname = it\n", "it"),
        ("setup.py", "from setuptools import setup\nsetup(\n    version='1',\n    name='it')\n", "it"),
        ("setup.py", "setup(**what())\n", ""),
        ("setup.py", "setup(name=what())\n", ""),
        ("pyproject.toml", '[project]\nname = ".."\n', ""),
    ],
)
def test_names(tmp_path: Path, file: str, text: str, expected: str) -> None:
    (tmp_path / file).write_text(text)
    assert setuptools.directories(str(tmp_path)) == ["build", *([f"{expected}.egg-info"] if expected else [])]


def test_where_it_makes_none(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[build-system]\nbuild-backend = "hatchling.build"\n[project]\nname = "it"\n')
    assert setuptools.directories(str(tmp_path)) == []


def test_where_packages_lie_in_src(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "it"\n')
    assert setuptools.directories(str(tmp_path)) == ["build"]
