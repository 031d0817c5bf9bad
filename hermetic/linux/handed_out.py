"""Which addresses were handed out for which names. There is room for so many, whatever a name's server answers, and however often it is asked.

What was handed out last is what is connected to. So the oldest goes where there is no room: who connects to that once more is refused until it
has asked for its name again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NAMES = 100
"""Of one address."""
MOST = 50_000
"""Addresses of each age. Those asked for since there were so many younger ones are young, and the others the ones before."""


class HandedOut:
    """For any thread."""

    def __init__(self) -> None:
        import _thread

        self._lock = _thread.allocate_lock()
        self._young: dict[bytes, tuple[str, ...]] = {}
        self._old: dict[bytes, tuple[str, ...]] = {}

    def names(self, address: bytes) -> tuple[str, ...]:
        """The last ones that it was handed out for."""
        young = self._young  # before the other, for what is moved is young first
        return young.get(address) or self._old.get(address, ())

    def add(self, name: str, addresses: Iterable[bytes]) -> None:
        with self._lock:
            for address in addresses:
                names = self.names(address)
                if name not in names:
                    names = (*names, name)[-MOST_NAMES:]
                self._young[address] = names
                if len(self._young) >= MOST:
                    self._old, self._young = self._young, {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
