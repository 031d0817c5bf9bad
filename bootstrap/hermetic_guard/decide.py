"""The one place that judges: a policy and a request in, a decision out, a function of its arguments alone.

Guards translate calls into requests and nothing else knows the rules, so what is shown is what is enforced.
"""

from hermetic_guard.hosts import (
    ANY,
    NAME_SERVER,
    allows_port,
    canonical_name,
    covers,
    embedded,
    in_block,
    is_inward,
    is_loopback,
    is_name,
    name_ports,
    plain_address,
)
from hermetic_guard.packages import NOBODY, holds_for, pattern_of, version_asking
from hermetic_guard.policy import BUILD, DEVICES, OF_PACKAGE, Policy, directory_of, is_protected, is_within, is_within_any, lets_write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Request(object):
    """One thing somebody tries.

    guard:   the surface; "integrity" is what keeps the guards themselves standing, and is refused by every policy
    action:  a word of that guard's; target: what it is tried on, as it is printed
    facts:   what the rules look at; a missing one is not known

    network:    DNS connect send bind listen socket. host (str), address (4 or 16 bytes), port (int), names (those that this address was handed
                out for), path (bytes, AF_UNIX: absolute and without links, or an abstract name), own (whether that AF_UNIX address was bound
                inside this run), put (whether another socket was there at the start), datagrams (whether the socket is one of datagrams, or else
                of a kind that no policy allows), mute (whether nothing is sent by it, whatever is said here), proxy (where the environment
                names this for a proxy: the variables that do, and the port), changed (what names are looked up by, where it is not what it
                was at the start), hosts (of a name: each address that the hosts file gives it, with all its names there), reverse (whether
                gethostbyaddr asks for the name of an address, for its errors are others; the rules do not look at it), here (whether the address
                is this machine's own, where that counts: see guards/nearness.py)
    filesystem: read list readlink use, and any other word for a change. path (absolute, without links; None for what reaches files by ways of
                its own), given (as the caller named it), stream (a standard stream is on it, and opened so), own (shared memory that this
                run has made), tree (all below it moves away, or comes), name (the name is made or taken away, which changes the directory it is in),
                leads (where a link leads, None if nowhere), there (what an option would have to name, for that must be there)
    subprocess: start fork. path (of the program, absolute, without links; none for a fork)
    native:     import load call. distribution (whose file it is, normalized, "" for none), standard (whether it is the standard library's),
                claimed (whose it says it is, if that could not be established)
    """

    __slots__ = ("action", "facts", "guard", "target")

    def __init__(self, guard: str, action: str, target: str, **facts: "Any") -> None:
        self.guard = guard
        self.action = action
        self.target = target
        self.facts = facts


class Decision(object):
    """allowed, and if not: the rule that says so and the option, or what said of a package, would allow it ("" where nothing would)."""

    __slots__ = ("allowed", "hint", "rule")

    def __init__(self, allowed: bool, rule: str = "", hint: str = "") -> None:
        self.allowed = allowed
        self.rule = rule
        self.hint = hint


ALLOWED = Decision(True)

HIDDEN = "hidden"
"""The rule of what is to look as if it were not there."""

PROTECTED = "protected"
"""The rule of what stays as it is, whatever is allowed: so there is no hint."""

TCL = "Tcl"
"""The language of `_tkinter` has sockets of its own. It is for windows, whose display is reached by a local socket or a loopback address."""

NAMES = 53
"""The port of name servers."""

MADE_FIRST = "  # make it first"
"""Behind the option, as a comment of the shell's: what is allowed has to be there."""

BOUND_INSIDE = "  # or bind 127.0.0.1 rather than all addresses"

FORKING = "--allow-run PROGRAM  # whichever: then it may fork"

BUILDS_ALIKE = "--builds alike"
"""What would have to be allowed first to what builds a package."""

OUTWARD, INBOUND = ("connect", "send"), ("bind", "listen")
"""What is done with an address elsewhere, and with one of this machine."""

READING = frozenset(["read", "list", "readlink"])
"""What changes nothing of a file system."""

PROCESSES = "/proc/"
"""Before the number of a process, in the path of what the kernel tells of it: to all of them its command line."""

KERNELS = ("/proc", "/sys")
"""What the kernel's rules keep from being written whatever is allowed."""


PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


def shell_word(path: str) -> str:
    """A path as a shell takes it for one word."""
    return path if PLAIN.issuperset(path) else "'%s'" % path.replace("'", "'\"'\"'")


def decide(policy: Policy, request: Request) -> Decision:
    """Judge a request; a function of its arguments alone."""
    decision = DECIDERS[request.guard](policy, request)
    if policy.builds == BUILD and decision.hint:
        return Decision(False, decision.rule, BUILDS_ALIKE)
    return decision


def decide_for_packages(policy: Policy, packages: "Any", request: Request, asked: "Any") -> Decision:
    """Judge a request that the policy refuses once more, by what it says of who asks.

    packages: (package, the policy as it holds for it), see unions.views; asked: who asks, see packages.version_asking
    A look-up that nothing but the standard library leads to is one that asyncio makes in a thread of its own, for whoever waits there: the name may
    be one that any package is allowed, and who connects is asked about again.
    """
    granting = [package for package, wide in packages if decide(wide, request).allowed]
    if any(holds_for(package, asked) or (not asked and request.action == "DNS") for package in granting):
        return ALLOWED
    decision = decide(policy, request)
    if not granting:
        return decision
    return Decision(False, decision.rule + _to_others(granting, asked), _hint_for_package(granting, asked, request.guard, decision.hint))


def _hint_for_package(granting: "Any", asked: "Any", guard: str, hint: str) -> str:
    """What a policy file would have to say of who asks: an option would allow it to all. Of code that is no distribution's none can say anything."""
    for package in granting:
        version = version_asking(package, asked)
        if version is not None:
            pattern = pattern_of(version)
            return '%s%s] approved = "%s"' % (OF_PACKAGE, package.name, pattern) if pattern else ""
    name = asked[0][0] if asked else ""
    return "%s%s] %s.%s" % (OF_PACKAGE, name, guard, hint[2:]) if name and hint.startswith("--allow-") else hint


def _to_others(granting: "Any", asked: "Any") -> str:
    """Whom it is allowed to, and who asks in their stead."""
    to = [package.name + _when(package) for package in granting]
    name, version = asked[0] if asked else NOBODY
    return ": allowed for %s only, asked by %s" % (" and ".join(to), (name + " " + version).rstrip() or "code of no distribution")


def _when(package: "Any") -> str:
    return "".join([" " + " or ".join(package.approved) if package.approved else "", " (%s)" % package.reason if package.reason else ""])


def _decide_integrity(policy: Policy, request: Request) -> Decision:
    return Decision(False, "guards stay in place")


def _decide_network(policy: Policy, request: Request) -> Decision:
    decision, proxy = _judge_network(policy, request), request.facts.get("proxy")
    return decision if decision.allowed or not proxy else _of_proxy(decision, request, *proxy)


def _of_proxy(decision: Decision, request: Request, variables: str, port: "int | None") -> Decision:
    """Who asked wanted another server, and need not know that the environment sends it here first."""
    hint = decision.hint
    if port and hint == "--allow-localhost":
        hint = "%s=%d" % (hint, port)
    elif port and hint and request.action == "DNS":
        hint = "%s:%d" % (hint, port)
    return Decision(False, "%s (proxy of the environment: %s)" % (decision.rule, variables), hint)


def _judge_network(policy: Policy, request: Request) -> Decision:
    rules = policy.network
    facts = request.facts
    if rules is None:
        return ALLOWED
    if facts.get("path") is not None:
        return _decide_local_socket(rules, request)
    address, port = facts.get("address"), facts.get("port")
    if port == NAMES and rules.domains:
        if address == NAME_SERVER:
            return ALLOWED
        if request.action in INBOUND:
            return Decision(False, "names come from outside")
    if request.action in OUTWARD and address is not None:
        if _is_denied(rules.denied, address, port):
            return Decision(False, "network denied by --deny-address")
        if not _is_of_datagrams(request) and _is_listed(rules.addresses, address, port):
            return ALLOWED
    if request.action in INBOUND and port and allows_port(rules.listen, port):
        return ALLOWED
    if request.action == "DNS" and any(_may_be_reached(rules, *found) for found in facts.get("hosts", ())):
        return ALLOWED
    if is_loopback(facts.get("host"), facts.get("address")):
        return _of_name(_decide_localhost(rules.localhost, request), request)
    if request.action == "DNS":
        return _decide_name(rules.domains, facts["host"], facts.get("changed"))
    if request.action == "socket" and facts.get("datagrams"):
        return _decide_datagrams(rules)
    if request.action == "use" and request.target == TCL:
        return ALLOWED if rules.unix or rules.localhost else Decision(False, "network disabled", "--allow-unix /tmp/.X11-unix")
    if address is not None and _is_of_datagrams(request) and (rules.domains or rules.addresses):
        return Decision(False, "network limited to TCP")
    if request.action in OUTWARD and facts.get("names"):
        return _decide_named(rules, request)
    return Decision(False, "network disabled", _network_hint(rules, request))


def _of_name(decision: Decision, request: Request) -> Decision:
    """Who asked for a name need not know that it leads to this machine."""
    name = next((name for name in request.facts.get("names") or () if not is_loopback(name, None)), "")
    if decision.rule != "network disabled" or not name:
        return decision
    return Decision(False, "network disabled: %s leads to a loopback address" % name, decision.hint)


def _may_be_reached(rules: "Any", address: bytes, names: "Any") -> bool:
    """Whether an address that the hosts file gives a name may be, at some port: then it may be looked up there, which asks nobody."""
    if _is_denied(rules.denied, address, None):
        return False
    named = not is_inward(address) and any(covers(pattern, name) for pattern, _ in rules.domains for name in names)
    return named or _is_listed(rules.addresses, address, None) or bool(rules.localhost and is_loopback(None, address))


def sends_nothing(request: Request) -> bool:
    """Whether this is a refused connect(2) that sends nothing, as that of UDP does: it goes on where the socket is mute, and nobody is told.

    Servers do so to see which address they have, and C libraries to sort addresses. What is for a name server is said to be that.
    """
    return request.action == "connect" and bool(request.facts.get("datagrams")) and request.facts["port"] != NAMES


def _is_of_datagrams(request: Request) -> bool:
    return request.action == "send" or bool(request.facts.get("datagrams"))


def _is_listed(blocks: "Any", address: bytes, port: "int | None") -> bool:
    return any(in_block(address, prefix, bits) and (port is None or allows_port(ports, port)) for prefix, bits, ports in blocks)


def _is_denied(blocks: "Any", address: bytes, port: "int | None") -> bool:
    """Also by the address that another leads to; 0.0.0.0 and :: lead to any of this machine's (ip_route_output_key_hash_rcu, net/ipv4/route.c)."""
    inner = embedded(address)
    if not any(plain_address(address)):
        return any(port is None or allows_port(ports, port) for _, _, ports in blocks)
    return _is_listed(blocks, address, port) or (inner is not None and _is_listed(blocks, inner, port))


def _network_hint(rules: "Any", request: Request) -> str:
    """What would allow a connection, or one to be taken; a datagram no address allows."""
    port = request.facts.get("port")
    if not port or _is_of_datagrams(request):
        return ""
    if request.action == "connect" and request.facts.get("address") is not None:
        return "--allow-address %s" % request.target
    if request.action not in INBOUND:
        return ""
    inside = rules.localhost and allows_port(rules.localhost, port) and not any(request.facts.get("address") or b"x")
    return "--allow-listen %d%s" % (port, BOUND_INSIDE if inside else "")


def _decide_local_socket(rules: "Any", request: Request) -> Decision:
    path = request.facts["path"].decode("utf-8", "surrogateescape")
    if request.facts.get("mute"):
        return Decision(False, "network disabled for local datagrams")
    if request.facts.get("own") or request.action == "bind":
        return ALLOWED
    if is_within_any(path, rules.unix):
        return Decision(False, "another socket was put in the place of the one allowed") if request.facts.get("put") else ALLOWED
    if request.facts.get("datagrams"):
        return Decision(False, "network disabled for local datagrams")
    return Decision(False, "network disabled", "--allow-unix %s" % shell_word(path) if path[:1] == "/" else "")


def _decide_localhost(ports: "Any", request: Request) -> Decision:
    """A loopback address at a port that the kernel chooses may always be bound: many programs try so whether there is IPv6, and nothing is sent
    or accepted by it. To listen there is another request, for which the port does not matter: it was judged when it was bound, or chosen by the
    kernel, which is nobody's choice.
    """
    port = request.facts.get("port")
    if port == 0 and request.action == "bind":
        return ALLOWED
    if not ports:
        if port and request.action in ("DNS", "connect", "bind") and not _is_of_datagrams(request):
            return Decision(False, "network disabled", "--allow-localhost=%d" % port)
        return Decision(False, "network disabled", "--allow-localhost")
    if ports != ANY and _is_of_datagrams(request) and request.action in OUTWARD:
        return Decision(False, "network limited to localhost %s" % name_ports(ports), "--allow-localhost")
    if port is None or allows_port(ports, port) or request.action == "listen":
        return ALLOWED
    return Decision(False, "network limited to localhost %s" % name_ports(ports), "--allow-localhost=%d" % port)


def _decide_datagrams(rules: "Any") -> Decision:
    """A socket that may send to wherever is named with each datagram, which no filter of the kernel can see. Look-ups of names need one."""
    if rules.localhost == ANY or rules.domains:
        return ALLOWED
    if rules.localhost:
        return Decision(False, "network limited to localhost %s" % name_ports(rules.localhost), "--allow-localhost")
    return Decision(False, "network disabled")


def _decide_name(domains: "Any", host: "str | None", changed: "str | None") -> Decision:
    name = canonical_name(host or "")
    if any(covers(pattern, name) for pattern, _ in domains):
        return Decision(False, "names are found by %s, which is not as it was when the run began" % changed) if changed else ALLOWED
    return Decision(False, "network disabled", "--allow-domain %s" % name if is_name(name) else "")


def _decide_named(rules: "Any", request: Request) -> Decision:
    """An address that was handed out for an allowed name. The name's owner must not point it at this machine or network."""
    port, names = request.facts["port"], request.facts["names"]
    if is_inward(request.facts["address"]):
        return Decision(False, "network disabled: %s leads to a private address" % names[0], _network_hint(rules, request))
    if request.facts.get("here"):
        return Decision(False, "network disabled: %s leads to this machine" % names[0], _network_hint(rules, request))
    if any(covers(pattern, name) and allows_port(ports, port) for pattern, ports in rules.domains for name in names):
        return ALLOWED
    return Decision(False, "network disabled on this port of %s" % names[0], "--allow-domain %s:%d" % (names[0], port))


def _decide_filesystem(policy: Policy, request: Request) -> Decision:
    rules, path, facts = policy.filesystem, request.facts["path"], request.facts
    if rules is None:
        return ALLOWED
    if path is None:
        return Decision(False, "filesystem guarded")
    if is_within_any(path, rules.hide) or (policy.builds == BUILD and _is_of_another(path)):
        return Decision(False, HIDDEN)
    if facts.get("tree") and any(is_within(hidden, path) for hidden in rules.hide):
        return Decision(False, "what is hidden stays where it is")
    if request.action not in READING and _is_kept(rules.protect, path, facts.get("tree")):
        return Decision(False, PROTECTED)
    changed = directory_of(path) if facts.get("name") and request.action not in READING else path
    if lets_write(rules, changed) or is_within_any(changed, DEVICES) or facts.get("stream") or facts.get("own"):
        return ALLOWED
    there = facts.get("there", path)
    if request.action not in READING:
        hint = "--allow-write %s%s" % (shell_word(there), MADE_FIRST if facts.get("made_first") else "")
        return Decision(False, "filesystem read-only", "" if is_within_any(path, KERNELS) else hint)
    if rules.read is None or is_within_any(path, rules.read) or _shows_the_way(rules, request):
        return ALLOWED
    return Decision(False, "reads limited", "--allow-read %s" % shell_word(there))


def _is_of_another(path: str) -> bool:
    """Whether a path is of another process: its own are /proc/self here (canonical.py). In an installer's command line there may be a password."""
    return path.startswith(PROCESSES) and path[len(PROCESSES) :].partition("/")[0].isdigit()


def _is_kept(places: "Any", path: str, tree: "Any") -> bool:
    """What is protected does not go away with its directory either, nor does another come with one. In devices nothing is kept."""
    return (is_protected(path, places) and not is_within_any(path, DEVICES)) or (
        bool(tree) and any(is_within(place, path) for place in places)
    )


def _shows_the_way(rules: "Any", request: Request) -> bool:
    """Names in a directory that is listed for its names, and links on the way to what may be read."""
    if request.action == "list":
        return request.facts["path"] in rules.names
    leads = request.facts.get("leads")
    return leads is not None and any(is_within(leads, place) or is_within(place, leads) for place in rules.read + rules.write)


def _decide_subprocess(policy: Policy, request: Request) -> Decision:
    rules, path = policy.subprocess, request.facts.get("path")
    if rules is None or (path is not None and path in rules.run):
        return ALLOWED
    if path is None and rules.run:
        return ALLOWED  # what a fork may become is judged when it becomes it
    hint = FORKING if path is None else ""
    return Decision(False, "subprocess disabled", "--allow-run %s" % shell_word(path) if path else hint)


def _decide_native(policy: Policy, request: Request) -> Decision:
    rules, distribution = policy.native, request.facts.get("distribution", "")
    if rules is None or request.facts.get("standard") or (distribution and distribution in rules.distributions):
        return ALLOWED
    named = distribution or request.facts.get("claimed", "")
    hint = "--allow-native %s" % named if named and named not in rules.distributions else ""
    return Decision(False, "native code disabled", hint)


DECIDERS = {
    "integrity": _decide_integrity,
    "network": _decide_network,
    "filesystem": _decide_filesystem,
    "subprocess": _decide_subprocess,
    "native": _decide_native,
}
