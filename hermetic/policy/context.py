"""What the variables of a policy stand for in a run: `$PROJECT`, `$WORK`, `$HOME`, `$VENV`, `$PREFIX`, `$SCRATCH`, `$CACHE`.

All are found by looking, in the environment and in the file system; nothing is run.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within

from hermetic import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hermetic.indexes.command import Command
    from hermetic.policy.repositories import Found


MARK = "pyvenv.cfg"
"""What makes a directory a virtual environment."""


class Known:
    """What is known of the target. A run finds it when the first question comes (launch/finding.py): most policies ask nothing.

    interpreter: the path of its interpreter, "" where there is none or the target is not Python
    names:       what the command is called, the more exact first
    words:       the path of its program and the arguments that it will be started with
    shadowing:   the file in the working directory that answers to its name, "" where none does
    """

    def __init__(self, interpreter: str = "", names: tuple[str, ...] = (), words: Sequence[str] = (), shadowing: str = "") -> None:
        self._known = interpreter, names, [*words]
        self._shadowing = shadowing

    def interpreter(self) -> str:
        return self._known[0]

    def names(self) -> tuple[str, ...]:
        return self._known[1]

    def words(self) -> list[str]:
        return self._known[2]

    def shadowing(self) -> str:
        return self._shadowing


class Context:
    """What a run is made of, as far as policies speak of it.

    cwd:     the working directory, absolute and without links; None where there is none any more
    environ: the user's
    target:  what is known of it; only asked where it matters
    begins:  whether a run begins, so that directories may be made which it will need
    notices: what the user has to be told of what was found
    indexes: what the indexes of installers take, see indexes/found.py; None until it is asked for
    repositories: what git has in the project, see repositories.py; None until it is asked for
    sources: the local projects that an installer is given, see indexes/command.py; None until it is asked for
    """

    __slots__ = (
        "_account",
        "_day",
        "_installer",
        "_interpreter",
        "_named",
        "_user",
        "_values",
        "begins",
        "cwd",
        "environ",
        "indexes",
        "notices",
        "repositories",
        "sources",
        "target",
    )

    def __init__(
        self,
        cwd: str | None,
        environ: Mapping[str, str],
        target: Known | None = None,
        *,
        begins: bool = False,
    ) -> None:
        self.cwd = cwd
        self.environ = environ
        self.target = target or Known()
        self._interpreter: str | None = None
        self._account: str | None = None
        self._day = ""
        self._installer: Command | None = None
        self._values: dict[str, str | None] = {}
        self._named: dict[str, str] = {}
        self._user: str | None = None
        self.begins = begins
        self.notices: list[str] = []
        self.indexes: list[tuple[str, str]] | None = None
        self.repositories: Found | None = None
        self.sources: list[str] | None = None

    @property
    def interpreter(self) -> str:
        """The target's; of an installer that of the environment it installs into."""
        if self._interpreter is None:
            from hermetic.indexes import command

            self._interpreter = command.environment(self.installer, self) or self.target.interpreter()
        return self._interpreter

    @property
    def day(self) -> str:
        """Today, `2027-01-31`, here; the same for as long as this is."""
        if not self._day:
            import time

            self._day = time.strftime("%Y-%m-%d")
        return self._day

    @property
    def account(self) -> str:
        """The user's own home directory where HOME says another, else ""."""
        if self._account is None:
            own = places.account()
            self._account = own if own and os.path.realpath(own) != os.path.realpath(self.value("HOME") or own) else ""
        return self._account

    @property
    def installer(self) -> Command:
        """The installer that the target is, if it is one."""
        if self._installer is None:
            from hermetic.indexes import command

            self._installer = command.of(self.target.words())
        return self._installer

    def sites(self) -> list[str]:
        """The directories of installed packages of the target's environment, as far as they can be told by their names."""
        from hermetic.policy import wildcards

        found = self.value("PREFIX")
        there = sorted(wildcards.there(found, "/lib*/py*/*-packages"), reverse=True) if found else []
        return sorted({os.path.realpath(site): site for site in there}.values())  # lib64 may be a link

    def look_again(self) -> None:
        """After a run, which may have made the environment."""
        self._interpreter = None
        self._values.clear()

    def is_too_wide(self, place: str) -> bool:
        """Whether what is allowed there would be allowed nearly everywhere."""
        return self.holds_home(os.path.realpath(place))

    def holds_home(self, place: str) -> bool:
        """Whether it is `/`, the home directory or one above that. place: without links"""
        if self._user is None:
            user = home(self)
            self._user = os.path.realpath(user) if user else ""
        return place == "/" or (bool(self._user) and is_within(self._user, place))

    def value(self, variable: str) -> str | None:
        """The path that a variable stands for; None where there is no such thing here. Looked for once: a set has a hundred words with the same."""
        if variable not in self._values:
            self._values[variable] = VARIABLES[variable](self)
        return self._values[variable]

    def named(self, variable: str) -> str:
        """The directory that an XDG_ variable names; "" where it names none. Looked for once, as above."""
        if variable not in self._named:
            self._named[variable] = places.named(variable, self.environ)
        return self._named[variable]


def project(context: Context) -> str | None:
    """The nearest directory upwards that has one of MARKERS, else the working directory; never `/`, the home directory or one above that:
    what is allowed in a project must not be allowed everywhere. One that had a marker when an earlier run began is as good.
    """
    if context.cwd is None:
        return None
    place, known = context.cwd, None
    while not context.holds_home(place):
        if places.has_marker(place):
            return place
        known = places.there(places.projects()) if known is None else known
        if places.is_known(place, known):
            context.notices.append(f"{place} {NO_MARKER} (to have it forgotten: rm {places.entry(place, known)})")
            return place
        place = os.path.dirname(place)
    return None if context.holds_home(context.cwd) else context.cwd


NO_MARKER = (
    f"has no {', '.join(places.MARKERS[:-1])} or {places.MARKERS[-1]} any more, and is a project still, as when an earlier run began"
)


def home(context: Context) -> str | None:
    return places.home(context.environ) or None


def venv(context: Context) -> str | None:
    """The virtual environment that the target's interpreter belongs to."""
    bin_directory = os.path.dirname(context.interpreter)
    above = os.path.dirname(bin_directory)
    return next((place for place in (above, bin_directory) if context.interpreter and os.path.exists(f"{place}/{MARK}")), None)


def prefix(context: Context) -> str | None:
    """What `sys.prefix` says there: the virtual environment, or else where the interpreter is installed."""
    if not context.interpreter:
        return None
    return context.value("VENV") or os.path.dirname(os.path.dirname(os.path.realpath(context.interpreter)))


def cache(context: Context) -> str | None:
    user = home(context)
    return places.named("XDG_CACHE_HOME", context.environ) or (user and f"{user}/.cache")


def work(context: Context) -> str | None:
    """The working directory, unless that is `/`, the home directory or one above that."""
    return None if context.cwd is None or context.holds_home(context.cwd) else context.cwd


def scratch(context: Context) -> str | None:
    """It is made when the run starts, and may always be written; a policy that says so says nothing."""
    return None


def environments(context: Context) -> list[str]:
    """The virtual environments that are there: the target's, and those in the project, as `.venv` and `env` are.

    Not those of tox and nox, which change them.
    """
    from hermetic_guard.files import names_in

    tops = dict.fromkeys(top for top in (context.value("PROJECT"), context.value("WORK")) if top)
    inside = [f"{top}/{name}" for top in tops for name in names_in(top) if os.path.lexists(f"{top}/{name}/{MARK}")]
    usual = [f"{top}/.venv" for top in tops if os.path.lexists(f"{top}/.venv")]  # which is used without a MARK as well
    target = context.value("VENV")
    return list(dict.fromkeys([*([target] if target else []), *usual, *inside]))


VARIABLES: dict[str, Callable[[Context], str | None]] = {
    "PROJECT": project,
    "WORK": work,
    "HOME": home,
    "VENV": venv,
    "PREFIX": prefix,
    "SCRATCH": scratch,
    "CACHE": cache,
}
