"""Where git keeps what it runs by: of the project's repository, of its submodules and of its other working trees.

Each of them has a directory with hooks and configuration, and `git status` in one runs what these name, as it does for submodules from above.
They lie as deep below `.git/modules` as the submodules do below the project, so they are looked for: once, and to an end. What is a submodule the
index says, and nothing else: any directory with a `.git` in it becomes one by an entry there.
"""

from __future__ import annotations

import os

from hermetic_guard.files import lines_of, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermetic.policy.context import Context

GIT, HEAD = ".git", "HEAD"
BELOW = ("modules", "worktrees")
CONTENT = frozenset("annex branches hooks info lfs logs objects refs rr-cache".split())
"""Directories of a repository that have no other one in them. What else is in one is looked at: somebody may have made it look like one."""

MOST = 2000
"""Directories that are looked at; a thousand submodules have fewer. Where there are more, what holds them is kept as a whole."""

GIT_DIRECTORY, COMMON, WORKTREE_FILE, WORKTREE = "gitdir:", "commondir", "gitdir", "worktree"


INDEX, LARGEST = "index", 1 << 26
SUBMODULE = b"\0\0\xe0\0"
"""The mode of a submodule, as an index has it; gitformat-index(5)."""


class Found:
    """directories: those that hooks and configuration are in; files: what says where such a directory is, and what is kept as a whole;
    entered: of each project what entered() finds"""

    __slots__ = ("directories", "entered", "files")

    def __init__(self, directories: list[str], files: list[str], entered: dict[str, list[str]]) -> None:
        self.directories = directories
        self.files = files
        self.entered = entered


def directories(context: Context) -> list[str]:
    return _of(context).directories


def files(context: Context) -> list[str]:
    return _of(context).files


def upwards(context: Context) -> list[str]:
    """The working directory and those above it, below the home directory: programs look in each for `.env`. Where a repository or a project begins
    does not count, for a run can make and remove what says so.
    """
    found, place = [], context.cwd
    while place and not context.holds_home(place):
        found.append(place)
        place = os.path.dirname(place)
    return found


def _of(context: Context) -> Found:
    """Of the project, and of those that an installer is given to build."""
    from hermetic.indexes import command

    if context.repositories is None:
        project = context.value("PROJECT")
        places = dict.fromkeys([*([project] if project else []), *map(os.path.realpath, command.sources(context))])
        found = [find(place) for place in places]
        context.repositories = Found(
            [path for one in found for path in one.directories],
            [path for one in found for path in one.files],
            {place: there for one in found for place, there in one.entered.items()},
        )
    return context.repositories


def find(project: str) -> Found:
    """Of a repository that is not there (yet) its name: nothing else says that it is none of somebody else's."""
    named, tops = f"{project}/{GIT}", _tops(project)
    found = Found(list(tops), [] if os.path.isdir(named) else [named], {project: entered(project)})
    for place in [f"{top}/{name}" for top in tops for name in BELOW]:
        below = _below(place)
        if below is None:
            found.files.append(place)
        else:
            found.directories += below
            found.files += [file for folder in below for file in _working_trees(folder)]
    for inside in found.entered[project]:
        if inside != named:
            (found.directories if os.path.isdir(inside) else found.files).append(inside)
    found.files = list(dict.fromkeys(found.files))
    return found


def _tops(project: str) -> list[str]:
    named = f"{project}/{GIT}"
    return [named] if os.path.isdir(named) else list(_linked(named))


def entered(project: str) -> list[str]:
    """The `.git` of a project, and those of its submodules and theirs, as far as they are there: `git status` runs what these name."""
    found: dict[str, None] = {}
    waiting = [project]
    while waiting and len(found) < MOST:
        place = waiting.pop()
        git = f"{place}/{GIT}"
        if git not in found and os.path.lexists(git):
            found[git] = None
            waiting += [os.path.normpath(f"{place}/{path}") for top in _tops(place)[:1] for path in submodules(top)]
    return list(found)


def planted(before: dict[str, list[str]]) -> Iterator[str]:
    """A line for each that is new. No rule of the kernel's is about names that are not there yet, so what is not Python can have put one there."""
    for project, known in before.items():
        for git in entered(project):
            if git not in known:
                yield f"{git} was not there: git runs what its configuration names, so look at that before you use git here"


def submodules(folder: str) -> list[str]:
    """The paths that a repository has as submodules. Most have none, and an index of a hundred thousand files takes a tenth of a second to be read
    through."""
    try:
        data = read_file(f"{folder}/{INDEX}", LARGEST)
    except OSError:
        return []
    if SUBMODULE not in data:
        return []
    from hermetic.policy import git_index

    return git_index.submodules(data)


def _linked(file: str) -> Iterator[str]:
    """The directory that a `.git` file leads to, and the one that has what all working trees share; gitrepository-layout(5)."""
    for line in lines_of(file)[:1]:
        if line.startswith(GIT_DIRECTORY):
            own = _joined(os.path.dirname(file), line.removeprefix(GIT_DIRECTORY))
            yield own
            yield from (_joined(own, shared) for shared in lines_of(f"{own}/{COMMON}")[:1])


def _below(top: str) -> list[str] | None:
    """The repositories in a directory; None where there is more in it than is looked at, or something that may not be: a run can have done that."""
    found, waiting, looked = [], [top], 0
    while waiting:
        folder = waiting.pop()
        looked += 1
        try:
            names, folders = _listed(folder)
        except OSError:
            return None
        if looked > MOST:
            return None
        is_repository = HEAD in names
        found += [folder] if is_repository else []
        waiting += [f"{folder}/{name}" for name in folders if not (is_repository and name in CONTENT)]
    return sorted(found)


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The names of what is in a directory, and of the directories among that. Raises OSError for one that may not be listed."""
    try:
        with os.scandir(folder) as there:
            entries = list(there)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    return [entry.name for entry in entries], [entry.name for entry in entries if entry.is_dir()]


def _working_trees(folder: str) -> Iterator[str]:
    """The `.git` files that lead to a repository: a submodule's configuration says where that is, and a file beside it of another working tree."""
    for line in lines_of(f"{folder}/config"):
        key, _, value = line.partition("=")
        if key.strip().lower() == WORKTREE and value.strip():
            yield f"{_joined(folder, value.strip().strip(QUOTE))}/{GIT}"
    yield from (_joined(folder, line) for line in lines_of(f"{folder}/{WORKTREE_FILE}")[:1] if line.strip())


QUOTE = '"'


def _joined(base: str, path: str) -> str:
    return os.path.normpath(os.path.join(base, path.strip()))
