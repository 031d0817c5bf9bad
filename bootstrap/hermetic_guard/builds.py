"""Has the code that builds a package confined more narrowly than the installer that started it: it needs no network, and writes its own tree.

Whoever starts it, pip or uv, which is no Python, it begins as an interpreter with a command line that only such a start has. So it is recognized
there, when its guards stand and none of its code has run: the process then becomes hermetic itself, which stays beside it to end what it leaves, and
whose child puts the narrower policy on top, in the kernel too, and becomes the build. By that policy it knows what it is, and goes on.

An interpreter that uv has compile modules in the environment it installs into would run what a wheel has just brought there (`.pth` files), which
it has no use for: it is started without `site`, so that nothing of that runs. Where uv asks the environment's interpreter what it is, it does so
with `-I`, which carries no guards into a start by another program than Python; what was there before runs then with what uv has.

A build can be taken for what it is not, and is confined then; it gains nothing by that. What names the directories it writes comes from the
installer: the words of the command line, the file that pip leaves for it, and the lines that uv puts behind what it takes from the project.
Which of them it gets, trees.py decides. Of the run's scratch directory it gets a part that nobody else has: in the rest lie the trees of other
builds, and environments in which the installer runs Python.
"""

import os
import sys

from hermetic_guard import cmdline, injection
from hermetic_guard.decide import Request
from hermetic_guard.files import read_file
from hermetic_guard.intersection import matches
from hermetic_guard.policy import BUILD, CONFINED
from hermetic_guard.trees import Trees

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

    from hermetic_guard.scopes import Scopes

LARGEST = 1 << 20
HOOKS = "_in_process.py"
"""Ends the name of the script of pyproject_hooks, and of pep517 before it: `_in_process.py HOOK DIRECTORY`, with `input.json` in the directory.
A pip that is started out of an archive has it in a temporary file (importlib.resources.as_file), before whose name others come."""

COMPILES = "pip_compileall.py"
"""The script by which uv has the environment compile modules, whose paths it reads from standard input."""

ANSWER = "/output.json"
"""Ends the path of the file that it leaves in that directory, with the name of what it has made."""

WRITES = {
    "build_wheel": "wheel_directory",
    "build_editable": "wheel_directory",
    "build_sdist": "sdist_directory",
    "prepare_metadata_for_build_wheel": "metadata_directory",
    "prepare_metadata_for_build_editable": "metadata_directory",
}
"""The argument of a hook (PEP 517, PEP 660) that names what it fills. Another it may have to read: `build_wheel` the metadata."""

IMPORTED = " as backend\n"
"""Ends the last line that uv takes from the project; the lines behind that call the hook, and write what it gives."""
FILLING, WRITING = ("= backend.build_", "= prepare_metadata_for_build("), "with open("
"""In those lines: before the path of what is filled, and before that of a file."""
RECORD = "--record"

FOR_INSTALLERS = tuple(
    "PIP_* UV_* KEYRING_* NETRC HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy no_proxy "
    "REQUESTS_CA_BUNDLE CURL_CA_BUNDLE".split()
)
"""Variables by which installers find indexes and log in to them: passwords stand in some. Builds reach no index."""

LOGINS = ("NETRC", "PIP_CONFIG_FILE", "UV_CONFIG_FILE", "UV_CREDENTIALS_DIR")
"""Those of them that name files or directories, in which the passwords stand."""

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


class Asked(object):
    """What a build is to write besides its working directory; `environment` is for one that installs."""

    def __init__(self, directories: "list[str]", files: "list[str]" = [], environment: "list[str]" = []) -> None:  # noqa: B006
        self.directories = directories
        self.files = files
        self.environment = environment


def compiles(line: "cmdline.CommandLine") -> bool:
    return line.kind == "f" and (line.target or "").rpartition("/")[2] == COMPILES


def asked_of(line: "cmdline.CommandLine") -> "Asked | None":
    """What the build with this command line is to write; None if it is no build."""
    target = line.target or ""
    if line.kind == "f" and target.endswith(HOOKS) and len(line.rest) > 1:
        hook, directory = line.rest[:2]
        return Asked([directory] + argument(content(directory + "/input.json"), WRITES.get(hook)))
    if line.kind == "c" and IMPORTED in target and "sys.path" in target:
        calls = target.rpartition(IMPORTED)[2].split("\n")
        filled = [call for call in calls if any(word in call for word in FILLING)]
        return Asked(first_path(filled), first_path([call for call in calls if call.startswith(WRITING)]))
    if line.kind == "c" and "setup.py" in target and "setuptools" in target and "exec(" in target:
        return of_setup(line.rest)
    return None


def of_setup(rest: "list[str]") -> Asked:
    record = [path for option, path in zip(rest, rest[1:]) if option == RECORD]
    installs = any(word in INSTALLING for word in rest)
    return Asked([word for word in rest if word.startswith("/")], record, prefixes() if installs else [])


def prefixes() -> "list[str]":
    """The environment's; `site`, which tells a virtual one, has not run yet."""
    return [os.path.dirname(os.path.dirname(sys.executable)), sys.prefix]


def argument(text: str, name: "str | None") -> "list[str]":
    """The path that an argument has in what pip leaves for the hook: JSON in ASCII, in which what users set comes behind.

    `json` could be anybody's here: PYTHONPATH names what was installed for the build.
    """
    found = text.partition('"%s": "' % name)[2].partition('"')[0] if name else ""
    plain = found.encode("ascii", "replace").decode("unicode_escape", "replace")
    return [os.fsdecode(os.fsencode(plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")))] if found else []


def first_path(lines: "list[str]") -> "list[str]":
    """The first absolute path between quotes in each."""
    return [word for line in lines for word in [path for path in line.split('"')[1::2] if path.startswith("/")][:1]]


def content(file: str) -> str:
    try:
        return read_file(file, LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def confine(scopes: "Scopes", find_words: "Callable[[], list[str]]", launcher: "list[str]", execve: "Callable[..., object]") -> None:
    """Become the confined form of what this process is about to run, if that is a build which is not confined yet.

    find_words: gives the command line of this process, which what a build starts may not read; launcher: the command that starts hermetic
    execve: that which carries the guards over, for `os` is here as it was before
    """
    if scopes.current.builds != CONFINED:
        return
    words = find_words()
    line = cmdline.parse(words)
    if compiles(line) and "S" not in line.letters:
        execve(sys.executable, words[:1] + ["-S"] + words[1:], dict(os.environ))
    asked = asked_of(line)
    if asked is None:
        return
    scratch = scratch_in(scopes.scratch) if scopes.scratch else ""
    options = ["exec", "--no-policy", "--quiet", "--builds=%s" % BUILD, "--no-network", "--fs-readonly", "--protect=@other-startup"]
    options += ["--hide=%s" % path for path in ["@index-logins", "@installer-configuration"] + named_logins(os.environ)]
    options += ["--allow-write=%s" % path for path in sorted({*writable(scopes, asked), scratch} - {"", "/"})]
    environment = dict(environment_of(os.environ), **({"TMPDIR": scratch} if scratch else {}))
    execve(launcher[0], launcher + options + ["--python=%s" % sys.executable, "--"] + words[1:], environment)


def named_logins(environ: "Mapping[str, str]") -> "list[str]":
    """What variables name that builds do not get. The null device, which stands for no file, is everybody's."""
    named = [os.path.abspath(environ[name]) for name in LOGINS if environ.get(name)]
    return [path for path in named if os.path.isfile(path) or os.path.isdir(path)]


def writable(scopes: "Scopes", asked: Asked) -> "list[str]":
    trees = Trees(scopes.current.filesystem, prefixes())
    installed = [path for path in asked.environment if os.path.isdir(path)]
    return trees.source(os.getcwd()) + trees.directories(asked.directories) + trees.files(asked.files) + installed


def scratch_in(directory: str) -> str:
    """A new directory, whose name nobody knows before."""
    made = "%s/build-%s" % (directory, os.urandom(8).hex())
    os.mkdir(made, 0o700)
    return made


def environment_of(installers: "Mapping[str, str]") -> "dict[str, str]":
    """What a build gets of the variables."""
    return {name: value for name, value in installers.items() if not any(matches(one, name) for one in FOR_INSTALLERS)}


# What a hook answers.


def make_on_open(check):
    """For the installer's own process: pip joins what a hook answers to the directory that the hook was to fill, and moves what is there. An absolute
    path leads elsewhere, as one with `..` does, to what the installer may take away and the build may not.

    Nobody changes it between this reading and pip's: what the hook has left is ended by then. JSON is read as pip does it, so what is none to this is
    none to pip. What only one of the two may be able to read is refused: a pipe, or what is nested as deep as the stack goes.
    """
    read, largest, request = read_file, LARGEST, Request
    absent, no_json, unlike = FileNotFoundError, ValueError, (OSError, RecursionError)

    def on_open(path, mode, _):
        if mode != "r" or type(path) is not str or not path.endswith(ANSWER):
            return
        import json

        try:
            content = read(path, largest)
            answer = json.loads(content.decode("utf-8")) if len(content) < largest else {"return_val": "/"}
        except (absent, no_json):
            return
        except unlike:
            return check(request("filesystem", "use", path, path=None))
        named = answer.get("return_val") if type(answer) is dict else None
        if type(named) is str and ("/" in named or named in (".", "..")):
            check(request("filesystem", "use", named, path=None))

    return on_open
