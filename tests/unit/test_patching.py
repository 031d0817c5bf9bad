"""What is replaced is seen by every look-up, is listed, and goes back."""

from __future__ import annotations

import _socket
import os
import sys
import types
from collections.abc import Iterator

import pytest
from hermetic_guard.patching import CannotReplace, Ledger


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    yield ledger
    ledger.restore()


def test_a_module_s_function(ledger: Ledger) -> None:
    original, new = os.getcwd, lambda: "/elsewhere"
    assert ledger.replace(os, "getcwd", new) is original
    assert os.getcwd() == "/elsewhere"
    assert ledger.modules == {"os": os}
    ledger.restore()
    assert (os.getcwd, ledger.modules) == (original, {})


def test_a_method_of_a_c_type(ledger: Ledger) -> None:
    """setattr is refused there."""
    original = vars(_socket.socket)["listen"]
    with pytest.raises(TypeError):
        _socket.socket.listen = print  # type: ignore[method-assign]
    assert ledger.replace(_socket.socket, "listen", lambda self: "replaced") is original
    one = _socket.socket()
    assert one.listen() == "replaced"
    one.close()
    assert ledger.modules == {"_socket": sys.modules["_socket"]}
    ledger.restore()
    assert vars(_socket.socket)["listen"] is original


def test_last_in_first_out(ledger: Ledger) -> None:
    module = types.ModuleType("module")
    module.name = 1  # type: ignore[attr-defined]
    assert [ledger.replace(module, "name", number) for number in (2, 3)] == [1, 2]
    ledger.restore()
    assert module.name == 1  # type: ignore[attr-defined]


def test_what_os_supports_is_still_supported(ledger: Ledger) -> None:
    def mkfifo(*_: object) -> None:
        """A replacement."""

    assert os.mkfifo in os.supports_dir_fd
    before = {name: len(getattr(os, name)) for name in vars(os) if name.startswith("supports_") and name != "supports_bytes_environ"}
    ledger.replace(os, "mkfifo", mkfifo)
    assert os.mkfifo in os.supports_dir_fd
    assert {name: len(getattr(os, name)) for name in before} == before
    ledger.restore()
    assert os.mkfifo in os.supports_dir_fd
    assert mkfifo not in os.supports_dir_fd


def test_what_does_not_take_it_is_an_error(ledger: Ledger) -> None:
    class Stubborn(types.ModuleType):
        @property
        def name(self) -> int:
            return 1

        @name.setter
        def name(self, _: object) -> None:
            return

    module = Stubborn("stubborn")
    vars(module)["name"] = 1
    with pytest.raises(CannotReplace, match=r"stubborn\.name could not be replaced"):
        ledger.replace(module, "name", 2)
