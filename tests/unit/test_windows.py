"""Launchers for Windows. Those that pip makes are read in tests/launch/test_forms.py."""

import io
import zipfile

import pytest

from hermetic.target.windows import launcher

STUB = b"MZ\x90\0" + b"#!not this\n" + b"\0" * 100


def archive(comment=b""):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as content:
        content.writestr("__main__.py", "print('#!/bin/false')\n")
        content.comment = comment
    return file.getvalue()


@pytest.fixture
def read(tmp_path):
    """What is read from a file of this content, and from the script beside it."""

    def read(content, beside=None):
        (tmp_path / "tool.exe").write_bytes(content)
        if beside is not None:
            (tmp_path / "tool-script.py").write_bytes(beside)
        found = launcher(str(tmp_path / "tool.exe"))
        return found and (found[0], found[1].removeprefix(f"{tmp_path}/"))

    return read


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        (b"#!C:\\Python311\\python.exe\r\n", "C:\\Python311\\python.exe"),
        (b'#!"C:\\A B\\python.exe" -E\r\n', "C:\\A B\\python.exe"),
        (b"#!C:\\A B\\pythonw.exe -Es\n", "C:\\A B\\pythonw.exe"),
        (b"#!python.exe\n", "python.exe"),
    ],
)
def test_line_before_the_archive(read, line, interpreter):
    assert read(STUB + line + archive()) == (interpreter, "tool.exe")
    assert read(STUB + line + archive(b"a comment")) == (interpreter, "tool.exe")


def test_script_beside_it(read):
    assert read(STUB, b"#!C:\\python.exe\r\nprint(1)\n") == ("C:\\python.exe", "tool-script.py")


@pytest.mark.parametrize("beside", [b"print(1)\n", b"#!\n", b""])
def test_script_that_names_nothing(read, beside):
    assert read(STUB, beside) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"M", b"MZ", STUB, b"\x7fELF#!x\n" + archive(), archive(), b"MZ" + archive(), STUB + b"#!x\n" + archive()[:-10],
        b"MZ" + b"PK\5\6" + b"\xff" * 18,
    ],
)  # fmt: skip
def test_other_files(read, content):
    assert read(content) is None


def test_no_file(tmp_path):
    assert launcher(str(tmp_path / "missing.exe")) is None
    assert launcher(str(tmp_path)) is None
