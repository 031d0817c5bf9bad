"""hermetic's own TOML files, parsed once and kept as the import system keeps what it has compiled: to load the parser and parse takes as long as a
bare interpreter's start.

What is kept lies in `__pycache__` beside the file, where the code of the module that reads it is kept: who could write there could write that. Like
a module's it is made anew when the file's time or size is another, and where nothing can be written there, at every start.
"""

from __future__ import annotations

from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType
    from typing import Any

NAME = "table"
MORE = ".table"
"""Ends the name by which the import system knows such a file, so that what it keeps of `sets.toml` and of `sets.py` is called differently."""


class _Loader(SourceFileLoader):
    """Reads a TOML file as a module with the one name."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        return super().path_stats(path.removesuffix(MORE))

    def get_data(self, path: str) -> bytes:
        return super().get_data(path.removesuffix(MORE))

    def source_to_code(self, data: bytes, path: str, *, _optimization: int = -1) -> CodeType:  # type: ignore[override]
        import tomllib

        code: CodeType = compile(f"{NAME} = {tomllib.loads(data.decode())!r}", path, "exec", dont_inherit=True)
        return code


def read(path: str) -> dict[str, Any]:
    """What is in it. Raises OSError, and ValueError where it is not TOML."""
    found: dict[str, Any] = {}
    code = _Loader(NAME, path + MORE).get_code(NAME)
    assert code is not None
    exec(code, found)
    table: dict[str, Any] = found[NAME]
    return table
