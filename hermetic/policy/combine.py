"""Flags, profiles and policy files, made into the one policy that is enforced.

Given guards stand, exactly those; none given, the profile that is for the command does, else `default`, and the caller is
told so in words made from the policy itself. Profiles and guard flags combine by intersection, so that one more of either never allows more. Then
the options that adjust are applied to what is in force, and only to that: `--allow-localhost` without a guard on the
network would allow what nothing forbids, which is a mistake somewhere, and is said. Then single packages get what files give
them. At last what stands at the top of each policy file takes away what it does not allow, whatever was asked for.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import Policy, PolicyError

from hermetic import ahead, options
from hermetic.errors import UsageError, printable, quoted
from hermetic.policy import PARTS, WrongValue, discover, put_up
from hermetic.policy.context import Context
from hermetic.policy.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.options import Invocation
    from hermetic.policy.context import Known
    from hermetic.policy.discover import Found
    from hermetic.policy.library import Library


class Resolved:
    """The policy of a run.

    asked:    what flags and profiles come to
    tops:     the policies at the top of files, by path: what these do not allow is taken away
    profiles: the names of the profiles it is made from
    files:    the policy files that there are, followed or not: no run may change them
    choice:   that nothing was asked for, which profile was chosen, and what it comes to; "" where something was
    notices:  what else the user has to be told: which values name nothing, what is not followed
    details:  what else there is to say
    library:  what profiles and tops were taken from, None where there was nothing to take
    context:  what the run is made of
    silenced: the files that would let single packages do more, were they trusted
    """

    __slots__ = ("asked", "choice", "context", "details", "files", "library", "notices", "policy", "profiles", "silenced", "tops")

    def __init__(self, asked: Policy, tops: dict[str, Policy], profiles: tuple[str, ...], files: list[str], context: Context) -> None:
        self.asked = asked
        self.tops = tops
        self.profiles = profiles
        self.files = files
        self.choice = ""
        self.notices: list[str] = []
        self.details: list[str] = []
        self.library: Library | None = None
        self.context = context
        self.silenced: list[str] = []
        self.policy = asked
        for file, top in tops.items():
            self.policy = _both(self.policy, top, f"what is asked for and what {file} allows")

    @property
    def said(self) -> list[str]:
        """All that there is to say, in its order."""
        return [*([self.choice] if self.choice else []), *self.notices, *self.details]

    def narrowing(self, guard: str) -> list[str]:
        """The files that have a say in what a guard allows."""
        return [file for file, top in self.tops.items() if guard in top.guards()]

    def packaging(self) -> list[str]:
        """The files that let single packages do more."""
        found = [file for file, top in self.tops.items() if top.packages and file not in self.silenced]
        if self.library:
            of_files = {name: self.library.file_of(name) for name in self.profiles}
            found += [file for name, file in of_files.items() if file and "package" in self.library.written(name)]
        return list(dict.fromkeys(found))

    def silencing(self, guard: str) -> list[str]:
        """The files that would let single packages do more that a guard forbids, were they trusted."""
        return [file for file in self.silenced if any(getattr(package, guard) for package in self.tops[file].packages)]

    def allows_already(self, hint: str) -> bool:
        """Whether what was asked for has all that this option would add, so that it is the files that take it away. A hint may be a stranger's."""
        from hermetic.policy import adjust  # only on the way to a refusal
        from hermetic.policy.library import allows_no_more

        try:
            option, value = options.worded(hint)
            guard = option.policy.partition(".")[0]
            rules = getattr(self.asked, guard, None)
            if rules is None or option.key not in adjust.ADJUSTERS:
                return False
            more = adjust.applied(rules, option, (value,), Reader(self.context.cwd, self.context))
            return allows_no_more(Policy(**{guard: more}), Policy(**{guard: rules}))
        except WrongValue:
            return True  # as where all may be read but for the files
        except (UsageError, ValueError, OSError):
            return False  # no words of an option


def resolve(
    invocation: Invocation,
    cwd: str | None,
    target: Known | None = None,
    *,
    begins: bool = False,
    chooses: bool = True,
) -> Resolved:
    """The policy that `invocation` asks for.

    cwd: the working directory, absolute; None where there is none any more
    target: what is known of it
    begins: whether a run begins
    chooses: whether a profile stands where nothing is asked for
    Raises UsageError, PolicyFileError.
    """
    values = invocation.values
    reader = Reader(cwd, Context(cwd, os.environ, target, begins=begins), typed=True)
    there, ignored = discover.project_files(cwd)
    followed = _followed(values, there, reader)
    flags = _flags(values, reader)
    profiles = _texts(values, "profile")
    chosen = chooses and not flags.guards() and not profiles
    library = _library(followed, reader.context) if followed or profiles or chosen else None
    if chosen and library:
        ahead.load(ahead.CHOOSING)
        profiles = (library.standing(),)
    asked = _adjusted(_combined(flags, profiles, library), values, reader)
    tops = library.tops() if library else {}
    asked, silenced = _for_packages(asked, tops, library)
    files = [*there, *ignored, *(found.path for found in followed)]
    resolved = Resolved(asked, tops, profiles, list(dict.fromkeys(files)), reader.context)
    resolved.library, resolved.silenced = library, silenced
    if library:
        _tell(resolved, library, chosen)
    resolved.notices += [f"{path} is another user's, and not followed" for path in ignored]
    resolved.notices += [
        f"{path} is not trusted, so what it lets single packages do is not given (after reading it: hermetic policy trust)"
        for path in silenced
    ]
    resolved.notices += [*reader.notes, *dict.fromkeys(reader.context.notices)]
    return resolved


def _followed(values: dict[str, object], there: list[str], reader: Reader) -> list[Found]:
    """The policy files that count: the nearest first, the user's own last."""
    if "no_policy" in values:
        return []
    named = values.get("policy")
    found = [_named(named, reader)] if isinstance(named, str) else [discover.Found(path) for path in there]
    own = discover.user_file(reader.context.environ)
    return [*found, *([own] if own else [])]


def _named(file: str, reader: Reader) -> Found:
    try:
        return discover.Found(reader.path(file), own=True)
    except WrongValue as error:
        raise UsageError(f"--policy {quoted(file)}: {error.why}", error.hint) from None


def _library(followed: list[Found], context: Context) -> Library:
    ahead.load(ahead.READING)
    from hermetic.policy.library import Library  # brings tomllib, which a run with flags alone has no use for

    return Library(followed, context)


def _tell(resolved: Resolved, library: Library, chosen: bool) -> None:
    """What there is to say of the policies that were taken from files."""
    from hermetic.policy.described import describe, where_listed

    for name in resolved.profiles:
        file = library.file_of(name)
        of = f" of {file}" if file else ""
        if chosen:
            resolved.choice = f"no guard was asked for, so profile {name}{of} stands: {describe(resolved.policy, few=True)}"
            notice = library.notice(name)
            resolved.notices += [printable(notice)] if notice else []
            resolved.details.append(f"profile {name}: {describe(resolved.policy)}{where_listed(resolved.policy)}")
        elif file and library.is_built_in(name):
            resolved.notices.append(f"profile {name} is the one{of}, not the built-in one")
    resolved.notices += [
        f"{file} is not trusted, so its profile {name} allows no more than what stands without it, {instead} "
        "(after reading it: hermetic policy trust)"
        for file, name, instead in dict.fromkeys(library.held)
    ]
    resolved.details += [f"{file} holds in every run: {describe(top)}" for file, top in resolved.tops.items() if top.guards()]
    resolved.details += dict.fromkeys(library.notes)


def _both(one: Policy, other: Policy, what: str) -> Policy:
    from hermetic_guard.intersection import intersect  # a run with guards of its own alone has no use for it

    try:
        both: Policy = intersect(one, other)
    except PolicyError as error:
        raise UsageError(f"{what} leave nothing: {error}") from None
    return both


def _flags(values: dict[str, object], reader: Reader) -> Policy:
    """What flags put up, with their own values."""
    fields: dict[str, object] = {}
    for option in options.OPTIONS:
        if option.key in values and option.puts_up:
            value, part = values[option.key], option.policy.partition(".")[0]
            if part in PARTS:
                rules = fields.get(part) or put_up(part)
                fields[part] = _valued(rules, option, value, reader) if isinstance(value, str) else rules
            else:
                fields[option.key] = value
    return Policy(**fields)


def _valued(rules: object, option: options.Option, value: str, reader: Reader) -> object:
    from hermetic.policy import adjust  # only where a value is given

    return adjust.typed(rules, option, value, reader)


def _adjusted(policy: Policy, values: dict[str, object], reader: Reader) -> Policy:
    if not any(option.key in values and option.adjusts for option in options.OPTIONS):
        return policy
    from hermetic.policy import adjust

    return adjust.adjusted(policy, values, reader)


def _combined(flags: Policy, profiles: tuple[str, ...], library: Library | None) -> Policy:
    if library is None:
        return flags
    made = [*([flags] if flags != Policy() or not profiles else []), *map(library.profile, profiles)]
    policy = made[0]
    for further in made[1:]:
        policy = _both(policy, further, "the guards asked for")
    return policy


def _for_packages(asked: Policy, tops: dict[str, Policy], library: Library | None) -> tuple[Policy, list[str]]:
    """The policy with what the tops of files give single packages, and the files that are not trusted with that."""
    if library is None or not any(top.packages for top in tops.values()):
        return asked, []
    from hermetic.policy import packages

    given, silenced = library.packages(tops)
    return packages.given(asked, given), silenced


def _texts(values: dict[str, object], key: str) -> tuple[str, ...]:
    found = values.get(key, ())
    return tuple(str(text) for text in found) if isinstance(found, tuple) else ()
