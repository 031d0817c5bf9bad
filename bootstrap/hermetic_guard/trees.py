"""Which directories a build gets to write, of those that it is to fill: its source tree, and what the installer names for a hook.

Builds follow each other, and one may have prepared what the next finds: a link in the place of its tree, an environment that the installer runs
Python in. So a path counts only where no link is on its way that could have been made in this run, and an environment is never among them, nor
what holds one.
"""

import os

from hermetic_guard import setuptools
from hermetic_guard.policy import directory_of, is_protected, is_within, is_within_any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic_guard.policy import Filesystem

MARK = "/pyvenv.cfg"
SITES = ("site-packages", "dist-packages")
ISOLATED = "pip-build-env-"
"""Begins the name of the directory that pip puts into what a build requires."""
OF_OTHERS = (["src"], ["metadata_directory"])
"""What lies in an environment and is none of it: sources that pip has checked out, and where uv has a hook write metadata."""
OF_INTERPRETERS = ("bin", "lib", "lib64")
PROJECTS = ("/pyproject.toml", "/setup.py")
MOST_LINKS = 40
"""As many as Linux follows in one path; path_resolution(7)."""


class Trees(object):
    """outer: what the run may do with files, None for all; prefixes: of the interpreter that runs the build"""

    def __init__(self, outer: "Filesystem | None", prefixes: "list[str]") -> None:
        self.written = ("/",) if outer is None else outer.write
        self.protected = () if outer is None else outer.protect
        self.prefixes = [prefix for prefix in prefixes if prefix != "/"]

    def source(self, directory: str) -> "list[str]":
        """The working directory, if that is a source tree. Of one that holds an environment the directories that do not, with those that setuptools
        makes in every tree.
        """
        if not any(is_file(directory + name) for name in PROJECTS) or self.in_environment(directory):
            return []
        whole = self.directories([directory])
        if whole or not real(directory, self.written):
            return whole
        for name in setuptools.directories(directory):
            make_directory(directory + "/" + name)
        try:
            below = [directory + "/" + name for name in sorted(os.listdir(directory)) if name[0] != "."]
        except OSError:
            below = []
        return self.directories(below)

    def directories(self, paths: "list[str]") -> "list[str]":
        found = [real(path, self.written) for path in paths if os.path.isdir(path)]
        return [path for path in found if path and not self.in_environment(path) and not self.holds_environment(path)]

    def files(self, paths: "list[str]") -> "list[str]":
        """Those files alone: made here, for where they lie nothing else can be."""
        found = [real(path, self.written) for path in paths if os.path.isdir(directory_of(path))]
        return [path for path in found if path and is_made(path)]

    def in_environment(self, path: str) -> bool:
        if any(is_within(path, prefix + "/" + name) for prefix in self.prefixes for name in OF_INTERPRETERS):
            return True
        names = path.split("/")
        places = [("/".join(names[:end]), names[end : end + 1]) for end in range(2, len(names) + 1)]
        return any(is_environment(place) and below not in OF_OTHERS for place, below in places)

    def holds_environment(self, path: str) -> bool:
        """One that may be written otherwise; as deep as environments are usual, and wherever the run installs."""
        known = [place for place in self.written if is_environment(place) or any("/" + name in place for name in SITES)]
        try:
            found = self.prefixes + known + environments_below(path)
        except OSError:
            return True  # what cannot be listed may hold one
        return any(is_within(place, path) and not is_protected(place, self.protected) for place in found)


def real(path: str, written: "tuple[str, ...]") -> "str | None":
    """Where a path leads; None if on its way is a link that lies where the run may write."""
    here, names, links = "/", path.split("/")[::-1], 0
    while names:
        above, here = here, os.path.normpath(os.path.join(here, names.pop()))
        try:
            target = os.readlink(here)
        except OSError:
            continue
        links += 1
        if is_within_any(above, written) or links > MOST_LINKS:
            return None
        names += target.split("/")[::-1]
        here = "/" if target[:1] == "/" else above
    return None if here == "/" else here


def is_environment(place: str) -> bool:
    name = place.rpartition("/")[2]
    return name in SITES or name.startswith(ISOLATED) or os.path.isfile(place + MARK)


def environments_below(tree: str) -> "list[str]":
    """As `.venv` and `env` are, and as tox and nox have theirs."""
    places = [tree + "/" + name for name in listed(tree)]
    hidden = [place + "/" + name for place in places if place[len(tree) + 1] == "." for name in listed(place)]
    return [place for place in places + hidden if os.path.isfile(place + MARK)]


def listed(directory: str) -> "list[str]":
    """Raises OSError for a directory that may not be listed."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def make_directory(path: str) -> None:
    """What cannot be made cannot be written either."""
    try:
        os.mkdir(path)
    except OSError:
        pass


def is_file(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)


def is_made(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
    except OSError:
        return False
    return True
