"""What is promised about the payload's source: where it may run, what it may import, and that all of it is staged."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, find_python
from hermetic_guard import decide, late, policy

from hermetic.launch import payload

GUARD = ROOT / "bootstrap/hermetic_guard"
FILES = sorted(GUARD.rglob("*.py"))
STARTED = sorted(GUARD.glob("_[a-z]*.py"))
"""Started by path, in whatever interpreter it is: they must parse on 2.7, to be able to refuse."""


OTHER_LIBRARIES = {"_frozen_importlib_external", "_interpreters", "_pypy_interact", "_pyrepl"}
"""In the standard library too, of some version or of PyPy."""


def imports(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it but under `if TYPE_CHECKING`."""
    found = set()
    for node in ast.walk(without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or ".").partition(".")[0])
    return found


def without_type_checking(tree: ast.AST) -> ast.AST:
    class Remove(ast.NodeTransformer):
        def visit_If(self, node: ast.If) -> ast.AST | None:
            return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)

    return Remove().visit(tree)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(GUARD)))
def test_imports_the_standard_library_and_itself_only(path: Path) -> None:
    known = sys.stdlib_module_names | OTHER_LIBRARIES | {"hermetic_guard"}
    assert imports(path) <= known
    assert "typing" not in imports(path)
    assert "hermetic" not in imports(path)


@pytest.mark.parametrize("name", ["3.6", "3.8", "3.15", "pypy3.9"])
def test_compiles(name: str) -> None:
    code = "import sys\nfor path in sys.argv[1:]: compile(open(path, encoding='utf-8').read(), path, 'exec')"
    subprocess.run([find_python(name).path, "-c", code, *map(str, FILES)], check=True)


def test_what_starts_parses_on_2_7() -> None:
    code = "import ast, sys\nfor path in sys.argv[1:]: ast.parse(open(path).read(), path)"
    subprocess.run([find_python("2.7").path, "-c", code, *map(str, STARTED)], check=True)


def test_every_module_is_staged_behind_those_it_imports() -> None:
    staged = {f"{name.replace('.', '/')}.py" for name in payload.MODULES if name != "guards"} | {"__init__.py", "guards/__init__.py"}
    started = {path.name for path in STARTED}
    assert {str(path.relative_to(GUARD)) for path in FILES} == staged | started
    for names in payload.PARTS.values():
        seen = set() if names is payload.FIRST else {*late.STANDING} & {*payload.FIRST}
        for name in names:
            path = GUARD / (name.replace(".", "/") + ("/__init__.py" if name == "guards" else ".py"))
            assert own_imports(path) <= seen | {name}, name
            seen.add(name)


def own_imports(path: Path) -> set[str]:
    """The payload's modules that one imports when it is loaded."""
    found = set()
    for node in ast.walk(without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hermetic_guard"):
            module = (node.module or "").partition(".")[2]
            names = {f"{module}.{alias.name}".strip(".") for alias in node.names}
            found.update(name if name in payload.MODULES else module for name in names)
    return found - {""}


def test_layers() -> None:
    """Dependencies point one way: cli -> launch -> policy, target, linux -> hermetic_guard."""
    for path in sorted((ROOT / "hermetic").rglob("*.py")):
        if path.name not in ("cli.py", "pages.py", "answers.py", "completion.py"):
            assert "click" not in imports(path), path
    for package in ("policy", "linux"):
        for path in sorted((ROOT / "hermetic" / package).glob("*.py")):
            assert "hermetic.launch" not in path.read_text(), path


def test_what_judges_has_no_methods() -> None:
    """Judging runs from sealed copies of functions (sealing.py). A method is none: what it looks up the target can replace."""
    for module in (policy, decide):
        for kind in filter(inspect.isclass, vars(module).values()):
            methods = {name for name, value in vars(kind).items() if inspect.isfunction(value) and not name.startswith("__")}
            assert methods <= NOT_FOR_JUDGING, (kind, methods)


NOT_FOR_JUDGING = {"values", "replaced", "guards"}
