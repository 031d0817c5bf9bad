"""SHA-256, from the C module alone: `hashlib` loads OpenSSL, which takes three times as long as anything else on the way to a run."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def sha256(content: bytes) -> str:
    """The digest in hex."""
    digest: str = MODULE.sha256(content).hexdigest()
    return digest


def _module() -> ModuleType:
    try:
        return __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256")
    except ImportError:
        return __import__("hashlib")


MODULE = _module()
