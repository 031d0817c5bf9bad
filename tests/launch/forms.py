"""All forms in which a program with an interpreter of its own is met: by installers, in archives, and written by hand."""

import shutil
from pathlib import Path

from launch import archives, installers
from launch.environments import Environment, find_python

INSTALLED = {
    "pip": (installers.with_pip, "venv", b"#!/"),
    "pip, space": (installers.with_pip, "a venv", b"#!/bin/sh\n'''exec' \"/"),
    "pip, long": (installers.with_pip, "/".join(["d" * 50] * 3), b"#!/bin/sh\n'''exec' /"),
    "uv": (installers.with_uv_beside, "venv", b"#!/"),
    "uv, space": (installers.with_uv, "it's a venv", b"#!/bin/sh\n'''exec' '/"),
    "uv, relocatable": (installers.with_uv_relocatable, "venv", b"#!/bin/sh\n'''exec' \"$(dirname"),
    "uv tool": (installers.with_uv_tool, "uv", b"#!/"),
    "pipx": (installers.with_pipx, "pipx", b"#!/"),
    "develop": (installers.with_develop, "venv", b"#!/"),
}
"""How, in which directory, and how the script then has to begin, so that no form is tested by the name alone."""

SHIMS = {"pyenv": (installers.with_pyenv, "pyenv", b"#!/usr/bin/env bash\n")}

ARCHIVES = {
    "zipapp": (archives.with_zipapp_for, "venv", b"#!/"),
    "zipapp, env": (archives.with_zipapp_for_env, "venv", b"#!/usr/bin/env python3\nPK"),
    "shiv": (archives.with_shiv, "venv", b"#!/usr/bin/env python3\nPK"),
    "pex": (archives.with_pex, "venv", b"#!/usr/bin/env python3.11\nPK"),
    "pex, sh": (archives.with_pex_sh, "venv", b"#!/bin/sh\n# N.B."),
    "pex, environment, sh": (archives.with_pex_venv_sh, "venv", b"#!/bin/sh\n# N.B."),
}

WRITTEN = {
    "#! -E": "#!{bin}/python -E\n",
    "#! -I": "#!{bin}/python -I\n",
    "#! -S": "#!{bin}/python -S\n",
    "#! -sP": "#! {bin}/python -sP\n",
    "env": "#!/usr/bin/env python3\n",
    "env -S -u": "#!/usr/bin/env -S python3 -u\n",
    "env -S, variables": "#!/usr/bin/env -S -u LANG PYTHONUTF8=1 python -X dev\n",
    "sh, quotes": "#!/bin/sh\n'''exec' \"{bin}/python\" -B \"$0\" \"$@\"\n' '''\n",
    "sh, beside": '#!/bin/sh\n"exec" "`dirname $0`/python" "-s" "$0" "$@"\n',
    "sh, PATH": '#!/bin/sh\n""":"\nexec python3 -O "$0" "$@"\n"""\n',
    "bash": '#!/bin/bash\n\'\'\':\'\n# polyglot\nexec "$(dirname "$(readlink -f "$0")")/python3" "$0" "$@"\n\'\'\'\n',
}
"""First lines; the program stands below them. `bin` is that of the form "uv"."""

WRAPPED = {
    "uv run": "#!/usr/bin/env -S uv run --offline --script\n# /// script\n# dependencies = []\n# ///\n",
    "bash wrapper": '#!/bin/bash\nset -e\nHERE="$(cd "$(dirname "$0")" && pwd)"\nexec "$HERE/python" -I "$HERE/{app}" "$@"\n',
    "sh wrapper": '#!/bin/sh\n"$(dirname "$0")/python" "$(dirname "$0")/{app}" "$@"\n',
}
"""First lines of what is run by a program that is no Python. A script for the shell has the program beside it, as `app`."""

DERIVED = {
    "link": ("uv", lambda script, place: link(script, place)),
    "link to a link": ("pipx", lambda script, place: link(script, place)),
    "develop, script": ("develop", lambda script, place: script.with_name("demo-script")),
}
"""Made from the script of another form."""

UNPACKING = ("pex", "pex, sh", "pex, environment, sh")

NEEDS = {
    "subprocess": {
        **dict.fromkeys(UNPACKING, ("--allow-run=python3.11",)),  # it starts itself again
        "uv run": ("--allow-run=python", "--allow-run=uv"),
        "bash wrapper": ("--allow-run=python", "--allow-run=dirname"),
        "sh wrapper": ("--allow-run=python", "--allow-run=dirname"),
    },
    "filesystem": {**dict.fromkeys(UNPACKING, ("--allow-write=~/.cache/pex",)), "uv run": ("--allow-write=~/.cache/uv",)},
}
"""Options that a form cannot do without, by guard."""

FORMS = (*INSTALLED, *SHIMS, *ARCHIVES, *WRITTEN, *WRAPPED, *DERIVED)


def installed(session_directory, form):
    """The path of the program in this form, made once for all workers of a session."""
    place = session_directory / "forms" / "".join(char if char.isalnum() else "-" for char in form)
    with installers.locked(place):
        if not (place / "script").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            (place / "script").write_text(str(make(session_directory, form, place)))
    return Path((place / "script").read_text())


def make(session_directory, form, place):
    if form in DERIVED:
        other, derive = DERIVED[form]
        return derive(installed(session_directory, other), place)
    if form in WRITTEN or form in WRAPPED:
        return write(installed(session_directory, "uv").parent, f"written-{place.name}", (WRITTEN | WRAPPED)[form])
    maker, folder, begin = (INSTALLED | SHIMS | ARCHIVES)[form]
    script = maker(place / folder, installers.write_wheel(place))
    assert script.read_bytes().startswith(begin)
    return script


def link(script, place):
    (place / "linked").symlink_to(script)
    return place / "linked"


def write(bin, name, lines):
    """A script of these first lines; the program stands below them, or beside."""
    script, app = bin / name, bin / f"{name}.py"
    program = f"{installers.DEMO}\nmain()\n"
    script.write_text(lines.format(bin=bin, app=app.name) + ("" if "{app}" in lines else f"\n{program}"))
    script.chmod(0o755)
    app.write_text(program)
    return script


def environment(session_directory, form):
    """The environment that is active for the programs that look for their interpreter, or for uv, on PATH."""
    script = installed(session_directory, form if form in ARCHIVES else "uv")
    folder = next(parent for parent in script.parents if (parent / "pyvenv.cfg").exists())
    return Environment(folder, find_python("3.11"))
