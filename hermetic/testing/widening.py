"""What the markers that allow something make of a policy: `allow_network`, `allow_run`, `allow_write`; of keys of the configuration the same.

They go beyond what stands, and put up no guard that would forbid more. But a program that is not Python is refused by every block, and one that
is allowed needs a list to stand in.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard.policy import Subprocess

from hermetic import options
from hermetic.policy import WrongValue, addresses, adjust
from hermetic.policy.context import Context
from hermetic.policy.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from hermetic_guard.policy import Policy

UNIX = "unix:"
LOCALHOST = "localhost"


def widened(policy: Policy, marker: str, words: Sequence[object], root: str) -> Policy:
    """The policy, and what a marker of this name allows besides. root: where relative paths start. Raises WrongValue."""
    given = [word if isinstance(word, str) else _no_word(word) for word in words]
    return MARKERS[marker](policy, given, root)


def _no_word(word: object) -> str:
    if isinstance(word, os.PathLike):
        return str(os.fspath(word))
    raise WrongValue(repr(word), "text was expected")


def allow_network(policy: Policy, words: list[str], root: str) -> Policy:
    """Without words all of it."""
    if policy.network is None or not words:
        return _replaced(policy, network=None)
    rules = policy.network
    for word in words:
        key, value = network_option(word)
        rules = _applied(rules, key, value, _reader(root))
    return _replaced(policy, network=rules)


def network_option(word: str) -> tuple[str, str | bool]:
    """The option that a word of `allow_network` stands for, and its value."""
    host, colon, ports = word.partition(":")
    if word.startswith(UNIX):
        return "allow_unix", ports
    if host.lower() == LOCALHOST:
        return "allow_localhost", ports if colon else True
    try:
        addresses.read(word)
    except addresses.AddressError:
        return "allow_domain", word
    return "allow_address", word


def allow_run(policy: Policy, words: list[str], root: str) -> Policy:
    """Where every Python could be started this one can, and those that are named."""
    if not words:
        raise WrongValue(None, "no program is named", 'as in allow_run("git")')
    rules = policy.subprocess or Subprocess(run=(os.path.realpath(sys.executable),))
    for word in words:
        rules = _applied(rules, "allow_run", word, _reader(root))
    return _replaced(policy, subprocess=rules)


def allow_write(policy: Policy, words: list[str], root: str) -> Policy:
    if not words:
        raise WrongValue(None, "no path is named", 'as in allow_write("build")')
    if policy.filesystem is None:
        return policy
    rules = policy.filesystem
    for word in words:
        rules = _applied(rules, "allow_write", word, _reader(root, typed=True))
    return _replaced(policy, filesystem=rules)


def _reader(root: str, *, typed: bool = False) -> Reader:
    return Reader(root, Context(root, os.environ), typed=typed)


def _applied(rules: Any, key: str, value: object, reader: Reader) -> Any:
    return adjust.applied(rules, options.BY_NAME[f"--{key.replace('_', '-')}"], (value,), reader)


def _replaced(policy: Policy, **rules: object) -> Policy:
    changed: Policy = policy.replaced(**rules)
    return changed


MARKERS: dict[str, Callable[[Policy, list[str], str], Policy]] = {
    "allow_network": allow_network,
    "allow_run": allow_run,
    "allow_write": allow_write,
}
