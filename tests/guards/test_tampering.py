"""What would take the guards apart does not: judged by a listener that is reached without a guard, and never with one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Python
from guards import tampering_rows as rows
from launch.staged import Done, Listener, Staged, native

PROBE = Path(__file__).with_name("integrity_probe.py")
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@pytest.fixture
def staged(python: Python, cache: Path):
    with Staged(python.path, cache) as staged:
        yield staged


@pytest.fixture
def listener():
    with Listener() as listener:
        yield listener


def fitting(table: dict[str, rows.Row], python: Python) -> dict[str, str]:
    return {
        name: rows.PRELUDE + row.code
        for name, row in table.items()
        if row.since <= python.version <= row.until and (row.pypy or python.implementation != "pypy")
    }


def both(
    python: Python, staged: Staged, listener: Listener, snippets: dict[str, str], free: Path, options: tuple[str, ...] = ()
) -> dict[str, str]:
    """What became of each with the guard, after all have reached the listener without one."""
    task = json.dumps({"names": {"port": listener.port, "free": str(free)}, "snippets": snippets}).encode()
    natively = results(native(python.path, str(PROBE), env=ENV, input=task))
    assert {name: text for name, text in natively.items() if text != "done"} == {}
    assert listener.visits() >= len(snippets)
    return results(staged.start(*options, str(PROBE), env=ENV, input=task))


def results(done: Done) -> dict[str, str]:
    assert done.code == 0, done
    return dict(json.loads(done.out))


def check(
    python: Python, staged: Staged, listener: Listener, snippets: dict[str, str], free: Path, options: tuple[str, ...] = ()
) -> dict[str, str]:
    if not snippets:
        pytest.skip("nothing of this is in this version")
    found = both(python, staged, listener, snippets, free, options)
    assert {name for name, text in found.items() if text == "done"} == set(), found
    assert listener.visits() == 0
    return found


@pytest.mark.pythons("all")
@pytest.mark.parametrize("options", [(), ("-I",)], ids=["early", "stub"])
def test_sub_interpreters(python: Python, staged: Staged, listener: Listener, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Refused before any C code runs, which in part ends the process where the event is refused."""
    found = check(python, staged, listener, fitting(rows.SUBINTERPRETERS, python), tmp_path, options)
    others = {name for name, text in found.items() if "a sub-interpreter" not in text}
    assert others <= {"InterpreterPoolExecutor"}, found  # which has an error of its own


@pytest.mark.pythons("all")
def test_second_loads(python: Python, staged: Staged, listener: Listener, tmp_path: Path) -> None:
    has_file = b"True" in native(python.path, "-c", "import _socket; print(hasattr(_socket, '__file__'))", env=ENV).out
    snippets = {name: rows.PRELUDE + code for name, code in rows.SECOND_LOADS.items() if has_file or rows.FILE not in code}
    if python.version >= (3, 13):
        snippets.pop(rows.ASKED_ONCE, None)
    found = check(python, staged, listener, snippets, tmp_path)
    for name in ("forgotten and imported", "all forgotten", "reloaded"):  # a module that a test loads anew is the guarded one
        assert "network disabled" in found[name], found


BUILTIN = """
import _imp
from importlib.machinery import ModuleSpec
os.mkfifo('%s/first' % free)
again = _imp.create_builtin(ModuleSpec('posix', None))
result = 'done' if again.mkfifo is not os.mkfifo else 'the guarded one'
"""


@pytest.mark.pythons("3.6", "3.8", "3.11", "3.13", "3.15")
def test_second_loads_of_builtin_modules(python: Python, staged: Staged, tmp_path: Path) -> None:
    """posix, of the new kind in the later versions: there a second one holds the functions as they were."""
    (tmp_path / "guarded").mkdir()
    (tmp_path / "bare").mkdir()
    tasks = [json.dumps({"names": {"free": str(tmp_path / name)}, "snippets": {"posix": BUILTIN}}).encode() for name in ("bare", "guarded")]
    assert results(native(python.path, str(PROBE), env=ENV, input=tasks[0]))["posix"] in ("done", "the guarded one")
    assert results(staged.start(str(PROBE), env=ENV, input=tasks[1]))["posix"] == "the guarded one"


@pytest.mark.pythons("all")
def test_reaching_for_the_guards(python: Python, staged: Staged, listener: Listener, tmp_path: Path) -> None:
    table = {name: row for name, row in rows.REACHING.items() if name not in ("the package", "the violations")}
    check(python, staged, listener, fitting(table, python), tmp_path)
    for name in ("the package", "the violations"):  # there is nothing of that without a guard
        task = {"names": {"port": listener.port}, "snippets": {name: rows.PRELUDE + rows.REACHING[name].code}}
        assert results(staged.start(str(PROBE), env=ENV, input=json.dumps(task).encode()))[name] != "done"
    assert listener.visits() == 0


@pytest.mark.parametrize("name", rows.FIRST_START)
def test_before_the_first_start(python: Python, staged: Staged, listener: Listener, tmp_path: Path, name: str) -> None:
    check(python, staged, listener, fitting({name: rows.FIRST_START[name]}, python), tmp_path)


@pytest.mark.pythons("3.14", "3.15")
def test_remote_execution(python: Python, staged: Staged, listener: Listener, tmp_path: Path) -> None:
    """Of a script in the process itself; in its parent, the launcher, likewise."""
    script = tmp_path / "script.py"
    script.write_text(f"import socket; socket.create_connection(('127.0.0.1', {listener.port})).close()")
    code = f"import os, sys\nsys.remote_exec(os.getpid(), {str(script)!r})\nfor _ in range(1000): pass"
    bare = native(python.path, "-c", code, env=ENV)
    assert (bare.code, listener.visits()) == (0, 1), bare
    done = staged.start("-c", code, env=ENV)
    assert b"guards stay in place: use(remote execution)" in done.err
    assert (done.code, listener.visits()) == (1, 0)


@pytest.mark.pythons("all")
def test_shutdown(python: Python, staged: Staged, listener: Listener) -> None:
    """Hooks are dropped while objects live on: neither a socket from before nor a new one reaches anything then."""
    reached = set()
    for name, keep in rows.KEPT.items():
        if python.version < (3, 7) and "register_at_fork" in keep:
            continue
        code = rows.LATE.format(port=listener.port, keep=keep)
        bare = native(python.path, "-c", code, env=ENV)
        assert bare.code == 0, bare
        if listener.visits():
            reached.add(name)
        guarded = staged.start("-c", code, env=ENV)
        assert (guarded.code, guarded.out, guarded.err, listener.visits()) == (0, b"", b"", 0), name
    # PyPy finalizes nothing when it ends.
    assert python.implementation == "pypy" or {"a module", "a cycle", "codecs.register_error"} <= reached


@pytest.mark.pythons("all")
def test_finalizers(python: Python, staged: Staged, listener: Listener) -> None:
    """They run as without a guard, and the collector shows them nothing of it."""
    code = rows.FINALIZED.format(port=listener.port)
    out = native(python.path, "-c", code, env=ENV).out
    assert (out, listener.visits()) == (
        (b"", 0) if python.implementation == "pypy" else (b"finalized", 1)
    )  # which finalizes nothing when it ends
    guarded = staged.start("-c", code, env=ENV)
    assert (guarded.code, guarded.out, guarded.err, listener.visits()) == (0, out, b"", 0)


@pytest.mark.pythons("all")
def test_daemon_threads_at_shutdown(python: Python, staged: Staged) -> None:
    """They end as without a guard: up to 3.13 by pthread_exit, which loads a library, when nothing can be opened any more."""
    bare = native(python.path, "-c", rows.DAEMON, env=ENV)
    assert (bare.code, bare.err) == (0, b"")
    guarded = staged.start("-c", rows.DAEMON, env=ENV)
    assert (guarded.code, guarded.out, guarded.err) == (0, b"", b"")
