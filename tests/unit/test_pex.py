"""The shell part of PEX files. Real ones are read in tests/launch/test_forms.py."""

import pytest
from hermetic_guard import programs

BOOT = """\
#!/bin/sh
# N.B.: This script should stick to syntax defined for POSIX `sh` and avoid non-builtins.
set -eu

VENV="@VENV@"
VENV_PYTHON_ARGS="-I"

DEFAULT_PEX_ROOT="$(echo ~/.cache/pex)"

DEFAULT_PYTHON="@DEFAULT@"
PYTHON_ARGS="-u -s"

PEX_ROOT="${PEX_ROOT:-${DEFAULT_PEX_ROOT}}"
INSTALLED_PEX="${PEX_ROOT}/unzipped/0"

find_python() {
    for python in \\
"python3.99" \\
"python3" \\
"python" \\
    ; do
        if PATH="${_path}" command -v "${python}" 2>/dev/null; then
            return
        fi
    done
}
        export __PEX_EXE__="$0"
        exec "${python_exe}" ${PYTHON_ARGS} "${INSTALLED_PEX}" "$@"
"""


class Place:
    """A home with interpreters that are empty shells, and a PEX file."""

    def __init__(self, path):
        self.path = path
        self.python = self.binary("bin/python3")
        self.other = self.binary("other/python3.99")
        self.write()

    def write(self, venv="", default=""):
        self.app = self.file("app", BOOT.replace("@VENV@", venv).replace("@DEFAULT@", default).encode() + b"PK\3\4")

    def binary(self, name):
        return self.file(name, b"\x7fELF")

    def file(self, name, content):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755)
        return str(path)

    def argv(self, **environ):
        """The command line, and what was added to the environment."""
        environ = {"PATH": f"{self.path}/bin", "HOME": str(self.path), **environ}
        program = programs.follow(self.app, environ, str(self.path))
        assert program.kind == "python"
        return program.argv, {name: value for name, value in program.environ.items() if name not in environ}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_the_first_name_on_path(place):
    assert place.argv() == ([place.python, "-u", "-s", place.app], {})
    assert place.argv(PATH=f"{place.path}/bin:{place.path}/other")[0][0] == place.other


def test_unpacked_before(place):
    place.file(".cache/pex/unzipped/0/__main__.py", b"")
    unpacked = f"{place.path}/.cache/pex/unzipped/0"
    assert place.argv() == ([place.python, "-u", "-s", unpacked], {"__PEX_EXE__": place.app})
    assert place.argv(PEX_ROOT=f"{place.path}/elsewhere")[0][-1] == place.app


def test_an_environment_of_its_own(place):
    place.write(venv="1")
    assert place.argv()[0][-1] == place.app
    own = place.binary(".cache/pex/unzipped/0/bin/python")
    unpacked = f"{place.path}/.cache/pex/unzipped/0"
    assert place.argv() == ([own, "-I", unpacked], {"PEX": place.app})
    assert place.argv(PEX_TOOLS="1") == ([place.python, "-u", "-s", place.app], {})


def test_an_interpreter_is_named(place):
    assert place.argv(PEX_PYTHON=place.other)[0][0] == place.other
    assert place.argv(PEX_PYTHON=f"{place.path}/missing")[0][0] == place.python
    assert place.argv(PEX_PYTHON_PATH=f"{place.path}/missing:{place.other}")[0][0] == place.other
    assert place.argv(PEX_PYTHON_PATH=f"{place.path}/other")[0][0] == place.other


def test_the_interpreter_it_prefers(place):
    place.write(default=place.other)
    assert place.argv(PEX_PYTHON=place.python)[0][0] == place.other


def test_no_interpreter(place):
    with pytest.raises(programs.NotExecutable, match="none of the interpreters it looks for is on PATH"):
        place.argv(PATH=f"{place.path}/nowhere")


@pytest.mark.parametrize("missing", ["# N.B.: This script should stick to syntax", '        export __PEX_EXE__="$0"\n'])
def test_another_text_is_a_shell_script(place, missing):
    app = place.file("script", BOOT.replace(missing, "").encode())
    assert programs.follow(app, {"PATH": "/bin"}).kind == "other"
