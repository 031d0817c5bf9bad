"""Where hermetic's own files of a user may be: XDG_ variables name a directory, and what lies in a project is not the user's own.

Whoever made a project can have laid a cache or a policy into it, and `XDG_CACHE_HOME=$PWD/.cache` is usual where builds are automated.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MARKERS = ("pyproject.toml", "setup.py", ".git")
"""What a project's directory has."""
NAMED = f"{', '.join(MARKERS[:-1])} or {MARKERS[-1]}"

PROJECTS = ".cache/hermetic/projects"
"""Below the home directory: an entry for each project of which much depends, so that it is one whatever a run removes (launch/projects.py)."""


def named(variable: str, environ: Mapping[str, str]) -> str:
    """The directory that a variable names; "" where it names none. It need not be there: whoever makes it fills it, so that is left to nobody."""
    place = environ.get(variable, "").strip()
    return place if place.startswith("/") else ""


def home(environ: Mapping[str, str]) -> str:
    """The home directory: what HOME says, or else the password database, as shells and programs look it up; "" where neither does."""
    named = environ.get("HOME", "")
    return named if named.startswith("/") else account()


PASSWD = "/etc/passwd"
_accounts: dict[tuple[str, int], str] = {}
"""What account() found, which a start asks for some times."""


def account() -> str:
    """The home directory that the password database has for this user, "" where it has none.

    Who does not stand in the file is asked for, by a service that may take its time; passwd(5).
    """
    key = PASSWD, os.geteuid()
    if key not in _accounts:
        found = _listed(os.geteuid()) or _asked(os.geteuid())
        _accounts[key] = found if found.startswith("/") else ""
    return _accounts[key]


def _listed(user: int) -> str:
    try:
        with open(PASSWD, "rb") as file:
            lines = file.read().split(b"\n")
    except OSError:
        return ""
    number = str(user).encode()
    return next((os.fsdecode(words[5]) for words in (line.split(b":") for line in lines) if len(words) == 7 and words[2] == number), "")


def _asked(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_dir
    except KeyError:
        return ""


def is_strange(environ: Mapping[str, str]) -> bool:
    """Whether HOME names a directory of a project, in which whoever made that can have laid anything. What the password database says is none,
    whatever is in it.
    """
    return any(home_holders(environ))


def home_holders(environ: Mapping[str, str]) -> Iterator[str]:
    """The projects that HOME lies in, the nearest first."""
    user = os.path.normpath(home(environ) or "/")
    return _holders(user, account()) if any(_holders(user, "")) else iter(())


def is_in_project(place: str, environ: Mapping[str, str]) -> bool:
    """Whether it lies in a project, by its name or by where that leads."""
    return bool(holder(os.path.normpath(place), environ) or holder(os.path.realpath(place), environ))


def holder(place: str, environ: Mapping[str, str]) -> str:
    """The nearest of its holders, "" where it has none."""
    return next(holders(place, environ), "")


def holders(place: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The directories above a place, and it, that have one of MARKERS, or had one, the nearest first.

    Neither `/` nor the home directory or one above that makes a project: by their names, for a link in a project may lead there.
    """
    return _holders(place, home(environ))


def _holders(place: str, user: str) -> Iterator[str]:
    homes = f"{os.path.normpath(user or '/')}/", f"{os.path.realpath(user or '/')}/"
    known = there(projects())
    while place != "/" and not any(one.startswith(f"{place}/") for one in homes):
        if has_marker(place) or is_known(place, known):
            yield place
        place = os.path.dirname(place)


def has_marker(place: str) -> bool:
    return any(os.path.lexists(f"{place}/{name}") for name in MARKERS)


def projects() -> str:
    """The directory of what is known of projects, which need not be there; "" where there is no home for it. What the password database says goes
    before HOME, which may be a project's word.
    """
    own, named = account(), os.path.normpath(os.environ.get("HOME") or ".")
    if not (own and os.path.isdir(own)):
        own = named if named.startswith("/") and os.path.isdir(named) and not any(map(has_marker, upwards(named))) else ""
    return own and f"{own}/{PROJECTS}"


def there(directory: str) -> str:
    return directory if os.path.isdir(directory) else ""


def upwards(place: str) -> Iterator[str]:
    """A directory and those above it, but for `/`."""
    while place != "/":
        yield place
        place = os.path.dirname(place)


def is_known(place: str, known: str) -> bool:
    """Whether a directory was a project when a run began that could take away what says so. known: what projects() gave"""
    return bool(known) and os.path.lexists(entry(place, known))


def entry(place: str, known: str) -> str:
    from hermetic.digest import digest_of

    return f"{known}/{digest_of(os.fsencode(place))}"


def is_led_elsewhere(place: str, top: str) -> bool:
    """Whether a link lies between `top` and a place below it: whoever has made what is there could put one anywhere."""
    return os.path.realpath(place) != os.path.normpath(os.path.realpath(top) + os.path.normpath(place).removeprefix(os.path.normpath(top)))


def is_led_out(place: str, environ: Mapping[str, str]) -> bool:
    """The same of a place in a project, wherever that is: in all that hold it, as a link may lead to another project and so seem to be one."""
    return any(is_led_elsewhere(place, top) for top in holders(os.path.normpath(place), environ))
