"""What `hermetic policy` answers: policies shown, checked, compared, trusted and begun. Texts and exit codes; printing is the command line's."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from hermetic_guard.policy import Policy, PolicyError
from hermetic_guard.unions import whole

from hermetic import changes, options
from hermetic.errors import HermeticError, PolicyFileError, UsageError, quoted
from hermetic.linux import gaps, layers
from hermetic.options import Invocation
from hermetic.policy import PARTS, adjust, combine, described, discover, dump, load, trust
from hermetic.policy.context import Context, Known
from hermetic.policy.library import Library, Shelf, allows_no_more

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermetic.linux.here import Here
    from hermetic.policy.dump import Mark, Table

    Answer = tuple[str, int]
    """What is printed, and the exit code."""

ADVISORY = "python: for this package alone, advisory"
NO_KERNEL = "there is no kernel layer here"

POLICIES = (".toml",)
"""How names of policy files end."""

LEGEND = "# + once it is trusted, - until then; what allows more comes first"

STARTER = """\
# What runs of hermetic in this directory, and below, may do. docs/policy.md says more; `hermetic policy check` reads this file,
# `hermetic policy show` says what comes of it, and which layer enforces it here.
version = 1

# What stands here holds in every run, whatever is asked for: a guard stands where its table is there.
[filesystem]
hide = ["@secrets"]    # keys, tokens, what browsers and shells remember
allow-write = ["/"]    # what may be written is left to what a run asks for

# A profile stands where it is asked for: hermetic --profile tests -- pytest. One that allows more than what stands without
# this file is held to that until its reader has said: hermetic policy trust
[profile.tests]
summary = "for the test suite"
extends = ["net-hermetic"]
subprocess.allow-run = ["git"]
"""


# What a run would have.


def show(values: dict[str, object], cwd: str | None, target: Known | None, *, resolved: bool, as_json: bool) -> Answer:
    """The policy of a run with these options: as it is written, part by part, or `resolved` into one."""
    found = combine.resolve(Invocation(options.RUN, values, []), cwd, target)
    standings, here = _standings(found.policy)
    if as_json:
        return json.dumps(_data(found, values, standings), indent=2, default=str) + "\n", 0  # dates
    mark = _mark(found.policy, standings, here)
    day = found.context.day
    said = "".join(f"# {line}\n" for line in found.said)
    if resolved:
        return said + "\n" + dump.write(dump.table(found.policy), mark), 0
    parts = [f"# {one.title}\n{dump.write(one.table, _without_void(mark, one, day))}" for one in sources(found, values)]
    parts.append(f"# what comes of it: {described.describe(found.policy)} (--resolved shows each rule)\n")
    return "\n".join([said, *parts] if said else parts), 0


class Source(NamedTuple):
    """What a policy is made of, as it is written: what it is called, its keys, and whether what it says of packages counts for nothing."""

    title: str
    table: Table
    silenced: bool = False


def sources(found: combine.Resolved, values: dict[str, object]) -> list[Source]:
    """In the order in which they are read."""
    typed = _typed(values)
    parts = [Source("the command line", typed)] if typed else []
    if found.library:
        for name in found.profiles:
            file = found.library.file_of(name)
            parts.append(Source(f"profile {name} of {file}" if file else f"profile {name}, built in", found.library.written(name)))
        tops = {shelf.document.file: shelf.document.top for shelf in found.library.shelves if shelf.document.top}
        parts += [Source(f"{file}: in every run", top, file in found.silenced) for file, top in tops.items()]
    return parts


def _typed(values: dict[str, object]) -> Table:
    """The options of a policy as a file would have them."""
    table: Table = {}
    for key, option in load.KEYS.items():
        if option.key in values:
            guard, _, word = key.partition(".")
            value = values[option.key]
            if guard not in PARTS:
                table[guard] = value
                continue
            rules = table.setdefault(guard, {})
            if word and (value is not True or load.may_be_true(option)):
                rules[word] = list(value) if isinstance(value, tuple) else value
    return table


def _standings(policy: Policy) -> tuple[list[layers.Standing], Here | None]:
    """How each guard is held here, in a Python target."""
    from hermetic import doctor
    from hermetic.launch import nested

    policy = whole(policy)
    here = doctor.learned(policy)
    if here is None:
        why = doctor.INSIDE if nested.is_inside() else NO_KERNEL
        return [layers.Standing(guard, True, layers.NONE, why) for guard in policy.guards()], None
    return layers.standings(policy, here, python=True), here


def _mark(policy: Policy, standings: list[layers.Standing], here: Here | None) -> Mark:
    """What is said of each guard and of each of its rules: the layers that enforce it here."""
    by_guard = {one.guard: one for one in standings}
    special = [gap for gap in gaps.gaps(whole(policy), here) if gap.rules] if here else []

    def mark(guard: str, key: str) -> str:
        if guard.startswith(f"{load.PACKAGE}."):
            return of_package(*key.split(".")) if "." in key else ""
        standing = by_guard.get(guard)
        if standing is None:
            return "the launcher" if guard in PARTS else ""
        if standing.kernel == layers.NONE:
            return f"python; no kernel: {standing.gap}"
        concerned = [gap.what for gap in special if gap.guarantee == guard and key in gap.rules]
        general = [gap for gap in standing.gap.split("; ") if gap and gap not in [one.what for one in special if one.guarantee == guard]]
        missing = concerned if key else general
        return f"python, kernel but: {'; '.join(missing)}" if missing else "python, kernel"

    def of_package(guard: str, key: str) -> str:
        standing = by_guard.get(guard)
        if standing is None:
            return f"nothing: {adjust.WHAT[guard]}"
        return ADVISORY if standing.kernel == layers.NONE else f"{ADVISORY}; kernel: allowed to the whole process"

    return mark


def _without_void(mark: Mark, source: Source, day: str) -> Mark:
    """What is said of single packages, and does not hold any more or is not trusted, nothing enforces."""
    said = source.table.get(load.PACKAGE, {})
    void = dict.fromkeys(said, "not trusted") if source.silenced else {}
    days = {name: one["expires"].isoformat() for name, one in said.items() if "expires" in one}
    void |= {name: f"expired on {expires}" for name, expires in days.items() if expires <= day}

    def marked(guard: str, key: str) -> str:
        why = void.get(guard.removeprefix(f"{load.PACKAGE}.")) if guard.startswith(f"{load.PACKAGE}.") else None
        return f"{why}, given to nobody" if why else mark(guard, key)

    return marked


def _data(found: combine.Resolved, values: dict[str, object], standings: list[layers.Standing]) -> dict[str, Any]:
    return {
        "version": 1,
        "policy": dump.table(found.policy),
        "layers": {one.guard: {"python": one.python, "kernel": one.kernel, "gap": one.gap} for one in standings},
        "sources": [{"from": one.title, "policy": one.table} for one in sources(found, values)],
        "files": found.files,
        "notices": found.said,
    }


# Files.


def check(files: Sequence[str], cwd: str | None) -> Answer:
    """Read these files, or those that count here, with every policy in them. Exit code 1 where one is wrong."""
    context = Context(cwd, os.environ)
    own = discover.user_file(os.environ)
    named = [discover.Found(os.path.abspath(file), own=True) for file in files]
    found = named or [*(discover.Found(path) for path in discover.project_files(cwd)[0]), *([own] if own else [])]
    if not found:
        return "there is no policy file here, and none of your own (to begin one: hermetic policy init)\n", 0
    unread = {one.path: why for one in found for why in [_unread(one)] if why}
    outcomes = [
        (unread[one.path], 1)
        if one.path in unread
        else _checked(one, [one] if named else [other for other in found[at:] if other.path not in unread], context)
        for at, one in enumerate(found)
    ]
    return "".join(text for text, _ in outcomes), max(code for _, code in outcomes)


def _unread(found: discover.Found) -> str:
    """Why a file cannot be read as a policy, "" if it can: the others are checked without it."""
    try:
        Shelf(found)
    except HermeticError as error:
        return f"{error}\n"
    return ""


def _checked(found: discover.Found, shelves: list[discover.Found], context: Context) -> Answer:
    before = len(context.notices)
    try:
        library = Library(shelves, context)
        if not library.shelves or library.shelves[0].document.file != found.path:
            return f"{found.path}: there is no policy in it\n", 0
        library.tops()
        for name in library.shelves[0].document.profiles:
            library.profile(name)
    except HermeticError as error:
        return f"{error}\n", 1
    held = [
        f"{file}: profile {name} allows more than what stands without it, {instead}, and is held to that"
        for file, name, instead in dict.fromkeys(library.held)
    ]
    return "".join(f"{line}\n" for line in (f"{found.path}: good", *held, *dict.fromkeys((*library.notes, *context.notices[before:])))), 0


def trust_files(file: str | None, cwd: str | None, *, forget: bool, dry_run: bool = False) -> Answer:
    """Let the profiles of the project's files, or of one, widen what stands without them; or no longer. A file may be an installer's as well.

    dry_run: say what that would give, and change nothing
    """
    if forget and dry_run:
        raise UsageError("--forget and --dry-run exclude each other")
    indexes = _trust_indexes(os.path.abspath(file), cwd, dry_run=dry_run) if file and not forget else []
    if indexes and not _is_policy(os.path.abspath(str(file))):
        return "".join(indexes), 0
    there = discover.project_files(cwd)[0]
    found = [discover.Found(os.path.realpath(file))] if file else [discover.Found(path) for path in there]
    others = [path for path in discover.project_files(cwd)[1] if not file or path == found[0].path]
    if others:
        raise UsageError(f"{others[0]} is another user's, and not followed")
    if not found:
        raise UsageError("there is no policy file here that could be trusted", "to begin one: hermetic policy init")
    if file and not forget and os.path.splitext(found[0].path)[1] not in POLICIES:
        raise UsageError(f"{found[0].path}: there is nothing in it to trust: it names no index by a URL, and no project on this machine")
    store, said = trust.store(os.environ), []
    for one in found:
        if forget:
            said.append(f"{one.path}: {'no longer trusted' if store.forget(one.path) else 'was not trusted'}")
            continue
        shelves = [one, *(discover.Found(path) for path in there if path != one.path)]
        read = Library(shelves, Context(cwd, os.environ)).shelves[:1]
        document = read[0].document if read and read[0].document.file == one.path else None
        if document is None:
            said += [] if indexes else [f"{one.path}: there is nothing in it to trust: it has no policy, and names no index"]
        else:
            said += [*_beyond(one, shelves, cwd), f"{one.path}: {'nothing was changed' if dry_run else 'trusted, as it is now'}"]
            if not dry_run:
                store.trust(document)
    return "".join([*indexes, *(f"{line}\n" for line in said)]), 0


def _trust_indexes(file: str, cwd: str | None, *, dry_run: bool) -> list[str]:
    """Trust the indexes and local projects that an installer's file names; [] where it names none."""
    from hermetic.indexes import Said, found, urls

    named = found.in_file(file, Context(cwd, os.environ))
    found.refuse_impossible([Said(named, file=file)])
    kinds = {"indexes": [value for _, value in urls.grants(named)], "local projects": found.projects_in(named)}
    done = "would be trusted" if dry_run else "trusted"
    lines = [f"{file}: {done}, with the {kind} it names now: {', '.join(values)}\n" for kind, values in kinds.items() if values]
    if lines and not dry_run:
        trust.store(os.environ).trust_urls(file, named)
    return lines


def _is_policy(file: str) -> bool:
    return os.path.basename(file) == discover.NAME or (os.path.basename(file) == discover.PYPROJECT and discover.mentions(file))


def _beyond(one: discover.Found, shelves: list[discover.Found], cwd: str | None) -> list[str]:
    """What the profiles of a file allow beyond what stands without it."""
    context = Context(cwd, os.environ)
    trusted = Library([discover.Found(one.path, own=True), *shelves[1:]], context)
    held = Library(shelves, context)
    given = trusted.tops()[one.path].packages
    found = {f"profile {name}": (held.profile(name), trusted.profile(name)) for name in trusted.shelves[0].document.profiles}
    found["packages, in every run"] = Policy(), Policy(packages=given)
    lines = []
    for what, policies in found.items():
        told = changes.changes(*policies, context)
        lines += [f"{what}:", *(f"  {line}" for line in told)] if told else []
    return [LEGEND, *lines] if lines else [f"{one.path}: nothing in it allows more than what stands without it"]


def begin(cwd: str | None) -> Answer:
    """A policy file for the project, to be changed."""
    place = Context(cwd, os.environ).value("PROJECT")
    if place is None:
        raise UsageError("this is no place for a project's policy: a file here would be every project's", "go into a project's directory")
    path = f"{place}/{discover.NAME}"
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(STARTER)
    except FileExistsError:
        raise UsageError(f"{path} is there already") from None
    except OSError as error:
        raise PolicyFileError(f"{path}: cannot be written: {error.strerror}") from None
    return f"{path}: begun\n", 0


# Two policies.


def difference(one: str, other: str, cwd: str | None) -> Answer:
    """What the second allows and forbids that the first does not. Exit code 1 where they differ."""
    first, second = _named(one, cwd), _named(other, cwd)
    tops = [f"# {quoted(name)}: what stands at its top" for name in dict.fromkeys((one, other)) if _is_file(name)]
    found = changes.changes(first, second, Context(cwd, os.environ))
    if not found:
        return "".join(f"{line}\n" for line in (*tops, "they allow the same")), 0
    legend = f"# + in {quoted(other)} alone, - in {quoted(one)} alone; what allows more comes first"
    return "".join(f"{line}\n" for line in (*tops, legend, *found, _verdict(first, second, other))), 1


def _verdict(first: Policy, second: Policy, other: str) -> str:
    try:
        less, more = allows_no_more(second, first), allows_no_more(first, second)
    except PolicyError:
        less = more = False
    if less and more:
        return "they allow the same"
    return f"{quoted(other)} allows {'less' if less else 'more'}" if less or more else "each allows something that the other does not"


def _is_file(name: str) -> bool:
    return "/" in name or name.endswith(".toml")


def _named(name: str, cwd: str | None) -> Policy:
    """The policy of a profile, or at the top of a file, whose name then has a `/` or ends in .toml."""
    context = Context(cwd, os.environ)
    own = discover.user_file(os.environ)
    further = [own] if own else []
    if _is_file(name):
        path = os.path.abspath(name)
        return Library([discover.Found(path, own=True), *further], context).tops()[path]
    found = [discover.Found(path, own=True) for path in discover.project_files(cwd)[0]]
    return Library([*found, *further], context).profile(name, 0)
