"""What is allowed: the resolved policy, its serialized form, and the one place that decides.

The launcher resolves a policy and writes it into the run directory; every guarded process reads it back. Whoever wants to know whether
something is allowed (a guard, the kernel rules, `explain`) asks `decide`; nothing else knows the rules, so what is shown is what is enforced.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
ENFORCEABLE = ("network",)
"""Guards that this version can put in place. A policy that asks for another is refused at launch, never run without."""

MANNERS = ("refuse", "raise", "kill")
"""How a violation reaches the target, from the mildest to the strictest; of two policies the stricter holds."""

ANY = "*"


class PolicyError(ValueError):
    """A policy that cannot be read: damaged, of another version, or with words this version does not know."""


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
    """

    if TYPE_CHECKING:
        localhost = ()  # type: str | tuple[tuple[int, int], ...]
        domains = ()  # type: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]

    __slots__ = ("domains", "localhost")
    DEFAULTS = {"domains": (), "localhost": ()}


class Subprocess(Record):
    """No new process."""

    __slots__ = ()


class Filesystem(Record):
    """No write; reads only below `root` where one is given (absolute path, else None)."""

    if TYPE_CHECKING:
        root = None  # type: str | None

    __slots__ = ("root",)


class Native(Record):
    """No extension module but the standard library's own, no foreign function calls."""

    __slots__ = ()


class Policy(Record):
    """The resolved policy. A guard that is None does not stand."""

    if TYPE_CHECKING:
        network = None  # type: Network | None
        subprocess = None  # type: Subprocess | None
        filesystem = None  # type: Filesystem | None
        native = None  # type: Native | None
        on_violation = ""

    __slots__ = ("network", "subprocess", "filesystem", "native", "on_violation")
    DEFAULTS = {"on_violation": "refuse"}

    def guards(self) -> "tuple[str, ...]":
        """The names of the guards that stand."""
        return tuple(name for name in GUARDS if getattr(self, name) is not None)


GUARDS = {"network": Network, "subprocess": Subprocess, "filesystem": Filesystem, "native": Native}


class Request(object):
    """One thing somebody tries.

    guard:   the surface; "integrity" is what keeps the guards themselves standing, and is refused by every policy
    action:  for the network one of DNS connect send bind listen socket
    target:  what it is tried on, as it is printed
    facts:   what the rules look at. Network: host (str), address (4 or 16 bytes), port (int), names (those that this address was handed
             out for), path (bytes, AF_UNIX), own (whether that AF_UNIX address was bound inside this run); a missing one is not known
    """

    __slots__ = ("action", "facts", "guard", "target")

    def __init__(self, guard: str, action: str, target: str, **facts: "Any") -> None:
        self.guard = guard
        self.action = action
        self.target = target
        self.facts = facts


class Decision(object):
    """allowed, and if not: the rule that says so and the option that would allow it ("" where none would)."""

    __slots__ = ("allowed", "hint", "rule")

    def __init__(self, allowed: bool, rule: str = "", hint: str = "") -> None:
        self.allowed = allowed
        self.rule = rule
        self.hint = hint


ALLOWED = Decision(True)


def decide(policy: Policy, request: Request) -> Decision:
    """Judge a request; a function of its arguments alone."""
    return DECIDERS[request.guard](policy, request)


def _decide_integrity(policy: Policy, request: Request) -> Decision:
    return Decision(False, "guards stay in place")


def _decide_network(policy: Policy, request: Request) -> Decision:
    rules = policy.network
    facts = request.facts
    if rules is None:
        return ALLOWED
    if facts.get("path") is not None:
        own = facts.get("own") or request.action == "bind"
        return ALLOWED if own else Decision(False, "network disabled")
    if is_loopback(facts.get("host"), facts.get("address")):
        return _decide_localhost(rules.localhost, request)
    if request.action == "DNS":
        return _decide_name(rules.domains, facts["host"])
    if request.action in ("connect", "send") and facts.get("names"):
        return _decide_named(rules.domains, request)
    return Decision(False, "network disabled")


def _decide_localhost(ports: "Any", request: Request) -> Decision:
    """A loopback address at a port that the kernel chooses may always be bound: many programs try so whether there is IPv6, and nothing is sent
    or accepted by it. To listen there is another request.
    """
    port = request.facts.get("port")
    if port == 0 and request.action == "bind":
        return ALLOWED
    if not ports:
        return Decision(False, "network disabled", "--allow-localhost")
    if port is None or allows_port(ports, port) or (port == 0 and request.action == "listen"):
        return ALLOWED
    return Decision(False, "network limited to localhost ports %s" % show_ports(ports), "--allow-localhost=%d" % port)


def _decide_name(domains: "Any", host: "str | None") -> Decision:
    name = canonical_name(host or "")
    if any(covers(pattern, name) for pattern, _ in domains):
        return ALLOWED
    return Decision(False, "network disabled", "--allow-domain %s" % name if is_name(name) else "")


def _decide_named(domains: "Any", request: Request) -> Decision:
    """An address that was handed out for an allowed name. The name's owner must not point it at this machine or network."""
    port, names = request.facts["port"], request.facts["names"]
    if is_inward(request.facts["address"]):
        return Decision(False, "network disabled: %s leads to a private address" % names[0])
    if any(covers(pattern, name) and allows_port(ports, port) for pattern, ports in domains for name in names):
        return ALLOWED
    return Decision(False, "network disabled on this port of %s" % names[0], "--allow-domain %s:%d" % (names[0], port))


DECIDERS = {"integrity": _decide_integrity, "network": _decide_network}


def is_loopback(host: "str | None", address: "bytes | None") -> bool:
    """Whether an address, or a name that is not an address, means this machine and never leaves it.

    Only the name `localhost` counts: libc may ask a name server for `anything.localhost`.
    """
    if address is None:
        return host is not None and host.lower().rstrip(".") == "localhost" and not host.endswith("..")
    if len(address) == 4:
        return address[0] == 127
    return address == b"\0" * 15 + b"\1" or (address[:12] == b"\0" * 10 + b"\xff\xff" and address[12] == 127)


NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def canonical_name(host: str) -> str:
    """A host name as rules hold it: lower case, without the dot of the root."""
    return host.lower()[:-1] if host.endswith(".") else host.lower()


def is_name(name: str) -> bool:
    """Whether a canonical name can be one of a host (RFC 1123, and the underscore that people use)."""
    labels = name.split(".")
    return len(name) < 254 and NAME_CHARACTERS.issuperset(name) and all(0 < len(label) < 64 for label in labels)


def covers(pattern: str, name: str) -> bool:
    """Whether a rule's name covers a canonical name, or another rule's. `*.example.com` does not cover example.com."""
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and (is_name(name) or name.startswith("*."))
    return name == pattern


INWARD = (
    (b"\0", 8), (b"\x0a", 8), (b"\x64\x40", 10), (b"\x7f", 8), (b"\xa9\xfe", 16), (b"\xac\x10", 12),
    (b"\xc0\0\0", 24), (b"\xc0\xa8", 16), (b"\xc6\x12", 15), (b"\xe0", 3),
)  # fmt: skip
INWARD_V6 = ((b"\0" * 12, 96), (b"\xfc", 7), (b"\xfe\x80", 9), (b"\xff", 8))
"""Blocks of addresses that mean this machine, this network, or many machines (IANA's special-purpose registries), with prefix lengths."""

EMBEDDING = (b"\0" * 10 + b"\xff\xff", b"\0\x64\xff\x9b" + b"\0" * 8)
"""IPv6 prefixes behind which an IPv4 address stands: mapped, and NAT64."""


def is_inward(address: bytes) -> bool:
    """Whether an address is private, loopback, link-local (where clouds keep their metadata) or multicast."""
    if address[:12] in EMBEDDING:
        address = address[12:]
    return any(_in_block(address, *block) for block in (INWARD if len(address) == 4 else INWARD_V6))


def _in_block(address: bytes, prefix: bytes, bits: int) -> bool:
    whole, rest = divmod(bits, 8)
    if address[:whole] != prefix[:whole]:
        return False
    return not rest or address[whole] >> (8 - rest) == (prefix + b"\0" * 16)[whole] >> (8 - rest)


def allows_port(ports: "Any", port: int) -> bool:
    return ports == ANY or any(low <= port <= high for low, high in ports)


def show_ports(ports: "Any") -> str:
    """`80,8000-8010`, as --allow-localhost takes them."""
    if ports == ANY:
        return ANY
    return ",".join("%d" % low if low == high else "%d-%d" % (low, high) for low, high in ports)


# Intersection: what both allow. A guard that stands in one stands in both.


def intersect(a: Policy, b: Policy) -> Policy:
    """The policy that allows exactly what `a` and `b` both allow."""
    return Policy(
        network=_both(a.network, b.network, _common_network),
        subprocess=_both(a.subprocess, b.subprocess, lambda x, y: x),
        filesystem=_both(a.filesystem, b.filesystem, _common_filesystem),
        native=_both(a.native, b.native, lambda x, y: x),
        on_violation=max(a.on_violation, b.on_violation, key=MANNERS.index),
    )


def _both(x, y, merge):
    if x is None or y is None:
        return y if x is None else x
    return merge(x, y)


def _common_network(a: "Any", b: "Any") -> Network:
    pairs = ((x, y, common_ports(ports, others)) for x, ports in a.domains for y, others in b.domains)
    domains = {(y if covers(x, y) else x, ports) for x, y, ports in pairs if ports and (covers(x, y) or covers(y, x))}
    return Network(localhost=common_ports(a.localhost, b.localhost), domains=tuple(sorted(domains)))


def common_ports(a, b):
    """The ports in both lists of ranges; ANY is every port."""
    if a == ANY or b == ANY:
        return b if a == ANY else a
    pairs = ((max(low, other), min(high, end)) for low, high in a for other, end in b)
    return tuple(sorted({pair for pair in pairs if pair[0] <= pair[1]}))


def _common_filesystem(a: "Any", b: "Any") -> Filesystem:
    if a.root is None or b.root is None:
        return b if a.root is None else a
    for inner, outer in ((a, b), (b, a)):
        if inner.root == outer.root or inner.root.startswith(outer.root.rstrip("/") + "/"):
            return inner
    raise PolicyError("reads only in %s and reads only in %s leave nothing to read" % (a.root, b.root))


# The serialized form: one `key value` line each, so that it can be read by eye and needs no import to parse.


def dumps(policy: Policy) -> bytes:
    """Serialize; every field is written, so that two equal policies have equal bytes."""
    lines = ["hermetic-policy %d" % VERSION, "on_violation %s" % policy.on_violation]
    for name in policy.guards():
        rules = getattr(policy, name)
        lines.append("guard %s" % name)
        lines.extend("%s.%s %s" % (name, field, _write(getattr(rules, field))) for field in rules.__slots__)
    return ("\n".join(lines) + "\n").encode("ascii")


def loads(data: bytes) -> Policy:
    """Read `dumps` back.

    Raises PolicyError for anything it does not know: a key or a version passed over would be a guard that is silently not there.
    """
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise PolicyError("the policy is damaged: %s" % error)
    if not lines[0].startswith("hermetic-policy ") or lines.pop() != "":
        raise PolicyError("the policy is damaged: it does not begin or end as one does")
    if lines[0] != "hermetic-policy %d" % VERSION:
        raise PolicyError("the policy has version %s, this guard reads version %d" % (lines[0][16:], VERSION))
    return _build([_split(line) for line in lines[1:]])


def _split(line: str) -> "tuple[str, str]":
    key, space, value = line.partition(" ")
    if not space:
        raise PolicyError("the policy is damaged at %r" % line)
    return key, value


def _build(pairs: "list[tuple[str, str]]") -> Policy:
    guards = {}  # type: dict[str, dict[str, object]]
    manner = None
    for key, value in pairs:
        name, _, field = key.partition(".")
        if key == "on_violation" and value in MANNERS:
            manner = value
        elif key == "guard" and value in GUARDS:
            guards[value] = {}
        elif name in guards and field in GUARDS[name].__slots__:
            guards[name][field] = _read(value)
        else:
            raise PolicyError("the policy says %r, which this guard does not know" % ("%s %s" % (key, value)))
    if manner is None or any(set(fields) != set(GUARDS[name].__slots__) for name, fields in guards.items()):
        raise PolicyError("the policy is damaged: a line is missing")
    return Policy(on_violation=manner, **{name: GUARDS[name](**fields) for name, fields in guards.items()})


def _write(value: "Any") -> str:
    """None, a text, port ranges, or names with port ranges."""
    if value is None:
        return "-"
    if type(value) is tuple and value and type(value[0][0]) is str:
        return "names " + " ".join("%s:%s" % (name, show_ports(ports)) for name, ports in value)
    if type(value) is tuple:
        return "ports " + show_ports(value)
    return "text " + value.encode("unicode_escape").decode("ascii")


def _read(text: str) -> object:
    kind, _, rest = text.partition(" ")
    try:
        if kind == "ports":
            return _read_ranges(rest)
        if kind == "names":
            return tuple((name, _read_ranges(ports)) for name, _, ports in (part.partition(":") for part in rest.split(" ")))
        if kind == "text":
            return rest.encode("ascii").decode("unicode_escape")
    except ValueError as error:
        raise PolicyError("the policy is damaged at %r: %s" % (text, error))
    if text == "-":
        return None
    raise PolicyError("the policy is damaged at %r" % text)


def _read_ranges(text: str) -> "tuple[tuple[int, int], ...]":
    return tuple(_read_range(part) for part in text.split(",") if part)


def _read_range(text: str) -> "tuple[int, int]":
    low, dash, high = text.partition("-")
    return int(low), int(high) if dash else int(low)
