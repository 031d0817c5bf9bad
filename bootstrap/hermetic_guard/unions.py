"""What either of two rules allows, and what one allows beyond another: what is said of single packages comes to what holds for all.

The kernel cannot tell who asks: for the whole process it holds what all may do and what any package may do besides.
"""

from hermetic_guard.hosts import ANY, common_ports, covers, either_ports, in_block, merged_ports
from hermetic_guard.policy import GUARDS, Native, Network, Package, Policy, Subprocess, is_within_any, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def widened(policy: Policy, package: Package) -> Policy:
    """The policy as it holds for a package."""
    return policy.replaced(**{guard: rules_for(policy, package, guard) for guard in GUARDS})


def views(policy: Policy) -> "tuple[tuple[Package, Policy], ...]":
    """What holds for each package of which something is said."""
    return tuple([(package, widened(policy, package)) for package in policy.packages])


def whole(policy: Policy) -> Policy:
    """The policy as the kernel holds it, which cannot tell packages or their versions: all that any may do."""
    for package in policy.packages:
        policy = widened(policy, package)
    return policy


def rules_for(policy: Policy, package: "Package | None", guard: str) -> "Any":
    """A guard's rules as they hold for a package; None where the guard does not stand."""
    rules = getattr(policy, guard)
    more = None if package is None else getattr(package, guard)
    return rules if rules is None or more is None else EITHER[guard](rules, more)


def beyond(guard: str, rules: "Any", base: "Any") -> "Any":
    """What rules allow that `base`, which allows less, does not; None if that is nothing. With `base` it comes to `rules` again."""
    found = BEYOND[guard](rules, base)
    return None if found == GUARDS[guard]() else found


# Either. What denies is the first one's: what is said of a package only allows.


def _either_network(base, more):
    return base.replaced(
        localhost=either_ports(base.localhost, more.localhost),
        domains=merged_domains(base.domains + more.domains),
        addresses=merged_blocks(base.addresses + more.addresses),
        listen=merged_ports(base.listen + more.listen),
        unix=merged(base.unix + more.unix),
    )


def _either_filesystem(base, more):
    read = base.read if base.read is None or more.read is None else merged(base.read + more.read)
    return base.replaced(read=read, write=merged(base.write + more.write))


def merged_domains(domains: "Any") -> "tuple[Any, ...]":
    """The same grants, each name once, sorted."""
    found = {}  # type: dict[str, Any]
    for name, ports in domains:
        found[name] = merged_ports(found.get(name, ()) + tuple(ports))
    return tuple(sorted(found.items()))


def merged_blocks(blocks: "Any") -> "tuple[Any, ...]":
    """The same grants, each block of addresses once, sorted."""
    found = {}  # type: dict[tuple[bytes, int], Any]
    for prefix, bits, ports in blocks:
        found[prefix, bits] = either_ports(found.get((prefix, bits), ()), ports)
    return tuple([(prefix, bits, ports) for (prefix, bits), ports in sorted(found.items())])


# Beyond.


def _beyond_network(rules, base):
    return Network(
        localhost=_ports_beyond(rules.localhost, base.localhost),
        domains=tuple([one for one in merged_domains(rules.domains) if not _is_named(one, base.domains)]),
        addresses=tuple([one for one in merged_blocks(rules.addresses) if not _is_block(one, base.addresses)]),
        listen=_ports_beyond(rules.listen, base.listen),
        unix=_paths_beyond(rules.unix, base.unix),
    )


def _beyond_filesystem(rules, base):
    read = None if rules.read is None else _paths_beyond(rules.read, base.read) or None
    return GUARDS["filesystem"](read=read, write=_paths_beyond(rules.write, base.write))


def _ports_beyond(ports, base):
    if ports == ANY or base == ANY:
        return () if base == ANY else ANY
    return tuple([bounds for bounds in merged_ports(ports) if common_ports((bounds,), base) != (bounds,)])


def _paths_beyond(paths, base):
    return tuple([path for path in paths if not is_within_any(path, base)])


def _is_named(domain, base):
    """Whether all that a grant by name allows others allow."""
    name, ports = domain
    found = merged_ports([bounds for pattern, ranges in base if covers(pattern, name) for bounds in ranges])
    return common_ports(ports, found) == ports


def _is_block(block, base):
    prefix, bits, ports = block
    found = ()  # type: Any
    for other, fewer, allowed in base:
        if fewer <= bits and in_block(prefix, other, fewer):
            found = either_ports(found, allowed)
    return common_ports(ports, found) == ports


EITHER = {
    "network": _either_network,
    "subprocess": lambda base, more: Subprocess(run=tuple(sorted(set(base.run + more.run)))),
    "filesystem": _either_filesystem,
    "native": lambda base, more: Native(distributions=tuple(sorted(set(base.distributions + more.distributions)))),
}  # type: dict[str, Any]
BEYOND = {
    "network": _beyond_network,
    "subprocess": lambda rules, base: Subprocess(run=tuple(sorted(set(rules.run) - set(base.run)))),
    "filesystem": _beyond_filesystem,
    "native": lambda rules, base: Native(distributions=tuple(sorted(set(rules.distributions) - set(base.distributions)))),
}  # type: dict[str, Any]
"""By guard."""
