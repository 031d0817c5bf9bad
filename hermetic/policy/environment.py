"""Which variables of the user's environment a target gets: data, and what is made of it.

Variables that are not granted are taken out before anything is started, so they are in no place where a process could find
them; a program that asks for one finds what it would find where nobody has set it.
"""

from __future__ import annotations

from hermetic_guard import injection
from hermetic_guard.policy import fits

from hermetic.errors import UsageError, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hermetic_guard.policy import Environment

BASE = tuple(
    (
        # who and where
        "HOME USER LOGNAME SHELL PATH PWD OLDPWD HOSTNAME TMPDIR TEMP TMP "
        "XDG_CACHE_HOME XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_HOME XDG_DATA_DIRS XDG_STATE_HOME XDG_RUNTIME_DIR "
        # language and time
        "LANG LANGUAGE LC_* TZ TZDIR "
        # the terminal, and how to write on it
        "TERM TERMINFO TERMINFO_DIRS COLORTERM COLUMNS LINES NO_COLOR CLICOLOR CLICOLOR_FORCE FORCE_COLOR PAGER EDITOR VISUAL "
        # certificates of authorities, which are public
        "SSL_CERT_FILE SSL_CERT_DIR "
        # which interpreter, and how it reads and writes; not what other code it loads
        "VIRTUAL_ENV CONDA_PREFIX PYENV_ROOT PYENV_VERSION "
        "PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONIOENCODING PYTHONNOUSERSITE PYTHONSAFEPATH PYTHONUNBUFFERED PYTHONUTF8"
    ).split()
)
"""What an ordinary program needs, by name; `--clean-env` keeps these. In none of them is a secret put, and none names code to be loaded."""

OTHER_CODE = frozenset([*injection.LOADER, *injection.OTHER_LIBRARY, *injection.OTHER_PLACE])
"""What leads a program to other code before the guards can stand."""


EXPECTED = "the name of a variable was expected, in which * stands for any text"
OTHERS = "_*%().-+:!"
"""What there is in names besides letters and digits: `BASH_FUNC_x%%`, `ProgramFiles(x86)`. Shells know the first alone."""


def pattern(text: str) -> str:
    """`NAME`, or with `*` for any text; raises ValueError for what no variable is called: it would grant nothing, and nobody would know."""
    if not text:
        raise ValueError(EXPECTED)
    for at, character in enumerate(text, 1):
        if not character.isalnum() and character not in OTHERS:
            raise ValueError(f"{EXPECTED}, and none has {character!a} in it (at character {at})")
    return text


def granted(environment: Mapping[bytes, bytes], rules: Environment | None, given: Iterable[str] = ()) -> dict[bytes, bytes]:
    """What a target gets of the user's environment, and what is `given` (`NAME=VALUE`). Raises UsageError for what cannot be given."""
    kept = dict(environment if rules is None else _left(environment, rules.keep))
    kept.update(map(assignment, given))
    return kept


def _left(environment: Mapping[bytes, bytes], keep: tuple[str, ...]) -> Iterator[tuple[bytes, bytes]]:
    import os

    is_kept = _keeper(keep)
    for name, value in environment.items():
        if is_kept(os.fsdecode(name)):
            yield name, value


def is_granted(name: str, keep: tuple[str, ...]) -> bool:
    return _keeper(keep)(name)


def _keeper(keep: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a name is kept. Most are named in full, and looked up."""
    names, patterns = frozenset(keep), tuple(one for one in keep if "*" in one)
    return lambda name: name in names or any(fits(name, one) for one in patterns)


def assignment(text: str) -> tuple[bytes, bytes]:
    """The name and the value in `NAME=VALUE`. Raises UsageError."""
    import os

    name, equals, value = text.partition("=")
    if not equals or not name or "\0" in text:
        raise UsageError(f"--set-env {quoted(text)}: a variable and its value were expected", "as in --set-env NAME=VALUE")
    found = os.fsencode(name)
    if found in OTHER_CODE or found.startswith(injection.PREFIX):
        raise UsageError(f"--set-env {quoted(name)}: it would have other code loaded before the guards", "it is not for --set-env")
    return found, os.fsencode(value)
