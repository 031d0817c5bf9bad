"""Has the code that builds a package confined more narrowly than the installer that started it: it needs no network, and writes its own tree.

Whoever starts it, pip or uv, which is no Python, it begins as an interpreter with a command line that only such a start has. So it is recognized
there, when its guards stand and none of its code has run: the process then becomes hermetic itself, which puts the narrower policy on top, in the
kernel too, and becomes the build. By that policy it knows what it is, and goes on.

A build can be taken for what it is not, and is confined then; it gains nothing by that. What names the directories it writes comes from the
installer: the words of the command line, the file that pip leaves for it, and the lines that uv puts behind what it takes from the project.
"""

import os
import sys

from hermetic_guard import cmdline, injection
from hermetic_guard.files import read_file
from hermetic_guard.intersection import matches
from hermetic_guard.policy import BUILD, CONFINED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from hermetic_guard.scopes import Scopes

LARGEST = 1 << 20
HOOKS = "_in_process.py"
"""The script of pyproject_hooks, and of pep517 before it: `_in_process.py HOOK DIRECTORY`, with `input.json` in the directory."""

IMPORTED = " as backend\n"
"""Ends the last line that uv takes from the project; the lines behind that call the hook, and write what it gives."""

FOR_INSTALLERS = tuple(
    "PIP_* UV_* KEYRING_* NETRC HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy "
    "REQUESTS_CA_BUNDLE CURL_CA_BUNDLE".split()
)
"""Variables by which installers find indexes and log in to them: passwords stand in some. Builds reach no index."""

INSTALLING = ("install", "develop")
"""Commands of setup.py, as pip had it run, that write into the environment."""


def own_words(run: str) -> "list[str]":
    """The command line of this process, as it was meant before the stub was put into it."""
    with open("/proc/self/cmdline", "rb") as file:
        words = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    places = [index for index, word in enumerate(words) if word == "%s/%s" % (run, injection.STUB)]
    if not places:
        return words
    at, begin = places[-1], places[-2] + 1 if len(places) > 1 else 1
    flags, kind, rest = words[begin + 1 : at], words[at + 1].lower(), words[at + 2 :]  # the first is our -S
    return words[:1] + flags + {"m": ["-m"], "c": ["-c"], "-": ["-"], "-s": ["-"]}.get(kind, []) + rest


def tree_of(words: "list[str]") -> "list[str] | None":
    """What the build with this command line writes, besides its working directory; None if it is no build."""
    line = cmdline.parse(words)
    target = line.target or ""
    if line.kind == "f" and target.rpartition("/")[2] == HOOKS and len(line.rest) > 1:
        return line.rest[1:2] + named(content(line.rest[1] + "/input.json"))
    if line.kind == "c" and IMPORTED in target and "sys.path" in target:
        return named(target.rpartition(IMPORTED)[2])
    if line.kind == "c" and "setup.py" in target and "setuptools" in target and "exec(" in target:
        installs = any(word in INSTALLING for word in line.rest)
        return [word for word in line.rest if word.startswith("/")] + (prefixes() if installs else [])
    return None


def prefixes() -> "list[str]":
    """The environment's; `site`, which tells a virtual one, has not run yet."""
    return [os.path.dirname(os.path.dirname(sys.executable)), sys.prefix]


def named(text: str) -> "list[str]":
    """The absolute paths that stand between quotes."""
    return [word for word in text.split('"')[1::2] if word.startswith("/")]


def content(file: str) -> str:
    try:
        return read_file(file, LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def directories(paths: "list[str]") -> "list[str]":
    """Those that are directories; of what is to be a file in one, that. Never the root."""
    found = [os.path.realpath(path if os.path.isdir(path) else os.path.dirname(path)) for path in paths]
    return sorted({path for path in found if os.path.isdir(path) and path != "/"})


def confine(scopes: "Scopes", words: "list[str]", launcher: "list[str]") -> None:
    """Become the confined form of what this process is about to run, if that is a build which is not confined yet.

    words: the command line of this process; launcher: the command that starts hermetic
    """
    if scopes.current.builds != CONFINED:
        return
    tree = tree_of(words)
    if tree is None:
        return
    options = ["exec", "--no-policy", "--quiet", "--builds=%s" % BUILD, "--no-network", "--fs-readonly"]
    options += ["--allow-write=%s" % path for path in directories(tree + [os.getcwd()])]
    os.execve(launcher[0], launcher + options + ["--python=%s" % sys.executable, "--"] + words[1:], environment_of(os.environ))


def environment_of(installers: "Mapping[str, str]") -> "dict[str, str]":
    """What a build gets of the variables."""
    return {name: value for name, value in installers.items() if not any(matches(one, name) for one in FOR_INSTALLERS)}
