"""The policies that have a name: of the project's files, of the user's, and the built-in ones; and what is made of those that extend others.

A name is looked for in the nearest file first. What a file of the project's that is not trusted says is held to what would stand without it: to
the policy that the name has further on, or, where it has none, to what stands if nothing is asked for. So such a file can only take away, and
does not say which profile a command gets. Nor does it give anything to single packages (packages.py).
"""

from __future__ import annotations

from hermetic_guard.policy import Policy, PolicyError

from hermetic.errors import PolicyFileError, UsageError
from hermetic.policy import DEFAULT, load
from hermetic.policy.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermetic_guard.policy import Package

    from hermetic.policy.context import Context
    from hermetic.policy.discover import Found
    from hermetic.policy.load import Document, Table

TOP = ""
"""The name of the policy at a file's top."""


class Shelf:
    """One policy file among those that count. own: whether it is the user's own word"""

    def __init__(self, found: Found) -> None:
        self.own = found.own
        self.document = load.Document(found.read(), found.path, found.table)
        if self.own and not self.document.is_there:
            raise PolicyFileError(f"{found.path}: there is no policy in it: it has no [{'.'.join(found.table)}]")
        for key in (load.COMMANDS, load.NOTICE):
            if key in self.document.top:
                self.document.fail((key,), "what stands at the top holds for every command", "a profile has it")


class Library:
    """shelves: the files that count, the nearest first
    notes:    what in them names nothing here
    held:     (file, name, what it is held to) of what is not trusted and would have allowed more
    """

    def __init__(self, files: Sequence[Found], context: Context) -> None:
        self.shelves = [shelf for shelf in map(Shelf, files) if shelf.document.is_there]
        self.notes: list[str] = []
        self.held: list[tuple[str, str, str]] = []
        self._context = context
        self._under_way: list[tuple[str, str]] = []

    def names(self, start: int = 0) -> list[str]:
        """All there are, from the shelf at `start` on."""
        return list(dict.fromkeys([*load.names(), *(name for shelf in self.shelves[start:] for name in shelf.document.profiles)]))

    def profile(self, name: str, start: int = 0) -> Policy:
        """The policy called `name`, looked for from the shelf at `start` on. Raises UsageError where there is none, PolicyFileError."""
        at = self._shelf_of(name, start)
        if at is None and name not in load.names():
            raise load.unknown_profile(name, self.names(start))
        if at is None:
            return self._made(load.built_in(name), TOP, len(self.shelves))
        shelf = self.shelves[at]
        made = self._made(shelf.document, name, at)
        if self._trusts(shelf):
            return made
        instead = self._instead(name, at + 1)
        return self._held(made, self.profile(instead, at + 1), (shelf.document.file, name, self._called(instead, at + 1)))

    def standing(self, start: int = 0) -> str:
        """The name of the profile that stands if nothing is asked for, looked for from the shelf at `start` on: the one that says it is for the
        command, in the nearest file, and else the built-in one of that kind.
        """
        names = self._names()
        for shelf in self.shelves[start:]:
            for_name = {name: profile for profile, table in shelf.document.profiles.items() for name in table.get(load.COMMANDS, ())}
            chosen = next((for_name[name] for name in names if name in for_name), "")
            if chosen and self._trusts(shelf):
                return chosen
        return load.for_command(names) or DEFAULT

    def _names(self) -> tuple[str, ...]:
        """What the command is called, if it is what has been installed by that name."""
        target = self._context.target
        names = target.names()
        shadowing = target.shadowing() if names else ""
        if shadowing:
            self._context.notices.append(
                f"{shadowing} is loaded by this command, so it does not get what {names[-1]} gets (python -P leaves it out)"
            )
        return () if shadowing else names

    def tops(self) -> dict[str, Policy]:
        """What stands at the top of each file, and so in every run."""
        return {shelf.document.file: self._made(shelf.document, TOP, at) for at, shelf in enumerate(self.shelves)}

    def packages(self, tops: dict[str, Policy]) -> tuple[list[Package], list[str]]:
        """What the tops of files give single packages, in every run; and the files whose word does not count for that, being not trusted."""
        saying = [shelf for shelf in self.shelves if tops[shelf.document.file].packages]
        given = [package for shelf in saying if self._trusts(shelf) for package in tops[shelf.document.file].packages]
        return given, [shelf.document.file for shelf in saying if not self._trusts(shelf)]

    def written(self, name: str) -> Table:
        """The policy that is found first under a name, as it is written."""
        at = self._shelf_of(name, 0)
        return load.built_in(name).top if at is None else self.shelves[at].document.of(name)

    def notice(self, name: str) -> str:
        """What a profile has the user told where it stands. A file's is told as that file's, and not where it is a stranger's: hermetic's lines are
        believed.
        """
        at, text = self._shelf_of(name, 0), str(self.written(name).get("notice", ""))
        if at is None or not text:
            return text
        return f"{self.shelves[at].document.file}: {text}" if self._trusts(self.shelves[at]) else ""

    def file_of(self, name: str) -> str:
        """The file in which a name is found first, "" for a built-in profile."""
        at = self._shelf_of(name, 0)
        return "" if at is None else self.shelves[at].document.file

    def is_built_in(self, name: str) -> bool:
        return name in load.names()

    def _trusts(self, shelf: Shelf) -> bool:
        from hermetic.policy import trust

        return shelf.own or trust.store(self._context.environ).trusts(shelf.document)

    def _shelf_of(self, name: str, start: int) -> int | None:
        return next((at for at in range(start, len(self.shelves)) if name in self.shelves[at].document.profiles), None)

    def _instead(self, name: str, start: int) -> str:
        """The profile that would stand if the files before `start` were not there."""
        known = self._shelf_of(name, start) is not None or name in load.names()
        return name if known else self.standing(start)

    def _called(self, name: str, start: int) -> str:
        """A profile, in words."""
        at = self._shelf_of(name, start)
        return f"the built-in profile {name}" if at is None else f"profile {name} of {self.shelves[at].document.file}"

    def _held(self, made: Policy, base: Policy, what: tuple[str, str, str]) -> Policy:
        from hermetic_guard.intersection import intersect

        try:
            if not allows_no_more(made, base):
                self.held.append(what)
            held: Policy = intersect(made, base)
        except PolicyError as error:
            file, name, _ = what
            raise PolicyFileError(
                f"{file}: profile {name} is not trusted, and with what stands without it leaves nothing: {error}"
            ) from None
        return held

    def _made(self, document: Document, name: str, at: int) -> Policy:
        """What a policy is made of: what it extends, and then its own words. at: where its file stands"""
        here = (document.file, name)
        if here in self._under_way:
            names = [name for _, name in self._under_way[self._under_way.index(here) :]]
            document.fail(_path(name, "extends"), f"{' extends '.join([*names, name])}")
        self._under_way.append(here)
        base = Policy()
        for extended in document.of(name).get("extends", ()):
            base = self._extended(document, name, at, extended, base)
        reader = Reader(document.directory, self._context, ours=at == len(self.shelves))
        made = document.policy(name, base, reader)
        self.notes += [f"{document.file}: {note}" for note in reader.notes]
        self._under_way.pop()
        return made

    def _extended(self, document: Document, name: str, at: int, extended: str, base: Policy) -> Policy:
        """`base`, and besides what is extended: in the same file, or else further on; under its own name always further on."""
        from hermetic_guard.intersection import intersect

        try:
            if extended != name and extended in document.profiles:
                return intersect(base, self._made(document, extended, at))
            return intersect(base, self.profile(extended, at + 1))
        except UsageError as error:
            document.fail(_path(name, "extends"), error.message, error.hint)
        except PolicyError as error:
            raise PolicyFileError(f"{document.file}: what {name or 'the policy'} extends leaves nothing: {error}") from None


def allows_no_more(one: Policy, other: Policy) -> bool:
    """Whether all that `one` allows `other` allows. Raises PolicyError where they leave nothing to read.

    With itself a policy is in its shortest form: what may be written may be read. Reasons allow nothing.
    """
    from hermetic_guard.intersection import intersect

    both = intersect(one, other)
    return bool(_without_reasons(intersect(both, both)) == _without_reasons(intersect(one, one)))


def _without_reasons(policy: Policy) -> Policy:
    bare: Policy = policy.replaced(packages=tuple(package.replaced(reason="") for package in policy.packages))
    return bare


def _path(name: str, key: str) -> tuple[str, ...]:
    return (load.PROFILE, name, key) if name else (key,)
