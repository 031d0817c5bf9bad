"""What a command line and pytest's configuration ask for, as one policy for the session; and what pytest itself needs beside it."""

from __future__ import annotations

import contextlib
import os
import platform
import tempfile

from hermetic_guard.errors import PolicyViolation
from hermetic_guard.policy import merged

from hermetic.policy import WrongValue
from hermetic.policy.described import describe
from hermetic.testing import policies, widening
from hermetic.testing.policies import Project

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest
    from hermetic_guard.policy import Policy

OPTION = "hermetic"
SWALLOWED = FAIL, WARN, IGNORE = ("fail", "warn", "ignore")


def profiles(config: pytest.Config) -> list[str] | None:
    """Those that are asked for: by the option, else by the configuration; None where nothing is. An option without a name is the default one."""
    given = getattr(config.known_args_namespace, OPTION, None)
    if given is None:
        return config.getini(OPTION) or None
    return [name for name in given.split(",") if name] or [policies.DEFAULT_PROFILE]


def mistaken(names: list[str] | None) -> str:
    """What was meant where a profile is not there: argparse takes the word behind an option for its value."""
    paths = [name for name in names or () if os.path.exists(name)]
    return f" ({paths[0]} is a path: those go before --hermetic, or behind a --)" if paths else ""


def project(config: pytest.Config) -> Project:
    root, file = str(config.rootpath), config.getini("hermetic_policy")
    return Project(root, os.path.join(root, file) if file else "")


def policy(config: pytest.Config, names: list[str]) -> Policy:
    """Raises HermeticError, and WrongValue for a word of the configuration's."""
    place = project(config)
    found = policies.policy_of(names, {}, place)
    for marker in widening.MARKERS:
        words = config.getini(f"hermetic_{marker}")
        if words:
            found = widening.widened(found, marker, words, place.root)
    return found


def swallowed(config: pytest.Config) -> str:
    """What becomes of a test that goes on after a refusal as if nothing had been. Raises WrongValue."""
    word: str = config.getini("hermetic_swallowed") or FAIL
    if word not in SWALLOWED:
        raise WrongValue(word, f"hermetic_swallowed is {', '.join(SWALLOWED[:-1])} or {SWALLOWED[-1]}, not {word}")
    return word


def needs(config: pytest.Config) -> list[str]:
    """What pytest writes while tests run: temporary files (its capture, tmp_path), its cache, its log. To be asked before anything is refused, for
    what finds the directory for temporary files writes there."""
    options, there = config.known_args_namespace, config.pluginmanager.has_plugin
    log = getattr(options, "log_file", None) or (config.getini("log_file") if there("logging") else None)
    places = [
        tempfile.gettempdir(),
        os.environ.get("PYTEST_DEBUG_TEMPROOT"),
        getattr(options, "basetemp", None),
        config.rootpath / config.getini("cache_dir") if there("cacheprovider") else None,
        os.path.dirname(config.rootpath / log) if log else None,
    ]
    return [os.path.realpath(place) for place in places if place]


def look_at_machine() -> None:
    """The standard library asks `uname` for the processor and remembers it. xdist's workers ask, and who sends a user agent; a program that is not
    Python is refused in a block, by an error that nobody handles there."""
    with contextlib.suppress(PolicyViolation):
        platform.processor()


def with_needs(asked: Policy, needed: list[str]) -> Policy:
    if asked.filesystem is None:
        return asked
    changed: Policy = asked.replaced(filesystem=asked.filesystem.replaced(write=merged([*asked.filesystem.write, *needed])))
    return changed


def outside_tests(asked: Policy | None) -> Policy | None:
    """Plugins ask this and that of the machine and go on where it is refused as on one that is locked down. It is told in any case."""
    changed: Policy | None = asked and asked.replaced(on_violation="refuse")
    return changed


def after_tests(asked: Policy | None) -> Policy | None:
    """Once the last test is through reports are written, by pytest and by plugins, wherever they are to be."""
    changed: Policy | None = asked and asked.replaced(filesystem=None, on_violation="refuse")
    return changed


def described(asked: Policy) -> str:
    return describe(asked)
