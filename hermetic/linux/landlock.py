"""The policy as a Landlock domain: rights to files and ports, and a border for signals (landlock(7)).

There is always a domain, if only one with a border: to a process without, the memory and the environment of every process of the same user
are open through /proc, the launcher's among them. What is handled is refused, unless it is granted for a place or for what lies above it. So
Landlock cannot take a part out of what it grants; where that is needed the mount namespace does it, and `gaps` says what is missing
where there is none.
"""

from __future__ import annotations

import os
import stat

from hermetic_guard.policy import DEVICES, is_within_any

from hermetic.linux import syscalls
from hermetic.linux.numbers import native
from hermetic.linux.steps import open_exactly, step, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermetic_guard.policy import Filesystem, Network, Policy

    from hermetic.linux.here import Here
    from hermetic.linux.surroundings import Surroundings

KERNELS = ("5.13", "5.19", "6.2", "6.7", "6.10", "6.12", "6.15", "7.0", "7.1", "7.2")
"""The Linux that brought each ABI, from 1 on. 7 brought flags for audit, which are left as they are: what a target is refused after exec is
not logged."""

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << bit for bit in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (1 << bit for bit in range(6, 13))
REFER, TRUNCATE, IOCTL_DEV, RESOLVE_UNIX = (1 << bit for bit in range(13, 17))
BIND_TCP, CONNECT_TCP, BIND_UDP, CONNECT_SEND_UDP = (1 << bit for bit in range(4))
ABSTRACT_UNIX, SIGNAL = 1, 2

FILESYSTEM = {1: (1 << 13) - 1, 2: REFER, 3: TRUNCATE, 5: IOCTL_DEV, 9: RESOLVE_UNIX}
NETWORK = {4: BIND_TCP | CONNECT_TCP, 10: BIND_UDP | CONNECT_SEND_UDP}
SCOPES = {6: ABSTRACT_UNIX | SIGNAL}
"""The rights that each ABI brought."""

SCOPES_SINCE = 6
DOMAIN = 53
"""The port of name servers, by TCP where an answer is long."""
TSYNC_SINCE, TSYNC = 8, 1 << 3

OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX
"""The rights that can be granted on what is no directory."""
STORE = WRITE_FILE | TRUNCATE
NODES = MAKE_CHAR | MAKE_BLOCK
CHANGE = STORE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM | REFER | IOCTL_DEV
"""All that changes a file system or a device, and what of it is granted; device nodes can be made nowhere."""
READ = READ_FILE | READ_DIR

FEW = 1024
"""Ports have a rule each. Of more than these none are handled: seccomp and the supervisor keep to the policy anyway."""

SHM, PROC, SYS, DEV = "/dev/shm", "/proc", "/sys", "/dev"
PATH_BENEATH, NET_PORT = 1, 2
CREATE_RULESET_VERSION = 1
ELOOP, EBADFD = 40, 77


class Grant:
    """Rights to a place and to all below it. Where it is not there, nothing is granted.

    place: a path, or a descriptor; exact: whether the path may have no link on it
    """

    __slots__ = ("exact", "place", "rights")

    def __init__(self, place: str | int, rights: int, *, exact: bool = False) -> None:
        self.place = place
        self.rights = rights
        self.exact = exact


class Ruleset:
    """A domain, not in force yet.

    files, net, scoped: bits of the rights that are refused but where they are granted, and of the borders
    grants, ports:      where they are granted; ports as (number, rights)
    """

    __slots__ = ("files", "grants", "net", "ports", "scoped")

    def __init__(self, files: int, net: int, scoped: int, grants: tuple[Grant, ...], ports: tuple[tuple[int, int], ...]) -> None:
        self.files = files
        self.net = net
        self.scoped = scoped
        self.grants = grants
        self.ports = ports


def abi() -> int:
    """The version of this kernel's interface; 0 where Landlock is not there, not switched on, or kept away from by a container."""
    try:
        return syscalls.call(native("landlock_create_ruleset"), 0, 0, CREATE_RULESET_VERSION)
    except OSError:
        return 0


def known(rights: dict[int, int], abi: int) -> int:
    """The rights of a table that this ABI has."""
    return sum(bits for since, bits in rights.items() if since <= abi)


# From a policy to a ruleset.


def ruleset(policy: Policy, here: Here, around: Surroundings) -> Ruleset:
    """The domain for a policy; a function of its arguments. here.abi is not 0."""
    net, ports = _ports(policy.network, supervised=here.supervised)
    net &= known(NETWORK, here.abi)
    files, grants = _files(policy, here, around)
    scoped = (SIGNAL | (ABSTRACT_UNIX if policy.network else 0)) & known(SCOPES, here.abi)
    return Ruleset(files, net, scoped, tuple(grants), tuple((port, rights & net) for port, rights in ports if rights & net))


def _files(policy: Policy, here: Here, around: Surroundings) -> tuple[int, list[Grant]]:
    files = 0
    grants: list[Grant] = []
    for handled, granted in _parts(policy, here, around):
        files |= handled
        grants += granted
    files &= known(FILESYSTEM, here.abi)
    if not files and here.abi < SCOPES_SINCE:
        files = MAKE_BLOCK  # which nobody without capabilities may do: all it does is that there is a domain
    if files and here.abi >= 2 and not files & REFER:
        files |= REFER  # handled or not, every domain with rights to files refuses it where it is not granted
        grants.append(Grant("/", REFER))
    kept = [Grant(grant.place, grant.rights & files, exact=grant.exact) for grant in grants if grant.rights & files]
    return files, kept


def _parts(policy: Policy, here: Here, around: Surroundings) -> Iterator[tuple[int, Iterable[Grant]]]:
    """What each guard handles, and its grants."""
    rules = _seen(policy.filesystem)
    if rules is not None:
        yield CHANGE | NODES, _changes(rules, here, around)
    elif not here.namespaced:
        yield STORE, _memory(here, around)
    run = policy.subprocess.run if policy.subprocess else ()
    reading = READ if run else READ | EXECUTE
    visible = around.visible  # it is this that has to hide, by granting all beside: that it is there, and what it is called, still shows
    if rules is not None and rules.read is not None:
        yield reading, _reads(rules, rules.read if visible is None else visible, here, around, reading)
        yield 0, [] if visible is None else [Grant(path, READ_DIR, exact=True) for path in rules.read]
    elif rules is not None and visible is not None:
        yield READ_FILE, _reads(rules, visible, here, around, READ_FILE)
    if run:
        yield EXECUTE, [Grant(path, EXECUTE) for path in around.executables]
    if policy.network:
        yield RESOLVE_UNIX, [Grant(path, RESOLVE_UNIX, exact=True) for path in policy.network.unix]


def _seen(rules: Filesystem | None) -> Filesystem | None:
    """Without what is hidden besides being allowed: in the mounts there is something else in its place."""
    if rules is None or not rules.hide:
        return rules
    write, read = ([path for path in paths if not is_within_any(path, rules.hide)] for paths in (rules.write, rules.read or ()))
    seen: Filesystem = rules.replaced(write=tuple(write), read=rules.read and tuple(read))
    return seen


def _changes(rules: Filesystem, here: Here, around: Surroundings) -> Iterator[Grant]:
    """Without a namespace, the run's or an outer one's, /dev/shm is everybody's: granted, other programs' memory could be written, so it is not."""
    for path in (*rules.write, *rules.private, *_own(here, *here.own)):
        if path == "/" and not here.namespaced:
            yield Grant(path, CHANGE & ~STORE)
            yield from _memory(here, around)
        elif not is_within_any(path, (PROC, SYS)):
            yield Grant(path, CHANGE, exact=True)
    for path in (*DEVICES, *_own(here, "events")):
        yield Grant(path, STORE | IOCTL_DEV)
    if around.memory:
        yield Grant(SHM, CHANGE)
    for stream in around.streams:
        if stream.writable:
            yield Grant(stream.descriptor, STORE | IOCTL_DEV)


def _reads(rules: Filesystem, read: tuple[str, ...], here: Here, around: Surroundings, rights: int) -> Iterator[Grant]:
    for path in (*read, *rules.write, *_own(here, "")):
        yield Grant(path, rights, exact=True)
    for path in rules.names:
        yield Grant(path, READ_DIR, exact=True)  # and so all directories below may be listed: a grant is for a whole tree
    for path in (*DEVICES, *around.essentials, *around.executables, *((SHM,) if around.memory else ())):
        yield Grant(path, rights)
    for stream in around.streams:
        if stream.readable:
            yield Grant(stream.descriptor, rights)


def _memory(here: Here, around: Surroundings) -> Iterator[Grant]:
    """All but /proc, where a process's own code could be rewritten through mem, and /sys, where other processes can be frozen and killed; for root
    not the raw devices either.
    """
    top = [f"/{name}" for name in around.top]
    if here.root:
        top += around.devices
    for path in top:
        if path not in (PROC, SYS) and not (path == DEV and here.root):
            yield Grant(path, STORE)


def _own(here: Here, *names: str) -> list[str]:
    """Paths in the run directory."""
    return [f"{here.run}/{name}".rstrip("/") for name in names] if here.run else []


def _ports(rules: Network | None, *, supervised: bool) -> tuple[int, list[tuple[int, int]]]:
    """A supervisor connects in the target's place, from outside the domain, so inside no port needs to be granted for that."""
    if rules is None:
        return 0, []
    names = [*(ports for _, ports in rules.domains), ((DOMAIN, DOMAIN),)] if rules.domains else []
    connect = [] if supervised else _few(rules.localhost, *names, *(ports for _, _, ports in rules.addresses))
    bind = _few(rules.localhost, rules.listen)
    net = (0 if connect is None else CONNECT_TCP) | (0 if bind is None else BIND_TCP)
    if not rules.localhost and not rules.domains:
        net |= BIND_UDP | CONNECT_SEND_UDP
    free = [] if bind is None else [(0, BIND_TCP)]  # a port that the kernel chooses
    return net, free + [(port, BIND_TCP) for port in bind or ()] + [(port, CONNECT_TCP) for port in connect or ()]


def _few(*lists: str | tuple[tuple[int, int], ...]) -> list[int] | None:
    """The ports of all these lists, if they are few."""
    ranges = [bounds for ports in lists if not isinstance(ports, str) for bounds in ports]
    if any(isinstance(ports, str) for ports in lists) or sum(high - low + 1 for low, high in ranges) > FEW:
        return None
    return sorted({port for low, high in ranges for port in range(low, high + 1)})


# Into force.


def left_out(abi: int, threads: int) -> int:
    """Of so many threads of a process, how many stay outside of a domain that one of them enters for all as far as it can."""
    return 0 if abi >= TSYNC_SINCE else max(threads - 1, 0)


def apply(rules: Ruleset, *, all_threads: bool = False) -> None:
    """Put this thread, or all of the process (from TSYNC_SINCE on), and what they will start into the domain; there is no way out.

    no_new_privs must be set. Raises OSError, and then nothing has changed.
    """
    attributes = words(rules.files, rules.net, rules.scoped)
    domain = step("landlock_create_ruleset", attributes, len(attributes), 0)
    try:
        for grant in rules.grants:
            _grant(domain, grant)
        for port, rights in rules.ports:
            step("landlock_add_rule", domain, NET_PORT, words(rights, port), 0, on=f"port {port}")
        step("landlock_restrict_self", domain, TSYNC if all_threads else 0)
    finally:
        os.close(domain)


def _grant(domain: int, grant: Grant) -> None:
    if isinstance(grant.place, int):
        return _grant_opened(domain, grant.place, grant.rights)
    try:
        place = open_exactly(grant.place) if grant.exact else os.open(grant.place, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # it is not there, or the target could not reach it either
    except OSError as error:
        if error.errno != ELOOP or grant.rights & CHANGE:
            raise
        return  # a link to what may be read stands in a policy beside that, and to be read as a link it takes no right
    try:
        _add(domain, place, grant.rights, grant.place)
    finally:
        os.close(place)


def _grant_opened(domain: int, descriptor: int, rights: int) -> None:
    try:
        _add(domain, descriptor, rights, f"descriptor {descriptor}")
    except OSError as error:
        if error.errno != EBADFD:
            raise  # that one says: of no file system that can be mounted, as memfd_create(2) makes them; no domain refuses those


def _add(domain: int, place: int, rights: int, name: str) -> None:
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        rights &= OF_FILES
    if rights:
        step("landlock_add_rule", domain, PATH_BENEATH, words(rights) + place.to_bytes(4, "little"), 0, on=name)
