"""Reads the launchers that installers put into a Windows environment: a program, the `#!` line of a script, a zip archive.

They cannot be run here, but they get here, in shared directories and in environments that were copied; and what is in them is Python.
"""

from __future__ import annotations

import os

from hermetic_guard.files import read_file

PROGRAM = b"MZ"
LARGEST = 1 << 26
LONGEST_LINE = 8192
ENTRY = b"PK\5\6"
END = 22
"""The record at the end of a zip archive: its signature and its length without a comment (APPNOTE.TXT, 4.3.16)."""


def launcher(file: str) -> tuple[str, str] | None:
    """The Python that a launcher starts on Windows, as it is written there, and the file that it has it run; None for other files.

    pip, distlib and conda append line and archive to the program; setuptools, until 64, has a script beside it.
    """
    beside = f"{file.removesuffix('.exe')}-script.py"
    try:
        if read_file(file, len(PROGRAM)) != PROGRAM:
            return None
        appended = _before_archive(read_file(file, LARGEST))
        if appended:
            return _with_interpreter(appended, file)
        return _with_interpreter(read_file(beside, LONGEST_LINE), beside)
    except OSError:
        return None


def _before_archive(content: bytes) -> bytes | None:
    """What stands from the last `#!` in front of the appended archive up to the archive."""
    end = content.rfind(ENTRY)
    if end < 0 or len(content) < end + END:
        return None
    directory, offset = (int.from_bytes(content[end + at : end + at + 4], "little") for at in (12, 16))
    begin = max(end - directory - offset, 0)
    line = content.rfind(b"#!", max(begin - LONGEST_LINE, 0), begin)
    return content[line:begin] if line >= 0 else None


def _with_interpreter(text: bytes, file: str) -> tuple[str, str] | None:
    """The interpreter of a `#!` line, which is in quotes where its path has a space; flags may follow."""
    line = os.fsdecode(text[2:].split(b"\n")[0]).strip()
    name = line[1:].partition('"')[0] if line.startswith('"') else line.split(" -")[0]
    return (name, file) if name and text.startswith(b"#!") else None
