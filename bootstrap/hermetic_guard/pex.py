"""What the shell part of a PEX file starts (`pex --sh-boot`), read from its text.

Such a file is an archive behind a program for sh, which takes the first interpreter that is there, or what an earlier run of the same file has
unpacked. Started through sh, an interpreter that is given -I would be without its guards. The rules are those of pex/sh_boot.py.
"""

import os

OTHERWISE = ("PEX_IGNORE_RCFILES", "PEX_VENV", "PEX_PYTHON", "PEX_PYTHON_PATH", "PEX_PATH", "PEX_TOOLS")
"""With any of these variables set, an unpacked environment is not taken as it is."""

NAMES = b"    for python in \\\n", b"    ; do\n"
"""What stands before and behind the names of interpreters, in the order in which they are looked for."""


class Boot(object):
    """What the text says.

    venv:      whether it unpacks itself as a virtual environment
    default:   the interpreter it prefers, "" for none; names: those it looks for on PATH
    root:      where everything is unpacked, as written; unpacked: where this file is, below it
    arguments: for the interpreter; venv_arguments: for the one in its own environment
    """

    __slots__ = ("arguments", "default", "names", "root", "unpacked", "venv", "venv_arguments")

    def __init__(self, head):
        # type: (bytes) -> None
        self.venv = bool(_value(head, b"VENV"))
        self.venv_arguments = _value(head, b"VENV_PYTHON_ARGS").split()
        self.arguments = _value(head, b"PYTHON_ARGS").split()
        self.default = _value(head, b"DEFAULT_PYTHON")
        self.root = _value(head, b"DEFAULT_PEX_ROOT", b"$(echo ", b")")
        self.unpacked = _value(head, b"INSTALLED_PEX", b"${PEX_ROOT}/")
        listed = head.partition(NAMES[0])[2].partition(NAMES[1])[0]
        self.names = [os.fsdecode(word).strip('"') for word in listed.replace(b"\\\n", b" ").split()]


def _value(head, name, begin=b"", end=b""):
    # type: (bytes, bytes, bytes, bytes) -> str
    """The text that is assigned to a shell variable."""
    return os.fsdecode(head.partition(b"\n" + name + b'="' + begin)[2].partition(end + b'"\n')[0])


def command(head, script, environ, cwd, find):
    """The command line that the text of `script` starts, and what it adds to the environment; None if there is no interpreter.

    find: gives the path of a program on PATH, or None, from (name, PATH)
    """
    boot = Boot(head)
    root = environ.get("PEX_ROOT") or boot.root
    unpacked = (environ.get("HOME", "~") + root[1:] if root.startswith("~/") else root) + "/" + boot.unpacked
    if boot.venv and os.access(os.path.join(cwd, unpacked), os.X_OK) and not any(environ.get(name) for name in OTHERWISE):
        return [unpacked + "/bin/python"] + boot.venv_arguments + [unpacked], {"PEX": script}
    python = boot.default if _is_program(boot.default, cwd) else _python(boot, environ, cwd, find)
    if python is None:
        return None
    if not boot.venv and os.path.exists(os.path.join(cwd, unpacked)):
        return [python] + boot.arguments + [unpacked], {"__PEX_EXE__": script}
    return [python] + boot.arguments + [script], {}


def _python(boot, environ, cwd, find):
    path = environ.get("PATH", "")
    if _is_program(environ.get("PEX_PYTHON"), cwd):
        return environ["PEX_PYTHON"]
    for entry in environ["PEX_PYTHON_PATH"].split(":") if environ.get("PEX_PYTHON_PATH") else ():
        if _is_program(entry or ".", cwd):
            return entry
        if os.path.isdir(os.path.join(cwd, entry or ".")):
            path = (entry or ".") + (":" + path if path else "")
    found = [find(name, path) for name in boot.names]
    return next((one for one in found if one), None)


def _is_program(path, cwd):
    """`[ -f PATH -a -x PATH ]`."""
    file = os.path.join(cwd, path or "")
    return bool(path) and os.path.isfile(file) and os.access(file, os.X_OK)
