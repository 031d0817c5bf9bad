"""What the variables of a policy stand for in a run: `$PROJECT`, `$WORK`, `$HOME`, `$VENV`, `$PREFIX`, `$SCRATCH`, `$CACHE`.

All are found by looking, in the environment and in the file system; nothing is run.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MARKERS = ("pyproject.toml", "setup.py", ".git")
"""What a project's directory has."""


class Context:
    """What a run is made of, as far as policies speak of it.

    cwd:     the working directory, absolute and without links; None where there is none any more
    environ: the user's
    find:    finds the path of the target's interpreter, "" where there is none or the target is not Python; only asked where it matters
    named:   finds the names of the command, the more exact first
    """

    __slots__ = ("_find", "_interpreter", "cwd", "environ", "named")

    def __init__(
        self,
        cwd: str | None,
        environ: Mapping[str, str],
        find: Callable[[], str] = str,
        named: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.cwd = cwd
        self.environ = environ
        self.named = named
        self._find = find
        self._interpreter: str | None = None

    @property
    def interpreter(self) -> str:
        if self._interpreter is None:
            self._interpreter = self._find()
        return self._interpreter

    def value(self, variable: str) -> str | None:
        """The path that a variable stands for; None where there is no such thing here."""
        return VARIABLES[variable](self)


def project(context: Context) -> str | None:
    """The nearest directory upwards that has one of MARKERS, else the working directory; never `/`, the home directory or one above that:
    what is allowed in a project must not be allowed everywhere.
    """
    if context.cwd is None:
        return None
    place = context.cwd
    while not _is_too_wide(place, context):
        if any(os.path.lexists(f"{place}/{name}") for name in MARKERS):
            return place
        place = os.path.dirname(place)
    return None if _is_too_wide(context.cwd, context) else context.cwd


def _is_too_wide(place: str, context: Context) -> bool:
    user = home(context)
    return place == "/" or (user is not None and is_within(os.path.realpath(user), place))


def home(context: Context) -> str | None:
    return _absolute(context.environ.get("HOME"))


def venv(context: Context) -> str | None:
    """The virtual environment that the target's interpreter belongs to."""
    bin_directory = os.path.dirname(context.interpreter)
    above = os.path.dirname(bin_directory)
    return next((place for place in (above, bin_directory) if context.interpreter and os.path.exists(f"{place}/pyvenv.cfg")), None)


def prefix(context: Context) -> str | None:
    """What `sys.prefix` says there: the virtual environment, or else where the interpreter is installed."""
    if not context.interpreter:
        return None
    return venv(context) or os.path.dirname(os.path.dirname(os.path.realpath(context.interpreter)))


def cache(context: Context) -> str | None:
    user = home(context)
    return _absolute(context.environ.get("XDG_CACHE_HOME")) or (user and f"{user}/.cache")


def work(context: Context) -> str | None:
    """The working directory, unless that is `/`, the home directory or one above that."""
    return None if context.cwd is None or _is_too_wide(context.cwd, context) else context.cwd


def scratch(context: Context) -> str | None:
    """It is made when the run starts, and may always be written; a policy that says so says nothing."""
    return None


def _absolute(path: str | None) -> str | None:
    return path if path and path.startswith("/") else None


VARIABLES: dict[str, Callable[[Context], str | None]] = {
    "PROJECT": project,
    "WORK": work,
    "HOME": home,
    "VENV": venv,
    "PREFIX": prefix,
    "SCRATCH": scratch,
    "CACHE": cache,
}
