"""The filesystem guard, in every interpreter: the table of `filesystem/`, judged from outside by what became of a directory, or leaked from it."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import sqlite3
import ssl
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import Python, find_python, share
from guards.filesystem import changing, libraries, ordinary, protected, reading, tampering
from guards.filesystem.row import HIDE, PROTECT, READONLY, ROOT, Row
from hermetic_guard.policy import Filesystem, Policy
from launch.staged import Staged, native

from hermetic.target.needs import Needs
from hermetic.target.resolve import Target

PROBE = Path(__file__).with_name("filesystem") / "probe.py"
ENV = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": ""}
NEEDLE = "needle"
F_SETPIPE_SZ = 1031
"""<linux/fcntl.h>"""

SECTIONS = {
    "opened": changing.OPENED,
    "paths": changing.PATHS,
    "tree": changing.TREE,
    "metadata": changing.METADATA,
    "databases": libraries.DATABASES,
    "libraries": libraries.OTHERS,
    "ordinary libraries": libraries.ORDINARY,
    "outside": reading.OUTSIDE,
    "hidden": reading.HIDDEN,
    "ordinary": ordinary.ORDINARY,
    "protected": protected.ROWS,
    "tampering": tampering.TAMPERING,
}
ROWS = {f"{row.policy} {section}: {row.name}": row for section, rows in SECTIONS.items() for row in rows}


def test_names_are_unique() -> None:
    assert len(ROWS) == sum(map(len, SECTIONS.values()))


@functools.cache
def certificate() -> str:
    """One of those that are on this machine."""
    return ssl.DER_cert_to_PEM_cert(ssl.create_default_context().get_ca_certs(binary_form=True)[0])


class World:
    """A directory with three for each row: see row.py."""

    def __init__(self, base: Path, names: list[str]) -> None:
        self.base = base
        self.numbers = {name: str(number) for number, name in enumerate(names)}
        for number in self.numbers.values():
            self._fill(base / "place" / number)
            self._fill(base / "free" / number, NEEDLE.upper())
            self._fill(base / "root" / number, NEEDLE.upper())
            (base / "free" / number / "planted").symlink_to(base / "place" / number)
            os.link(base / "place" / number / "file", base / "free" / number / "second-name")

    @staticmethod
    def _fill(directory: Path, needle: str = NEEDLE) -> None:
        (directory / "inner").mkdir(parents=True)
        (directory / "file").write_text(needle)
        os.setxattr(directory / "file", "user.kept", b"x")
        os.setxattr(directory / "file", f"user.{NEEDLE}", needle.encode())
        (directory / "link").symlink_to("file")
        (directory / "out").symlink_to("/dev/null")
        if needle == NEEDLE:
            (directory / "link-with-needle").symlink_to(NEEDLE)
            (directory / "ca.pem").write_text(certificate())
            (directory / "file.ini").write_text(f"[s]\nk = {needle}\n")
            (directory / "module_with_needle.py").write_text(f"VALUE = {needle!r}\n")
            with zipfile.ZipFile(directory / "archive.zip", "w") as archive:
                archive.writestr("inside.py", f"VALUE = {needle!r}\n")
            with sqlite3.connect(directory / "db") as connection:
                connection.execute("create table t (a)")
                connection.execute("insert into t values (?)", (needle,))
            connection.close()

    def place(self, name: str) -> Path:
        return self.base / "place" / self.numbers[name]

    def names(self, name: str) -> dict[str, str]:
        return {kind: str(self.base / kind / self.numbers[name]) for kind in ("place", "free", "root")}


def state(directory: Path) -> list[object]:
    """All that can be changed there; the bytes of a file count, the time it was read does not."""
    found: list[object] = []
    for path in sorted([directory, *directory.rglob("*")]):
        about = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found.append((str(path), about.st_mode, about.st_uid, about.st_nlink, about.st_mtime_ns, about.st_ctime_ns, content))
    return found


def policy_of(name: str, world: World, needs: Needs) -> Policy:
    base = world.base
    free = (str(base / "free"),)
    places = tuple(f"{base}/place/{number}/{path}" for number in world.numbers.values() for path in protected.PROTECTED)
    readable = (str(base / "root"), str(PROBE), *needs.read)
    rules = {
        READONLY: Filesystem(write=free),
        ROOT: Filesystem(write=free, read=tuple(sorted(readable)), names=tuple(needs.names)),
        HIDE: Filesystem(write=free, hide=(str(base / "place"),)),
        PROTECT: Filesystem(write=(*free, str(base / "place")), protect=places),
    }
    return Policy(filesystem=rules[name])


def plan(world: World, rows: dict[str, Row]) -> bytes:
    return json.dumps([[name, row.module, world.names(name), row.code] for name, row in rows.items()]).encode()


def carry_out(python: Python, cache: Path, directory: Path, rows: dict[str, Row]) -> dict[str, dict[str, Any]]:
    """What became of each row: bare, and under its policy, with whether `place` was changed and what the guard told."""
    bare, guarded = World(directory / "bare", list(rows)), World(directory / "guarded", list(rows))
    needs = Needs(Target(python.path, [python.path, str(PROBE)], {}, []), str(directory))
    before = {name: (state(bare.place(name)), state(guarded.place(name))) for name in rows}
    done = native(python.path, str(PROBE), env=ENV, input=plan(bare, rows), cwd=directory, timeout=300)
    assert done.code == 0, done
    outcomes = {name: {"bare": outcome} for name, outcome in json.loads(done.out).items()}
    for policy in (READONLY, ROOT, HIDE, PROTECT):
        chosen = {name: row for name, row in rows.items() if row.policy == policy}
        with Staged(python.path, cache, policy_of(policy, guarded, needs)) as staged:
            fcntl.fcntl(staged.run.events, F_SETPIPE_SZ, 1 << 20)  # nobody reads while they run
            done = staged.start(str(PROBE), env=ENV, input=plan(guarded, chosen), cwd=directory, timeout=300)
        assert done.code == 0, done
        for name, outcome in json.loads(done.out).items():
            told = [
                f"{event['action']}({event['target']})" for event in done.told("refused", "hidden") if event["pid"] == outcome.get("pid")
            ]
            outcomes[name]["guarded"] = {**outcome, "told": told}
    for name in rows:
        after = state(bare.place(name)), state(guarded.place(name))
        outcomes[name].update({"bare changed": after[0] != before[name][0], "guarded changed": after[1] != before[name][1]})
        outcomes[name]["place"] = str(guarded.place(name))
        for kind, one in (("bare", bare), ("guarded", guarded)):
            outcome = outcomes[name][kind]
            outcome["result"] = outcome.get("result", "").replace(str(one.base), "BASE")
    return outcomes


def complaint(row: Row, found: dict[str, Any]) -> str:
    """What is wrong with a row's outcome; "" if nothing."""
    bare, guarded = found["bare"], found["guarded"]
    if "missing" in bare:
        return ""
    if row.what == "works":
        return (
            ""
            if (guarded["error"], guarded["result"], guarded["told"]) == (bare["error"], bare["result"], []) and not bare["error"]
            else "differs"
        )
    if found["guarded changed"]:
        return "changed it"
    if NEEDLE in guarded["result"]:
        return "leaked it"
    if not (found["bare changed"] if row.what == "changes" else NEEDLE in bare["result"]):
        return "the control shows nothing"
    if not set(row.error.split("|")) & {*guarded["kinds"], guarded["error"]}:
        return f"ended otherwise than with {row.error or 'nothing'}"
    expected = row.told.format(place=found["place"])
    if row.told and not any(told.startswith(expected) for told in guarded["told"][:1]):
        return f"told otherwise than {expected}"
    return ""


@pytest.mark.pythons("all")
def test_filesystem(python: Python, cache: Path, tmp_path: Path) -> None:
    try_rows(python, cache, tmp_path, dict(share(python, fitting(python).items())))


@pytest.mark.soak
@pytest.mark.pythons("between")
def test_whole(python: Python, cache: Path, tmp_path: Path) -> None:
    try_rows(python, cache, tmp_path, fitting(python))


def fitting(python: Python) -> dict[str, Row]:
    return {name: row for name, row in ROWS.items() if row.fits(python.version, python.implementation)}


def try_rows(python: Python, cache: Path, tmp_path: Path, rows: dict[str, Row]) -> None:
    outcomes = carry_out(python, cache, tmp_path, rows)
    complaints = {name: (complaint(row, outcomes[name]), outcomes[name]) for name, row in rows.items()}
    assert not {name: found for name, found in complaints.items() if found[0]}
    shutil.rmtree(tmp_path)


HOLES = [(reason, name, row) for reason, rows in tampering.OPEN.items() for name, row in rows]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        pytest.param(
            name,
            row,
            marks=pytest.mark.xfail(strict=True, reason=f"README: {reason}"),
            id=f"{reason}: {row.name}",
        )
        for reason, name, row in HOLES
    ],
)
def test_hole(name: str, row: Row, cache: Path, tmp_path: Path) -> None:
    outcomes = carry_out(find_python(name), cache, tmp_path, {row.name: row})
    assert complaint(row, outcomes[row.name]) not in ("changed it", "leaked it")


@pytest.mark.pythons("3.8", "3.15")
def test_forged_events_win_nothing(python: Python, cache: Path, tmp_path: Path) -> None:
    """Our own events can be raised by anybody. What comes of it is a refusal, or how a program begins."""
    code = """
import sys
for event in (("hermetic.head", "{0}/secret"), ("hermetic.file", "read", "{0}/secret", -1), ("hermetic.open", "{0}/secret", None, 0)):
    answer = []
    try:
        sys.audit(event[0], answer, *event[1:])
    except PermissionError as error:
        answer.append(type(error).__name__)
    print(answer)
print(open("{0}/secret").read())
"""
    (tmp_path / "secret").write_text("needle in a file")
    needs = Needs(Target(python.path, [python.path, "-I", "-c", ""], {}, []), "/")
    policy = Policy(filesystem=Filesystem(read=tuple(needs.read)))
    with Staged(python.path, cache, policy) as staged:
        done = staged.start("-c", code.format(tmp_path), env=ENV, cwd="/")
    assert done.out.decode().splitlines() == ["[b'']", "['FilesystemRefused']", "['FilesystemRefused']"]
    assert b"needle in" not in done.out + done.err


def told(python: Python, cache: Path, code: str, policy: Policy) -> tuple[list[str], str]:
    """What was refused, and what was printed."""
    with Staged(python.path, cache, policy) as staged:
        done = staged.start("-c", code, env=ENV)
    return [f"{event['action']}({event['target']})" for event in done.told("refused")], done.out.decode()


READ_ONLY = Policy(filesystem=Filesystem())


@pytest.mark.pythons("3.8", "3.15")
@pytest.mark.parametrize("first", ["", "try: os.mkdir('/dev/shm/{0}')\nexcept OSError: pass\n"], ids=["", "made once more"])
def test_shared_memory_of_others(python: Python, cache: Path, first: str) -> None:
    """A file in /dev/shm that this run has not made is like any other."""
    canary = Path(f"/dev/shm/hermetic-test-{os.getpid()}")
    code = f"os.write(_posixshmem.shm_open('/{canary.name}', os.O_RDWR, mode=0o600), b'x')"
    code = f"import os, _posixshmem\n{first.format(canary.name)}{code}"
    try:
        canary.write_text("canary")
        refused, _ = told(python, cache, code, READ_ONLY)
        assert (refused[-1], canary.read_text()) == (f"write({canary})", "canary")
        assert native(python.path, "-c", code, env=ENV).code == 0
        assert canary.read_text() != "canary"
    finally:
        canary.unlink()


SEMAPHORE = """
import _multiprocessing as m
try: m.SemLock(1, 1, 1, {name!r}, False)
except FileExistsError: pass
m.sem_unlink({name!r})
"""


@pytest.mark.pythons("3.6", "3.8", "3.15", "pypy3.9")
def test_semaphores_of_others(python: Python, cache: Path) -> None:
    """One that this run has made it may take away, in all of its processes (multiprocessing does when it ends)."""
    canary = Path(f"/dev/shm/sem.hermetic-test-{os.getpid()}")
    own = f"/{canary.name[4:]}-own"
    assert told(python, cache, SEMAPHORE.format(name=own) + "print('taken away')", READ_ONLY) == ([], "taken away\n")
    try:
        canary.write_text("canary")
        for name in (f"/{canary.name[4:]}", canary.name[4:]):
            assert told(python, cache, SEMAPHORE.format(name=name), READ_ONLY)[0] == [f"delete({canary})"]
        assert canary.exists()
        assert native(python.path, "-c", SEMAPHORE.format(name=f"/{canary.name[4:]}"), env=ENV).code == 0
        assert not canary.exists()
    finally:
        canary.unlink(missing_ok=True)


@pytest.mark.pythons("3.13", "3.15")
def test_maps_for_a_profiler(python: Python, cache: Path) -> None:
    code = "import os, sys; print(os.getpid(), flush=True); sys.activate_stack_trampoline('perf'); (lambda: 0)()"
    made = Path(f"/tmp/perf-{native(python.path, '-c', code, env=ENV).out.decode().strip()}.map")
    assert made.exists()
    made.unlink()
    refused, printed = told(python, cache, code, READ_ONLY)
    assert refused == [f"write(/tmp/perf-{printed.strip()}.map)"]
    assert not Path(f"/tmp/perf-{printed.strip()}.map").exists()


@pytest.mark.pythons("3.11", "3.15")
def test_an_extension_module_elsewhere(python: Python, cache: Path, tmp_path: Path) -> None:
    """It is asked about before it is loaded."""
    (tmp_path / "module.so").write_text("")
    code = f"from importlib.machinery import ExtensionFileLoader as L, ModuleSpec as S; l = L('module', '{tmp_path}/module.so'); l.create_module(S('module', l, origin=l.path))"
    assert b"file too short" in native(python.path, "-c", code, env=ENV).err
    needs = Needs(Target(python.path, [python.path, "-I", "-c", ""], {}, []), "/")
    assert told(python, cache, code, Policy(filesystem=Filesystem(read=tuple(needs.read))))[0][-1] == f"read({tmp_path}/module.so)"


def test_no_core_files(python: Python, cache: Path) -> None:
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert told(python, cache, code, READ_ONLY)[1] == "(0, 0)\n"
    assert told(python, cache, code, Policy())[1] == native(python.path, "-c", code, env=ENV).out.decode()
