"""docs/policy.md and the README: the files they show are policy files, and no key, variable or set is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hermetic_guard.policy import Policy

from hermetic import policies
from hermetic.policy import load, sets
from hermetic.policy.context import VARIABLES, Context
from hermetic.policy.reader import Reader

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs/policy.md").read_text()
FILES = [
    re.sub("(?m)^    ", "", block)
    for text in (DOCS, (ROOT / "README.md").read_text())
    for block in re.findall(r"(?m)^    version = 1\n(?:    .*\n|\n(?=    ))+", text)
]


@pytest.mark.parametrize("text", [*FILES, policies.STARTER])
def test_files_that_are_shown(text: str) -> None:
    document = load.Document(text.encode(), "/x/hermetic.toml")
    for name in ("", *document.profiles):
        document.policy(name, Policy(), Reader("/x", Context("/usr/lib", {"PATH": "/usr/bin", "HOME": "/root"})))
    assert document.profiles["tests"]["extends"] == ["net-hermetic"]


def test_there_are_some() -> None:
    assert len(FILES) == 2


def test_nothing_is_left_out() -> None:
    for key in load.KEYS:
        guard, _, word = key.partition(".")
        assert f"`{word or guard}`" in DOCS or f"`[{guard}]`" in DOCS, key
    assert [name for name in VARIABLES if f"`${name}`" not in DOCS] == []
    assert [name for name in sets.tables() if f"`{name}`" not in DOCS] == []
