"""What SQLite would open, read from a name or a statement."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hermetic_guard.guards.databases import has_log, reading_uri, spelled_out
from hermetic_guard.guards.uris import read_uri

URIS = [
    ("/a/b", (None, "")),
    (":memory:", (None, "")),
    ("file:/a/b", ("/a/b", "rwc")),
    ("file:a?mode=ro", ("a", "ro")),
    ("file:///a?mode=ro", ("/a", "ro")),
    ("file://localhost/a", ("/a", "rwc")),
    ("file:/a%20b?cache=shared&mode=ro#x", ("/a b", "ro")),
    ("file:/a?mode=r%6f", ("/a", "ro")),
    ("file:/a?m%6fde=ro", ("/a", "ro")),
    ("file:/a?mode=ro&mode=rwc", ("/a", "rwc")),
    ("file:/a?mode=rw", ("/a", "rwc")),
    ("file:x?mode=memory", ("x", "memory")),
    ("file::memory:", (":memory:", "memory")),
    ("file:/a%00b", ("/a", "rwc")),
    ("file:/a%zz", ("/a%zz", "rwc")),
    ("file:/a#?mode=ro", ("/a", "rwc")),
]


@pytest.mark.parametrize(("text", "expected"), URIS)
def test_uris(text: str, expected: tuple[str | None, str]) -> None:
    assert read_uri(text) == expected


STATEMENTS = [
    ("attach ? as x", ("/a",), ("attach '/a' as x", ())),
    ("ATTACH DATABASE ? AS ?", ("it's", "x"), ("ATTACH DATABASE 'it''s' AS ?", ("x",))),
    ("attach :file as x", {"file": "/a"}, ("attach '/a' as x", {"file": "/a"})),
    ("attach ? as x", (), ("attach ? as x", ())),
    ("attach ? || ? as x", ("/a", "b"), ("attach ? || ? as x", ("/a", "b"))),
    ("attach '/a' as ?", ("x",), ("attach '/a' as ?", ("x",))),
    ("select ? as x", ("/a",), ("select ? as x", ("/a",))),
    ("attach", (), ("attach", ())),
]


@pytest.mark.parametrize(("statement", "values", "expected"), STATEMENTS)
def test_statements(statement: str, values: object, expected: tuple[str, object]) -> None:
    assert spelled_out(statement, values) == expected


@pytest.mark.parametrize("name", ["plain", "with blank", "ünïcode", "a?b#c%20d", "'quoted\"", "new\nline"])
def test_reading_uri_leads_to_the_same_file(tmp_path: Path, name: str) -> None:
    with sqlite3.connect(tmp_path / name) as connection:
        connection.execute("create table t (a)")
    connection.close()
    reading = sqlite3.connect(reading_uri(str(tmp_path / name)), uri=True)
    assert reading.execute("select * from t").fetchall() == []
    with pytest.raises(sqlite3.OperationalError):
        reading.execute("insert into t values (1)")
    reading.close()
    assert read_uri(reading_uri(str(tmp_path / name))) == (str(tmp_path / name), "ro")


def test_a_log_beside_the_database_is_seen(tmp_path: Path) -> None:
    for name, mode in (("plain", "delete"), ("logged", "wal")):
        connection = sqlite3.connect(tmp_path / name)
        connection.execute(f"pragma journal_mode={mode}")
        connection.execute("create table t (a)")
        connection.close()
    assert (has_log(str(tmp_path / "plain")), has_log(str(tmp_path / "logged"))) == (False, True)
