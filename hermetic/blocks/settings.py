"""The policy of a block, from the arguments of `hermetic_blocker`: they are read as the options of the command line are, by the same readers."""

from __future__ import annotations

import os
import sys
import warnings

from hermetic_guard.keywords import KEYWORDS
from hermetic_guard.policy import Policy

from hermetic import options
from hermetic.errors import BadArgument, BadBlock, HermeticError
from hermetic.options import Invocation
from hermetic.policy import combine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SWITCHES = {
    "block_network": "no_network",
    "block_subprocess": "no_subprocess",
    "fs_readonly": "fs_readonly",
    "block_native": "block_native",
}
"""The option's key that a guard's argument stands for."""

NOT_OF_A_BLOCK = {
    "environment": "a clean environment",
    "limits": "limits",
}
"""Parts of a policy that are about a whole process."""

ALIKE = frozenset([*SWITCHES, "allow_localhost", "on_violation"])
"""Arguments that mean the same whatever there is: no paths, no names of anything, and nothing that is looked for."""

KNOWN: dict[tuple[object, ...], Policy] = {}
"""What such arguments came to. These are a few words, so there are not many."""


def policy_of(given: Mapping[str, object], lifted: Sequence[str] = ()) -> Policy:
    """given: the arguments that are not None; lifted: parts that are left out where a profile has them. Raises BadBlock, BadArgument."""
    if lifted or not ALIKE.issuperset(given):
        return resolved(given, lifted)
    key = (*given.items(), *map(type, given.values()))  # 1 is no switch, though it equals True
    try:
        return KNOWN[key]
    except (KeyError, TypeError):  # not yet, or ports as a list
        policy = resolved(given)
    if {*map(type, given.values())} <= {bool, str} and type(given.get("allow_localhost", True)) is bool:
        KNOWN[key] = policy
    return policy


def resolved(given: Mapping[str, object], lifted: Sequence[str] = ()) -> Policy:
    """Raises likewise."""
    values = values_of(given)
    values.setdefault("on_violation", "raise")
    if not {"no_network", "no_subprocess", "fs_readonly", "block_native", "profile", "policy"} & values.keys():
        raise BadBlock("nothing is guarded by this block", "block_network=True, fs_readonly=True, profile=... put guards up")
    if "policy" not in values:
        values["no_policy"] = True
    try:
        found = combine.resolve(Invocation(options.RUN, values, []), working_directory(), chooses=False)
    except HermeticError as error:
        raise BadBlock(error.message, error.hint) from None
    for notice in found.notices:
        warnings.warn(f"hermetic: {notice}", stacklevel=5)
    policy = found.policy.replaced(**dict.fromkeys(lifted))
    refuse_what_no_block_holds(policy)
    return with_needs(policy)


def refuse_what_no_block_holds(policy: Policy) -> None:
    """Raises BadBlock."""
    found = [what for part, what in NOT_OF_A_BLOCK.items() if getattr(policy, part) is not None]
    found += ["a private /tmp"] if policy.tmp != "shared" else []
    found += ["rules of the kernel"] if policy.kernel != "wanted" else []
    found += ["builds of packages"] if policy.builds != "alike" else []
    if found:
        raise BadBlock(f"a block in a process cannot hold {', '.join(found)}", "hermetic run can")
    if not policy.guards():
        raise BadBlock("nothing is guarded by this block")


def with_needs(policy: Policy) -> Policy:
    """Where reading is limited, what this interpreter cannot do without may be read besides."""
    if policy.filesystem is None or policy.filesystem.read is None:
        return policy
    from hermetic.target import needs

    changed: Policy = policy.replaced(filesystem=needs.of_this_process(policy.filesystem, working_directory()))
    return changed


def working_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


# Arguments.


def values_of(given: Mapping[str, object]) -> dict[str, object]:
    """What the command line would have made of them. Raises BadArgument, BadBlock."""
    values: dict[str, object] = {}
    for name, value in given.items():
        if name in SWITCHES:
            if switch(name, value):
                values[SWITCHES[name]] = True
        elif name in KEYWORDS:
            values[KEYWORDS[name]] = tuple(texts(name, value))
        elif name == "allow_localhost":
            if value is not False:
                values[name] = (True,) if value is True else tuple(texts(name, value))
        elif name == "on_violation":
            values[name] = choice(name, value, ("raise", "refuse", "kill"))
        elif name in ("fs_root", "policy"):
            values["fs_readonly" if name == "fs_root" else name] = path(name, value)
    if "fs_root" in given and given.get("fs_readonly") is False:
        raise BadBlock("fs_root limits reading where fs_readonly stands, which is False")
    return values


def switch(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadArgument(f"{name} is True or False, not {value!r}")
    return value


def choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise BadArgument(f"{name} is a str, not {value!r}")
    if value not in choices:
        raise BadBlock(f"{name} cannot be {value!r}, only {' or '.join(choices)}")
    return value


def path(name: str, value: object) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise BadArgument(f"{name} is a path, not {value!r}")
    found = os.fspath(value)
    if not isinstance(found, str) or not found:
        raise BadArgument(f"{name} is a path, not {value!r}")
    return found


def texts(name: str, value: object) -> list[str]:
    """The values of an argument that takes one or several: text, paths, and ports as numbers."""
    several = [*value] if isinstance(value, (list, tuple, set, frozenset)) else [value]
    found = []
    for one in several:
        if isinstance(one, os.PathLike):
            one = os.fspath(one)
        elif isinstance(one, int) and not isinstance(one, bool) and name in ("allow_localhost", "allow_listen"):
            one = str(one)
        if not isinstance(one, str):
            raise BadArgument(f"{name} takes text, not {one!r}")
        if not one:
            raise BadBlock(f"{name} is given an empty value")
        found.append(one)
    return found


# Files of distributions.


def native_files(policy: Policy) -> list[tuple[str, str]]:
    """Name and path of what the policy's distributions may load in this interpreter."""
    if policy.native is None or not policy.native.distributions:
        return []
    from hermetic.target import packages
    from hermetic.target.interrogate import Interpreter

    version = sys.version_info[:3]
    facts = Interpreter(os.path.realpath(sys.executable), version, sys.implementation.name, "", {})
    return packages.native_files(policy.native.distributions, sys.executable, facts, os.environ, working_directory() or "/")
