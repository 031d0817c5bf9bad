"""What is allowed: the resolved policy, as values.

The launcher resolves one from flags and profiles; serialized.py carries it into every guarded process, decide.py judges by it, and the kernel
rules are derived from it, so that what is shown is what is enforced.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MANNERS = ("refuse", "raise", "kill")
"""How a violation reaches the target, from the mildest to the strictest; of two policies the stricter holds."""


OF_PACKAGE = "[package."
"""How a hint begins that is no option, but what a policy file would have to say of a distribution."""

BUILDS = ALIKE, CONFINED, BUILD = ("alike", "confined", "build")
"""What holds for the code that builds packages: what holds for all, or besides neither network nor writing but in its own tree; see builds.py.
The last is for what such a build is already.
"""


class PolicyError(ValueError):
    """A policy that cannot be: damaged, of another version, with words this version does not know, or one that leaves nothing."""


class Record(object):
    """An immutable value with named fields; dataclasses do not exist on 3.6 and namedtuple costs an import of `collections`."""

    __slots__ = ()  # type: tuple[str, ...]
    DEFAULTS = {}  # type: dict[str, object]

    def __init__(self, **fields: object) -> None:
        unknown = set(fields) - set(self.__slots__)
        if unknown:
            raise TypeError("%s has no field %s" % (type(self).__name__, ", ".join(sorted(unknown))))
        for name in self.__slots__:
            object.__setattr__(self, name, fields.get(name, self.DEFAULTS.get(name)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a %s cannot be changed" % type(self).__name__)

    def values(self) -> "tuple[object, ...]":
        return tuple(getattr(self, name) for name in self.__slots__)

    def replaced(self, **fields: object) -> "Any":
        """A copy with other values in these fields."""
        return type(self)(**dict(zip(self.__slots__, self.values()), **fields))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.values() == self.values()

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.values()))

    def __repr__(self) -> str:
        shown = ("%s=%r" % (name, getattr(self, name)) for name in self.__slots__)
        return "%s(%s)" % (type(self).__name__, ", ".join(shown))


class Network(Record):
    """Nothing out, no DNS, nothing listening, but what is listed.

    localhost: `ANY`, or a tuple of inclusive port ranges `(low, high)`; empty when loopback is closed as well
    domains:   tuple of (name, port ranges); a name in lower case, `*.example.com` for what is below example.com
    addresses: tuple of (prefix, bits, ports): blocks that may be connected to, the prefix as 4 or 16 bytes, the ports as of `localhost`
    denied:    the same, of blocks that may not be connected to, whatever allows it
    listen:    port ranges at which connections from anywhere may be taken
    unix:      tuple of absolute paths: local sockets that may be connected to, or directories of such
    """

    if TYPE_CHECKING:
        localhost = ()  # type: str | tuple[tuple[int, int], ...]
        domains = ()  # type: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
        addresses = ()  # type: tuple[tuple[bytes, int, str | tuple[tuple[int, int], ...]], ...]
        denied = ()  # type: tuple[tuple[bytes, int, str | tuple[tuple[int, int], ...]], ...]
        listen = ()  # type: tuple[tuple[int, int], ...]
        unix = ()  # type: tuple[str, ...]

    __slots__ = ("addresses", "denied", "domains", "listen", "localhost", "unix")
    DEFAULTS = {"addresses": (), "denied": (), "domains": (), "listen": (), "localhost": (), "unix": ()}


class Subprocess(Record):
    """No new process, but of the programs listed.

    run: tuple of absolute paths, links resolved
    """

    if TYPE_CHECKING:
        run = ()  # type: tuple[str, ...]

    __slots__ = ("run",)
    DEFAULTS = {"run": ()}


class Filesystem(Record):
    """No write, but where it is listed; with `read`, no reading elsewhere either. All paths are absolute and without links.

    read:    None where everything may be read, else a tuple of files and directories that may be
    names:   tuple of directories that may be listed, though not all in them may be read
    write:   tuple of files and directories in which all may be changed; they may be read as well
    private: tuple of directories that are the run's own: all may be changed there as well, but in
    kept:    tuple of what stays in them of what is there for everybody
    protect: tuple of files and directories in which nothing is changed, whatever allows it. The last name may have `*` in it, for any
             characters, and it may be that of a link, which then stays as it is. With DEEP in it, what is so called in any directory below
    hide:    tuple of files and directories that are not there
    """

    if TYPE_CHECKING:
        read = None  # type: tuple[str, ...] | None
        names = ()  # type: tuple[str, ...]
        write = ()  # type: tuple[str, ...]
        private = ()  # type: tuple[str, ...]
        kept = ()  # type: tuple[str, ...]
        protect = ()  # type: tuple[str, ...]
        hide = ()  # type: tuple[str, ...]

    __slots__ = ("hide", "kept", "names", "private", "protect", "read", "write")
    DEFAULTS = {"hide": (), "kept": (), "names": (), "private": (), "protect": (), "write": ()}


class Native(Record):
    """No extension module but the standard library's own, no foreign function calls.

    distributions: tuple of names of installed distributions whose extension modules may be loaded, normalized as in PEP 503
    """

    if TYPE_CHECKING:
        distributions = ()  # type: tuple[str, ...]

    __slots__ = ("distributions",)
    DEFAULTS = {"distributions": ()}


class Environment(Record):
    """No variable of the user's environment, but what is listed.

    keep: tuple of names, in which `*` stands for any text
    """

    if TYPE_CHECKING:
        keep = ()  # type: tuple[str, ...]

    __slots__ = ("keep",)
    DEFAULTS = {"keep": ()}


class Limits(Record):
    """What a run may use, all of its processes together; None is no limit.

    timeout, cpu: seconds, of the clock and of processors; memory, output: bytes; processes: how many at once, threads as well;
    file_size: bytes of any one file
    """

    if TYPE_CHECKING:
        timeout = None  # type: float | None
        memory = None  # type: int | None
        cpu = None  # type: float | None
        file_size = None  # type: int | None
        processes = None  # type: int | None
        output = None  # type: int | None

    __slots__ = ("timeout", "memory", "cpu", "file_size", "processes", "output")


class Package(Record):
    """What one distribution may do besides what all may: of the rules of each guard only what they allow counts, and only where the guard stands.

    name:     of the distribution, normalized as in PEP 503
    through:  tuple of such names: distributions that it asks by, whose frames are passed over in the search for who asks
    approved: tuple of versions for which it holds, `1.42.3` or `1.42.*`; none for any
    expires:  the day from which on it does not hold, `2027-01-31`; "" for never
    reason:   why, as people write it
    """

    if TYPE_CHECKING:
        name = ""
        through = ()  # type: tuple[str, ...]
        approved = ()  # type: tuple[str, ...]
        expires = ""
        reason = ""
        network = None  # type: Network | None
        subprocess = None  # type: Subprocess | None
        filesystem = None  # type: Filesystem | None
        native = None  # type: Native | None

    __slots__ = ("name", "through", "approved", "expires", "reason", "network", "subprocess", "filesystem", "native")
    DEFAULTS = {"through": (), "approved": (), "expires": "", "reason": ""}


class Policy(Record):
    """The resolved policy. A guard that is None does not stand.

    tmp:      whether /tmp is this run's own, `shared` or `private`
    builds:   what holds for the code that builds packages
    kernel:   `required` where a guard that the kernel has no part in is none
    packages: tuple of what single distributions may do besides, each name once, sorted by it
    """

    if TYPE_CHECKING:
        network = None  # type: Network | None
        subprocess = None  # type: Subprocess | None
        filesystem = None  # type: Filesystem | None
        native = None  # type: Native | None
        environment = None  # type: Environment | None
        limits = None  # type: Limits | None
        tmp = ""
        builds = ""
        kernel = ""
        on_violation = ""
        packages = ()  # type: tuple[Package, ...]

    __slots__ = (
        "network",
        "subprocess",
        "filesystem",
        "native",
        "environment",
        "limits",
        "tmp",
        "builds",
        "kernel",
        "on_violation",
        "packages",
    )
    DEFAULTS = {"on_violation": "refuse", "tmp": "shared", "builds": ALIKE, "kernel": "wanted", "packages": ()}

    def guards(self) -> "tuple[str, ...]":
        """The names of the guards that stand."""
        return tuple(name for name in GUARDS if getattr(self, name) is not None)


GUARDS = {"network": Network, "subprocess": Subprocess, "filesystem": Filesystem, "native": Native}

PARTS = dict(GUARDS, environment=Environment, limits=Limits)
"""Besides the guards what the launcher sees to: nothing in the target is asked about it."""

TMP = ("shared", "private")
KERNEL = ("wanted", "required")


def with_scratch(policy: Policy, directory: str) -> Policy:
    """The same policy, and a run's scratch directory may be written."""
    if policy.filesystem is None:
        return policy
    return policy.replaced(filesystem=policy.filesystem.replaced(write=merged(policy.filesystem.write + (directory,))))


# Paths.


def is_within(path: str, place: str) -> bool:
    """Whether an absolute path is `place` or lies below it."""
    return path == place or place == "/" or path.startswith(place + "/")


def directory_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def is_within_any(path: str, places: "tuple[str, ...]") -> bool:
    return any(is_within(path, place) for place in places)


def lets_write(rules: Filesystem, path: str) -> bool:
    """Whether all may be changed there. No method: what judges is sealed, and methods of classes are not (sealing.py)."""
    return is_within_any(path, rules.write) or (is_within_any(path, rules.private) and not is_within_any(path, rules.kept))


DEVICES = tuple("/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/ptmx /dev/pts".split())
"""What may always be read and written: nothing is kept there."""

DEEP = "/**/"
"""Between a directory and names: in each directory below it, not in it itself. No rule of the kernel's can say that."""


def is_protected(path: str, places: "tuple[str, ...]") -> bool:
    """Whether a path is one of `Filesystem.protect`, or lies below one."""
    return any(_is_within_named(path, place) for place in places)


def _is_within_named(path: str, place: str) -> bool:
    top, deep, names = place.partition(DEEP)
    if deep:
        return path.startswith(top + "/") and "/%s/" % names in path[len(top) + 1 :] + "/"
    folder, _, pattern = place.rpartition("/")
    if "*" not in pattern:
        return is_within(path, place)
    return path.startswith(folder + "/") and fits(path[len(folder) + 1 :].partition("/")[0], pattern)


def fits(name: str, pattern: str) -> bool:
    """Whether a name is as a pattern has it, in which `*` stands for any characters, and nothing else for another."""
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(name) - len(last)
    if at > end or not (name.startswith(first) and name.endswith(last)):
        return False
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def merged(paths: "Any") -> "tuple[str, ...]":
    """Paths sorted, without those that lie below others."""
    found = set()  # type: set[str]
    for path in sorted(set(paths)):  # so that what lies above comes first
        above = path
        while above != "/" and above not in found:
            above = directory_of(above)
        if above not in found:
            found.add(path)
    return tuple(sorted(found))
