"""What two policies allow together. A guard that stands in one stands in both, and nothing is allowed that either does not allow.

So is what single packages may do: to each that one of the two names, both allow together what each allows it, be that for its sake or for all's.
"""

from hermetic_guard.hosts import common_ports, covers, in_block
from hermetic_guard.packages import common_conditions, named
from hermetic_guard.policy import (
    BUILDS,
    KERNEL,
    MANNERS,
    TMP,
    Environment,
    Filesystem,
    Limits,
    Native,
    Network,
    Package,
    Policy,
    PolicyError,
    Subprocess,
    is_within_any,
    merged,
)
from hermetic_guard.unions import beyond, rules_for


def intersect(a: Policy, b: Policy) -> Policy:
    """The policy that allows exactly what `a` and `b` both allow; of what they say of single packages no more than that."""
    guards = {guard: _both(getattr(a, guard), getattr(b, guard), common) for guard, common in COMMON.items()}
    both = Policy(
        environment=_both(a.environment, b.environment, lambda x, y: Environment(keep=common_names(x.keep, y.keep))),
        limits=_both(a.limits, b.limits, _lower),
        tmp=max(a.tmp, b.tmp, key=TMP.index),
        builds=max(a.builds, b.builds, key=BUILDS.index),
        kernel=max(a.kernel, b.kernel, key=KERNEL.index),
        on_violation=max(a.on_violation, b.on_violation, key=MANNERS.index),
        **guards,
    )
    if not a.packages and not b.packages:
        return both
    names = sorted({package.name for package in a.packages + b.packages})
    return both.replaced(packages=tuple(package for name in names for package in _common_package(name, a, b, both)))


def _common_package(name, a, b, both):
    """What is left to a package beyond what both policies together allow to all; nothing, or one."""
    x, y = named(a, name), named(b, name)
    conditions = common_conditions(x, y)
    if conditions is None:
        return
    rules = {}
    for guard, common in COMMON.items():
        left = _both(rules_for(a, x, guard), rules_for(b, y, guard), common)
        rules[guard] = None if left is None else beyond(guard, left, getattr(both, guard))
    if any(more is not None for more in rules.values()):
        yield Package(name=name, **dict(conditions, **rules))


def _both(x, y, merge):
    if x is None or y is None:
        return y if x is None else x
    return merge(x, y)


def _common(a, b):
    return tuple(sorted(set(a) & set(b)))


def common_names(a: "tuple[str, ...]", b: "tuple[str, ...]") -> "tuple[str, ...]":
    """The narrower of each two patterns of which one holds the other. Of two that only meet (`A*`, `*B`) nothing is left, which is too little
    rather than too much."""
    return tuple(sorted({inner for one, other in ((a, b), (b, a)) for inner in one if any(matches(outer, inner) for outer in other)}))


def matches(pattern: str, name: str) -> bool:
    """Whether a name is one of a pattern's; a pattern, all of whose names are."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    if not name.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        at = name.find(part, at) + len(part)
        if at < len(part):
            return False
    return name.endswith(others[-1]) and len(name) - len(others[-1]) >= at


def _lower(a: Limits, b: Limits) -> Limits:
    found = {}
    for name in Limits.__slots__:
        given = [value for value in (getattr(a, name), getattr(b, name)) if value is not None]
        found[name] = min(given) if given else None
    return Limits(**found)


def _common_network(a: Network, b: Network) -> Network:
    pairs = ((x, y, common_ports(ports, others)) for x, ports in a.domains for y, others in b.domains)
    domains = {(y if covers(x, y) else x, ports) for x, y, ports in pairs if ports and (covers(x, y) or covers(y, x))}
    return Network(
        localhost=common_ports(a.localhost, b.localhost),
        domains=tuple(sorted(domains)),
        addresses=tuple(sorted(_common_blocks(a.addresses, b.addresses), key=repr)),
        denied=tuple(sorted(set(a.denied + b.denied), key=repr)),
        listen=common_ports(a.listen, b.listen),
        unix=common_paths(a.unix, b.unix),
    )


def _common_blocks(a, b):
    """Of two blocks that meet one holds the other. What another says as well is left out, so that twice the same is the same."""
    found = set()
    for x in a:
        for y in b:
            outer, inner = (x, y) if x[1] <= y[1] else (y, x)
            ports = common_ports(x[2], y[2])
            if ports and in_block(inner[0], outer[0], outer[1]):
                found.add((inner[0], inner[1], ports))
    return {block for block in found if not any(_holds(other, block) for other in found if other != block)}


def _holds(outer, inner):
    """Whether a block has all that another has."""
    return outer[1] <= inner[1] and in_block(inner[0], outer[0], outer[1]) and common_ports(outer[2], inner[2]) == inner[2]


def common_paths(a: "tuple[str, ...]", b: "tuple[str, ...]") -> "tuple[str, ...]":
    """What lies below a path of either list."""
    return merged([inner for one, other in ((a, b), (b, a)) for inner in one if is_within_any(inner, other)])


def _common_filesystem(a: Filesystem, b: Filesystem) -> Filesystem:
    names = tuple(path for path in sorted(set(a.names + b.names)) if _lists(a, path) and _lists(b, path))
    return Filesystem(
        read=_common_reading(a, b),
        names=names,
        write=common_paths(a.write, b.write),
        private=merged(common_paths(a.private, b.write + b.private) + common_paths(b.private, a.write)),
        kept=merged(a.kept + b.kept),
        protect=merged(a.protect + b.protect),
        hide=merged(a.hide + b.hide),
    )


def _lists(rules: Filesystem, path: str) -> bool:
    return rules.read is None or path in rules.names or is_within_any(path, rules.read + rules.write)


def _common_reading(a: Filesystem, b: Filesystem) -> "tuple[str, ...] | None":
    if a.read is None or b.read is None:
        return _readable(b if a.read is None else a)
    read = common_paths(a.read + a.write, b.read + b.write)
    if not read:
        raise PolicyError("reads only in %s and reads only in %s leave nothing to read" % (", ".join(a.read), ", ".join(b.read)))
    return read


def _readable(rules: Filesystem) -> "tuple[str, ...] | None":
    """What may be written may be read, also where the other policy takes the right to write away."""
    return None if rules.read is None else merged(rules.read + rules.write)


COMMON = {
    "network": _common_network,
    "subprocess": lambda x, y: Subprocess(run=_common(x.run, y.run)),
    "filesystem": _common_filesystem,
    "native": lambda x, y: Native(distributions=_common(x.distributions, y.distributions)),
}
"""What the rules of a guard allow together."""
