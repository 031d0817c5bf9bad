"""The policy as bytes: one `key value` line each, so that it can be read by eye and needs no import to parse.

The launcher writes it into the run directory, every guarded process reads it back.
"""

from hermetic_guard.hosts import ANY, show_ports
from hermetic_guard.policy import BUILDS, GUARDS, KERNEL, MANNERS, PARTS, TMP, Package, Policy, PolicyError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 2

WORDS = {"on_violation": MANNERS, "tmp": TMP, "builds": BUILDS, "kernel": KERNEL}
"""Fields of the policy itself, with what they may say."""

CONDITIONS = tuple(field for field in Package.__slots__ if field not in GUARDS and field != "name")
"""What a line of a package says, behind its name and a colon, besides what a line of the policy says of a guard."""


def dumps(policy: Policy) -> bytes:
    """Serialize; every field is written, so that two equal policies have equal bytes."""
    lines = ["hermetic-policy %d" % VERSION] + ["%s %s" % (field, getattr(policy, field)) for field in WORDS]
    lines.extend(_parts(policy, PARTS))
    for package in policy.packages:
        lines.append("package %s" % package.name)
        inner = ["%s %s" % (field, _write(getattr(package, field))) for field in CONDITIONS] + _parts(package, GUARDS)
        lines.extend("%s:%s" % (package.name, line) for line in inner)
    return ("\n".join(lines) + "\n").encode("ascii")


def _parts(record, names):
    """The lines of its parts that are there."""
    lines = []
    for name, rules in [(name, getattr(record, name)) for name in names if getattr(record, name) is not None]:
        lines.append("part %s" % name)
        lines.extend("%s.%s %s" % (name, field, _write(getattr(rules, field))) for field in rules.__slots__)
    return lines


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
    owners = {"": []}  # type: dict[str, list[tuple[str, str]]]
    for key, value in pairs:
        owner, colon, inner = key.rpartition(":")
        if key == "package" and value not in owners:
            owners[value] = []
        elif owner in owners and bool(colon) == bool(owner):
            owners[owner].append((inner, value))
        else:
            raise _unknown(key, value)
    own = owners.pop("")
    packages = tuple([Package(name=name, **_fields(lines, PACKAGE, GUARDS)) for name, lines in owners.items()])
    return Policy(packages=packages, **_fields(own, WORDS, PARTS))


PACKAGE = dict.fromkeys(CONDITIONS)  # type: dict[str, tuple[str, ...] | None]


def _fields(pairs: "list[tuple[str, str]]", words: "Any", known: "Any") -> "dict[str, Any]":
    """The fields of a record, all of whose words have to be there.

    words: its fields that are no parts, each with what it may say, None for any value; known: the parts it may have
    """
    parts = {}  # type: dict[str, dict[str, object]]
    found = {}  # type: dict[str, object]
    for key, value in pairs:
        name, _, field = key.partition(".")
        if key in words and (words[key] is None or value in words[key]):
            found[key] = _read(value) if words[key] is None else value
        elif key == "part" and value in known:
            parts[value] = {}
        elif name in parts and field in known[name].__slots__:
            parts[name][field] = _read(value)
        else:
            raise _unknown(key, value)
    if set(found) != set(words) or any(set(fields) != set(known[name].__slots__) for name, fields in parts.items()):
        raise PolicyError("the policy is damaged: a line is missing")
    return dict(found, **{name: known[name](**fields) for name, fields in parts.items()})


def _unknown(key, value):
    return PolicyError("the policy says %r, which this guard does not know" % ("%s %s" % (key, value)))


def _write(value: "Any") -> str:
    """None, a number, a text, texts, port ranges, names with port ranges, or blocks of addresses with ports."""
    if value is None:
        return "-"
    if type(value) in (int, float):
        return "number %r" % value
    if type(value) is tuple and value and type(value[0]) is str:
        return "texts " + " ".join(_escape(text) for text in value)
    if type(value) is tuple and value and type(value[0][0]) is bytes:
        return "blocks " + " ".join("%s:%s" % (show_block(prefix, bits), show_ports(ports)) for prefix, bits, ports in value)
    if type(value) is tuple and value and type(value[0][0]) is str:
        return "names " + " ".join("%s:%s" % (name, show_ports(ports)) for name, ports in value)
    if type(value) is tuple:
        return "ports " + show_ports(value)
    return "text " + _escape(value)


def _read(text: str) -> object:
    kind, _, rest = text.partition(" ")
    try:
        if kind == "ports":
            return _read_ranges(rest)
        if kind == "names":
            return tuple((name, _read_ranges(ports)) for name, _, ports in (part.partition(":") for part in rest.split(" ")))
        if kind == "blocks":
            return tuple(_read_block(part) for part in rest.split(" "))
        if kind == "texts":
            return tuple(_unescape(word) for word in rest.split(" "))
        if kind == "text":
            return _unescape(rest)
        if kind == "number":
            return int(rest) if rest.isdigit() else float(rest)
    except ValueError as error:
        raise PolicyError("the policy is damaged at %r: %s" % (text, error))
    if text == "-":
        return None
    raise PolicyError("the policy is damaged at %r" % text)


def show_block(prefix: bytes, bits: int) -> str:
    """`10.0.0.0/8`, `fd00::/8`."""
    from _socket import AF_INET, AF_INET6, inet_ntop

    return "%s/%d" % (inet_ntop(AF_INET if len(prefix) == 4 else AF_INET6, prefix), bits)


def _read_block(text):
    from _socket import AF_INET, AF_INET6, inet_pton

    block, _, ports = text.rpartition(":")
    address, _, bits = block.partition("/")
    try:
        prefix = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    except OSError:
        raise ValueError("%r is no block of addresses" % block)
    return prefix, int(bits), ports if ports == ANY else _read_ranges(ports)


def _escape(text: str) -> str:
    """ASCII without blanks; unpaired surrogates, as in paths that are not UTF-8, are kept."""
    return text.encode("unicode_escape").decode("ascii").replace(" ", "\\x20")


def _unescape(word: str) -> str:
    return word.encode("ascii").decode("unicode_escape")


def _read_ranges(text: str) -> "tuple[tuple[int, int], ...]":
    return tuple(_read_range(part) for part in text.split(",") if part)


def _read_range(text: str) -> "tuple[int, int]":
    low, dash, high = text.partition("-")
    return int(low), int(high) if dash else int(low)
