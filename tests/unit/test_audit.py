"""What is printed of what starts with an interpreter."""

from __future__ import annotations

import json
from pathlib import Path

from hermetic import audit
from hermetic.target import startup
from hermetic.target.startup import Sites


def examined(site: Path) -> audit.Audit:
    where = Sites([str(site)], [], [], user=True)
    return audit.Audit("/x/bin/python", "CPython 3.11.7", where, audit.rows(startup.entries(where, (3, 11)), where.packages, "/nowhere"))


def test_nothing(tmp_path: Path) -> None:
    found = examined(tmp_path)
    assert audit.report(found) == "CPython 3.11.7 /x/bin/python\n\nnothing starts with it\n"
    assert found.accounted


def test_rows(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_text("import os; print('\x1b[2J')\n.\n")
    (tmp_path / "b\n.pth").write_text("import os; " + "x" * 1000)
    (tmp_path / "c.start").write_text("x:y")
    found = examined(tmp_path)
    assert audit.report(found).splitlines() == [
        "CPython 3.11.7 /x/bin/python",
        "",
        str(tmp_path),
        r"  unowned  code              a.pth:1    -  import os; print('\x1b[2J')",
        f"  unowned  adds to sys.path  a.pth:2    -  {tmp_path}",
        rf"  unowned  code              b\n.pth:1  -  import os; {'x' * 189}...",
        "  unowned  entry point       c.start:1  -  x:y (does not run: before 3.15 there are no such files)",
        "",
        "4 of 4 not accounted for",
    ]
    data = json.loads(json.dumps(found.as_data()))
    assert (data["version"], data["accounted"], len(data["rows"])) == (1, False, 4)
    assert data["rows"][0]["text"] == "import os; print('\x1b[2J')"
    assert [row["runs"] for row in data["rows"]] == [True, True, True, False]


def test_an_egg_link_accounts_for_its_directory(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "easy-install.pth").write_text(f"{tmp_path}/project\n{tmp_path}\n")
    (tmp_path / "demo.egg-link").write_text(f"{tmp_path}/project\n.\n")
    assert [(row.owner, row.status) for row in examined(tmp_path).rows] == [("demo (egg-link)", "accounted"), ("", "unowned")]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.pth").mkdir()
    assert "  unreadable  ?  a.pth  -  it is no plain file that can be read" in audit.report(examined(tmp_path)).splitlines()
