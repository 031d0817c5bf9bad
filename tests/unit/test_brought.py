"""Files that run when interpreters start, and which of them are new."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermetic.launch import brought
from hermetic.target import startup


def told(before: brought.Found, site: Path) -> list[str]:
    return [line.partition(" runs from now on")[0].removeprefix(f"{site}/") for line in brought.lines(before, [str(site)])]


def test_what_runs(tmp_path: Path) -> None:
    before = brought.look([str(tmp_path)])
    for name, text in {
        "code.pth": "/x\nimport os; os.system('x')\n",
        "tab.pth": "import\tos\n",
        "blank.pth": "  import os\n",
        "path.pth": "important\n/x\n# import os\n",
        "a.start": "# nothing\nmodule:function\n",
        "empty.start": "# nothing\n",
        "sitecustomize.py": "",
        "usercustomize.cpython-313-x86_64-linux-gnu.so": "",
        "sitecustomized.py": "",
        "module.py": "import os\n",
    }.items():
        (tmp_path / name).write_text(text)
    found = told(before, tmp_path)
    assert found == ["a.start", "blank.pth", "code.pth", "sitecustomize.py", "tab.pth", "usercustomize.cpython-313-x86_64-linux-gnu.so"]
    before = brought.look([str(tmp_path)])
    assert told(before, tmp_path) == []
    (tmp_path / "code.pth").write_text("import sys\n")
    (tmp_path / "sitecustomize.py").write_text("import sys\n")
    (tmp_path / "usercustomize").mkdir()
    (tmp_path / "usercustomize/__init__.py").touch()
    assert told(before, tmp_path) == ["code.pth", "sitecustomize.py", "usercustomize/__init__.py"]


@pytest.mark.parametrize(
    ("pth", "line"),
    [
        ("x.pth", "import os; os.environ.get('X') and __import__('hack').add()\n"),
        ("x.pth", "import hack.inner\n"),
        ("x.start", "hack:function\n"),
    ],
)
def test_modules_that_lines_import(tmp_path: Path, pth: str, line: str) -> None:
    """To bring one anew in the place of what is there is to have it run; what came with its line is told by that."""
    (tmp_path / "hack").mkdir()
    (tmp_path / "other.py").touch()
    before = brought.look([str(tmp_path)])
    for name in ("hack/__init__.py", "hack/inner.py", pth):
        (tmp_path / name).write_text(line if name == pth else "")
    assert told(before, tmp_path) == [pth]
    before = brought.look([str(tmp_path)])
    (tmp_path / "hack/__init__.py").write_text("")
    (tmp_path / "other.py").write_text("changed")
    assert told(before, tmp_path) == []
    (tmp_path / "hack/__init__.py").write_text("import os\n")
    assert told(before, tmp_path) == ["hack/__init__.py"]
    before = brought.look([str(tmp_path)])
    (tmp_path / "hack/inner.py").write_text("import os\n")
    (line_told,) = brought.lines(before, [str(tmp_path)])
    assert line_told == (
        f"{tmp_path}/hack/inner.py runs from now on whenever an interpreter starts there (a .pth or .start file there imports it)"
    )


def test_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_text("import os\n")
    (tmp_path / "brings-1.0.dist-info").mkdir()
    (tmp_path / "brings-1.0.dist-info/RECORD").write_text("x.pth,sha256=0,10\n")
    (line,) = brought.lines({}, [str(tmp_path)])
    assert line == f"{tmp_path}/x.pth, of brings 1.0, runs from now on whenever an interpreter starts there: import os"


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.pth").mkdir()
    (tmp_path / "y.pth").symlink_to("/nowhere")
    (tmp_path / "sitecustomize").mkdir()
    assert brought.look([str(tmp_path), "/nowhere"]) == {}
    with open(tmp_path / "z.pth", "wb") as file:
        file.truncate(startup.LARGEST + 1)
    (line,) = brought.lines({}, [str(tmp_path)])
    assert line == f"{tmp_path}/z.pth runs from now on whenever an interpreter starts there: (too large to be read)"


def test_directories_that_lines_add(tmp_path: Path) -> None:
    """What is imported at start may lie in one, as that of an editable installation, and so may what a line imports."""
    site, elsewhere = tmp_path / "site", tmp_path / "project/src"
    for place in (site / "_a", elsewhere, site / "not_added"):
        place.mkdir(parents=True)
        (place / "sitecustomize.py").touch()
    (elsewhere / "hack.py").touch()
    before = brought.look([str(site)])
    assert before == {}
    (site / "a.pth").write_text("_a\n")
    (site / "b.pth").write_text(f"{elsewhere}\nimport hack\n")
    assert told(before, site) == [f"{elsewhere}/sitecustomize.py", "_a/sitecustomize.py", "b.pth"]
    before = brought.look([str(site)])
    (elsewhere / "hack.py").write_text("import os\n")
    assert told(before, site) == [f"{elsewhere}/hack.py"]


def test_configuration_of_pip(tmp_path: Path) -> None:
    before = brought.look([], str(tmp_path))
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://other.example/simple\n")
    (line,) = brought.lines(before, [], str(tmp_path))
    assert line == f"{tmp_path}/pip.conf says from now on where pip looks for packages there"
    assert list(brought.lines(brought.look([], str(tmp_path)), [], str(tmp_path))) == []
