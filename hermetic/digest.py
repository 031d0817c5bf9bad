"""The digest of what is staged and kept, from the C module alone.

`hashlib` loads OpenSSL, which takes longer than all else that a start loads. Without it BLAKE2b is three times as fast as SHA-256.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hermetic.kept import Piece

SIZE = 32
"""Bytes of a digest."""


class Content:
    """What a file holds, which may be read only when it is asked for; and its digest in hex."""

    __slots__ = ("_held", "digest")

    def __init__(self, data: bytes | memoryview | Piece, digest: str = "") -> None:
        self._held = data
        self.digest = digest or digest_of(self.data)

    @property
    def data(self) -> bytes | memoryview:
        return self._held if isinstance(self._held, bytes | memoryview) else bytes(self._held)

    def write_to(self, descriptor: int) -> None:
        """Raises OSError."""
        if not isinstance(self._held, bytes | memoryview):
            self._held.copy_to(descriptor)
            return
        rest = self._held
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def digest_of(data: bytes | memoryview) -> str:
    """BLAKE2b in hex."""
    made: str = _blake2b(data, digest_size=SIZE).hexdigest()
    return made


def _find() -> Callable[..., Any]:
    try:
        from _blake2 import blake2b
    except ImportError:  # a Python that was built to have all digests from OpenSSL
        from hashlib import blake2b
    return blake2b


_blake2b = _find()
