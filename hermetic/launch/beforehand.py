"""What is found out and laid ready before a target is started: its surroundings, what it needs besides its policy, what the run must not change."""

from __future__ import annotations

import os

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import is_within, is_within_any, lets_write

from hermetic import kept, places
from hermetic.digest import Content
from hermetic.errors import UsageError, quoted
from hermetic.launch import payload
from hermetic.policy import discover
from hermetic.target import interrogate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hermetic_guard.policy import Policy

    from hermetic.linux.loopback_server import LoopbackServer
    from hermetic.options import Invocation
    from hermetic.policy.context import Context
    from hermetic.target import resolve


def granted(environment: dict[bytes, bytes], policy: Policy, invocation: Invocation) -> dict[bytes, bytes]:
    """What the policy leaves of it, and what the command line sets: the target is found by that already, as `env` would find it."""
    given = invocation.values.get("set_env", ())
    if policy.environment is None and not given:
        return environment
    from hermetic.policy import environment as variables

    return variables.granted(environment, policy.environment, map(str, given) if isinstance(given, tuple) else ())


def ask_interpreter(target: resolve.Target, policy: Policy) -> interrogate.Interpreter:
    """What is known of the target's interpreter, of whose answer nothing may come that the policy keeps from the target."""
    files = policy.filesystem
    limited = files is not None and (files.read is not None or bool(files.hide))
    return interrogate.interrogate(target.interpreter, kept.directory(os.environ), limited=limited)


def refuse_hidden(policy: Policy, target: resolve.Target) -> None:
    """Raises UsageError where what is to be started would not be there."""
    hidden = policy.filesystem.hide if policy.filesystem else ()
    for path in (target.interpreter, os.path.realpath(target.interpreter)) if hidden else ():
        if is_within_any(path, hidden):
            raise UsageError(f"{quoted(path)} is to be started, and is hidden by --hide or a policy")


def with_needs(policy: Policy, target: resolve.Target, cwd: str | None) -> Policy:
    """Where reading is limited, what the target cannot run without is allowed besides."""
    if policy.filesystem is None or policy.filesystem.read is None:
        return policy
    from hermetic.target import needs

    extended: Policy = policy.replaced(filesystem=needs.with_needs(policy.filesystem, target, cwd))
    return extended


def loopback_server(policy: Policy) -> LoopbackServer | None:
    """Where names are allowed and UDP sockets are of the machine's own network."""
    if not policy.network or not policy.network.domains or policy.network.localhost != ANY:
        return None
    from hermetic.linux.loopback_server import LoopbackServer

    try:
        return LoopbackServer()
    except OSError:
        return None  # there is no loopback interface to ask anybody by


def own_resolver(loopback: LoopbackServer | None) -> dict[str, Content]:
    """The configuration that leads resolvers to the run's own name server. By TCP it is known who asks."""
    from hermetic.linux import mounts, name_server

    host = loopback.host if loopback else name_server.HOST
    return {mounts.RESOLVER: Content(b"# written by hermetic\nnameserver %s\noptions use-vc\n" % host.encode())}


def keep_projects(policy: Policy, context: Context) -> Iterable[str]:
    """Have those known of which more depends than is theirs, and which the run may make look like none. Gives what the user has to be told."""
    rules = policy.filesystem
    if rules is None or not (rules.write or rules.private):
        return ()
    known = places.projects()
    found = [place for place in dict.fromkeys(_relied_on(context, known)) if lets_write(rules, place) and not places.is_known(place, known)]
    if not found:
        return ()
    from hermetic.launch import projects  # once for each of them

    return projects.keep(found, known)


def _relied_on(context: Context, known: str) -> Iterator[str]:
    """The project, and local ones that an installer builds, as far as they lie in others; and those in which what variables name would be hermetic's
    own.
    """
    environ = context.environ
    for place in filter(None, (context.value("PROJECT"), *map(os.path.realpath, context.sources or ()))):
        if places.has_marker(place) and _lies_in_another(place, context, known):
            yield place
    for named in filter(None, (places.named(variable, environ) for variable in LEADING)):
        yield from filter(None, (places.holder(spelled, environ) for spelled in (os.path.normpath(named), os.path.realpath(named))))
    if environ.get("HOME") != places.account():
        yield from places.home_holders(environ)


def _lies_in_another(place: str, context: Context, known: str) -> bool:
    """Whether something else would be the project there, did it not look like one."""
    place, known = os.path.dirname(place), places.there(known)
    while not context.holds_home(place):
        if places.has_marker(place) or places.is_known(place, known):
            return True
        place = os.path.dirname(place)
    return False


def filling(policy: Policy, place: str) -> Policy:
    """What the policy allows, and writing in a place of hermetic's own that the run is there to fill; "" for none."""
    if not place or policy.filesystem is None:
        return policy
    files = policy.filesystem
    extended: Policy = policy.replaced(filesystem=files.replaced(write=(*files.write, os.path.realpath(place))))
    return extended


def protected_paths(but: str = "") -> list[str]:
    """hermetic's own files: what a run could change there would weaken the next one. Where things are kept is made where there is nothing: whoever
    makes it fills it for the next run, and what is not there cannot be kept.

    but: a directory there that this run is to fill; "" for none
    """
    for place in kept_places():
        try:
            os.makedirs(place, 0o700, exist_ok=True)
        except OSError:
            continue  # nor can the target make it, which is the same user
    return [path for place in own_paths() for path in (beside(place, but) if but else [place])]


def beside(place: str, but: str) -> list[str]:
    """`place`, or where `but` lies in it all that is there besides: a mount that is read-only leaves nothing out."""
    place, but = os.path.realpath(place), os.path.realpath(but)
    if place == but:
        return []
    if not is_within(but, place):
        return [place]
    return [path for name in sorted(os.listdir(place)) for path in beside(f"{place}/{name}", but)]


def own_paths() -> list[str]:
    return [os.path.dirname(os.path.dirname(__file__)), payload.directory(), *kept_places()]


def kept_places() -> list[str]:
    """Where this run, and those without XDG_ variables and with the user's own home, keep what they learned and what they are told to trust."""
    find = (kept.directory, discover.kept_directory)
    environs: list[Mapping[str, str]] = [os.environ]
    if any(name in os.environ for name in LEADING):
        environs.append(plain(os.environ))
    if os.environ.get("HOME") != places.account():
        environs.append(at_home(os.environ))
    return list(dict.fromkeys(place for place in (of(environ) for environ in environs for of in find) if place))


LEADING = ("XDG_CACHE_HOME", "XDG_CONFIG_HOME")


def plain(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run without XDG_ variables."""
    return {name: value for name, value in environ.items() if name not in LEADING}


def at_home(environ: Mapping[str, str]) -> dict[str, str]:
    """And with the HOME that a login sets."""
    return {**plain(environ), "HOME": places.account()}
