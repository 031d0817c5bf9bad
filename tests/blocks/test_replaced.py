"""What stands in place of something else while a block is open, and that nothing does when none is."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from blocks.running import lines
from blocks.running import python as run
from conftest import Python

DORMANT = """
def standing():
    kinds = (socket.socket, ssl.SSLContext, type(sys.path_importer_cache[os.path.dirname(os.__file__)]), futures.ThreadPoolExecutor)
    kinds += (asyncio.BaseEventLoop, threading.Thread)
    names = "posix os _socket socket _io io subprocess _posixsubprocess _thread threading _imp sqlite3 sqlite3.dbapi2 _sqlite3 _ssl ssl sys gc"
    places = [vars(sys.modules[name]) for name in names.split() if name in sys.modules] + [vars(kind) for kind in kinds]
    skipped = ("__warningregistry__", "__dict__", "__weakref__")
    return {(at, name): value for at, place in enumerate(places) for name, value in place.items() if name not in skipped}

def changed(before):
    now = standing()
    return sum(now.get(key) is not value for key, value in before.items()) + len(now.keys() - before.keys())
"""


@pytest.mark.parametrize("scope", ["process", "context"])
def test_nothing_is_replaced_when_no_block_is_open(tmp_path: Path, scope: str) -> None:
    code = f"""
    import asyncio, ssl, concurrent.futures.thread as futures
    {textwrap.indent(DORMANT, "    ")}
    before = standing()
    block = hermetic_blocker(profile="block-all", scope={scope!r})
    print(changed(before))
    for _ in range(3):
        with block:
            once = changed(before)
            with block, hermetic_blocker(block_network=True):
                twice = changed(before)
            again = changed(before)
        print(once > 30, once == twice == again, changed(before))
    """
    code = textwrap.dedent(code.replace("\n    \n", "\n"))
    assert lines(code, tmp_path) == ["0", *["True True 0"] * 3]


def test_what_is_imported_inside_is_itself_afterwards(tmp_path: Path) -> None:
    """`sqlite3` copies the functions of `_sqlite3`, which are ours while it does."""
    code = """
    for name in [name for name in sys.modules if name.partition(".")[0] in ("sqlite3", "_sqlite3")]:
        del sys.modules[name]
    with hermetic_blocker(fs_readonly=True):
        import sqlite3
        print(said(sqlite3.connect, "new.db"))
    print(sqlite3.connect is sys.modules["_sqlite3"].connect, type(sqlite3.connect).__name__, said(sqlite3.connect, "new.db"))
    with hermetic_blocker(fs_readonly=True):
        print(said(sqlite3.connect, "other.db"))
    """
    found = lines(code, tmp_path)
    assert found[0].startswith("FilesystemViolation")
    assert found[1] == "True builtin_function_or_method done"
    assert found[2].startswith("FilesystemViolation")


def test_what_others_replace_stays(tmp_path: Path) -> None:
    code = """
    from unittest import mock
    with mock.patch("socket.getaddrinfo", lambda *given: "mocked"):
        with hermetic_blocker(block_network=True):
            print(socket.getaddrinfo("example.com", 80))
        print(socket.getaddrinfo("example.com", 80))
    original = os.mkfifo
    with hermetic_blocker(fs_readonly=True):
        patch = mock.patch("os.mkfifo", lambda *given: "mocked")
        patch.start()
    print(os.mkfifo("x"))
    block = hermetic_blocker(block_network=True)
    with mock.patch.object(socket.socket, "connect", lambda *given: "mocked"):
        with block:
            print(socket.socket().connect(("127.0.0.1", 9)))
        print(socket.socket().connect(("127.0.0.1", 9)))
    print("connect" in vars(socket.socket))
    with block:
        patch = mock.patch.object(socket.socket, "connect", lambda *given: "mocked")
        patch.start()
    print(socket.socket().connect(("127.0.0.1", 9)))
    """
    assert lines(code, tmp_path) == [*["mocked"] * 5, "False", "mocked"]


def test_what_others_replace_meanwhile_in_any_order(tmp_path: Path) -> None:
    """Between two blocks that are not closed as they were opened, and given back while one is open: then that is ours, and goes with us."""
    code = """
    from unittest import mock
    before = {name: getattr(socket.socket, name) for name in ("listen", "send", "connect")}
    one, other = hermetic_blocker(block_network=True), hermetic_blocker(block_network=True, fs_readonly=True)
    mocked = lambda *given: "mocked"
    one.__enter__()
    with mock.patch.object(socket.socket, "listen", mocked), mock.patch.object(socket, "gethostbyname", mocked):
        other.__enter__()
        one.__exit__(None, None, None)
        print(socket.socket().listen(), socket.gethostbyname("example.com"), said(socket.socket().connect, ("127.0.0.1", 9))[:16])
    print(said(socket.gethostbyname, "example.com")[:16], "listen" in vars(socket.socket))
    kept = mock.patch.object(socket.socket, "send", mocked)
    kept.start()
    with mock.patch("socket.socket", mocked):
        print(socket.socket())
        other.__exit__(None, None, None)
        print(socket.socket())
    print(socket.socket().send(b""), {*before} & {*vars(socket.socket)})
    del socket.socket.send
    print(all(getattr(socket.socket, name) is before[name] for name in before), socket.gethostbyname.__class__.__name__)
    """
    violation = "NetworkViolation"
    assert lines(code, tmp_path) == [
        f"mocked mocked {violation}",
        f"{violation} True",
        "mocked",
        "mocked",
        "mocked {'send'}",
        "True builtin_function_or_method",
    ]


REMEMBERED = """
import os, socket
from hermetic import PolicyViolation, hermetic_blocker
class Derived(socket.socket):
    pass
found = {kind: set() for kind in (socket.socket, Derived)}
def look(one):
    kind = type(one)
    return [one.connect, one.bind, one.listen, one.send, one.sendall, one.sendto, one.sendmsg, one.setsockopt, one.connect_ex, kind.connect, kind.send]
block = hermetic_blocker(block_network=True)
def is_ours(what):
    return type(getattr(what, "__func__", what)).__name__ == "function"
for kind in found:
    one = kind()
    for turn in range(6):
        for _ in range(50):
            outside = look(one)
        with block:
            for _ in range(50):
                inside = look(one)
        found[kind].add((sum(map(is_ours, outside)), sum(map(is_ours, inside)), len(inside)))
print(*found.values())
"""


@pytest.mark.pythons("3.11", "3.12", "3.13", "3.14", "3.15")
def test_what_the_interpreter_remembers_of_a_class_is_forgotten(python: Python, tmp_path: Path) -> None:
    """Where a method was looked up so often that its place is specialized, as well."""
    assert run("-c", REMEMBERED, interpreter=python.path, cwd=tmp_path) == ["{(0, 11, 11)} {(0, 11, 11)}"]


def test_one_hook_is_added_once(tmp_path: Path) -> None:
    """Whatever number of blocks open, in whatever thread; a hook of before sees each that is added."""
    code = """
    added = []
    sys.addaudithook(lambda event, _: added.append(event) if event == "sys.addaudithook" else None)
    block = hermetic_blocker(profile="block-all")
    print(len(added))
    for scope in ("process", "context"):
        for _ in range(3):
            with hermetic_blocker(block_network=True, scope=scope), block:
                pass
    def enter():
        with block:
            pass
    threads = [threading.Thread(target=enter) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(added))
    sys.addaudithook(lambda *_: None)
    print(len(added))
    """
    assert lines(code, tmp_path) == ["0", "1", "2"]
