"""Looking names up, on the policy's side: what a name may be asked for, and which addresses were handed out for it.

A rule about a name has to become one about addresses, for `connect` gets to see those only. They are remembered where they are found,
beside the policy: if the wrappers reported them, the target could report any.
"""

import _socket
from _socket import gaierror

from hermetic_guard.guards.addresses import (
    AF_INET,
    AF_INET6,
    LOOPBACK,
    LOOPBACK6,
    as_str,
    exact_text,
    is_localhost,
    is_plain,
    read_host,
    show_host,
)
from hermetic_guard.hosts import canonical_name, plain_address

AI_CANONNAME, AI_NUMERICHOST = _socket.AI_CANONNAME, _socket.AI_NUMERICHOST
FAMILIES = {4: AF_INET, 16: AF_INET6}
"""By the length of an address."""
NOT_KNOWN = (_socket.EAI_NONAME, "Name or service not known")
"""What gai_strerror(3) says of a name that nobody knows."""

HOSTS_FILE = "/etc/hosts"

MOST_NAMES = 100
"""Of one address: the last ones."""
MEMORY = 1000
"""Addresses that are remembered as allowed."""


def make_resolve(judge, getaddrinfo, handed_out, hosts, reachable):
    """resolve(name, port, family, type, proto, flags): what getaddrinfo returns, or None where the guard does not stand.

    name:       an ASCII str, not a number
    handed_out: dict of address (bytes) -> tuple of names; filled here
    hosts:      what is in the hosts file
    reachable:  gives those addresses there of a name that may not be asked for otherwise, but may themselves be reached
    """
    loopbacks, listed = loopbacks_of(hosts), frozenset(addresses_of(hosts))

    def resolve(name, port, family, kind, proto, flags):
        if not is_plain(port, family, kind, proto, flags):
            return None
        found = reachable(canonical_name(name)) if not flags & AI_NUMERICHOST else ()
        if found:
            return of_numbers([packed for packed in found if family in (0, FAMILIES[len(packed)])], name, port, family, kind, proto, flags)
        if not judge("DNS", name, name, None, port if type(port) is int and 0 < port < 65536 else None):
            return None
        if is_localhost(name):
            known = loopbacks if family == 0 else (LOOPBACK6,) if family == AF_INET6 else (LOOPBACK,)
            return of_numbers(known, "localhost", port, family, kind, proto, flags)
        answers = getaddrinfo(absolute(name).encode("utf-8", "surrogateescape"), port, family, kind, proto, flags)
        for answer in answers:
            note(read_host(answer[4][0].partition("%")[0]), canonical_name(name))
        return answers

    def absolute(name):
        """A name that no search list is tried with, which makes another's of it: libc takes that from variables as well (LOCALDOMAIN).

        In the hosts file it stands without the last dot.
        """
        return name + "." if "." in name and name[-1:] != "." and canonical_name(name) not in listed else name

    def note(packed, name):
        packed = plain_address(packed)
        names = handed_out.get(packed, ())
        if name not in names:
            handed_out[packed] = (names + (name,))[-MOST_NAMES:]

    def of_numbers(known, name, port, family, kind, proto, flags):
        """Answered here: libc would ask the name server where the hosts file has no such line, with HOSTALIASES and LOCALDOMAIN applied."""
        answers, failure = [], gaierror(*NOT_KNOWN)
        for packed in known:
            try:
                answers.extend(getaddrinfo(show_host(packed).encode("ascii"), port, family, kind, proto, flags & ~AI_CANONNAME))
            except gaierror as error:
                failure = error
        if not answers:
            raise failure
        if flags & AI_CANONNAME:
            answers[0] = answers[0][:3] + (name,) + answers[0][4:]
        return answers

    return resolve


def read_hosts_file():
    """Its content; b"" if there is none."""
    try:
        with open(HOSTS_FILE, "rb") as file:
            return file.read()
    except OSError:
        return b""


def lines_of(hosts):
    return [line.partition(b"#")[0].split() for line in hosts.splitlines()]


def addresses_of(hosts):
    """The packed addresses by name."""
    found = {}  # type: dict
    for line in lines_of(hosts):
        packed = read_host(as_str(line[0])) if line else None
        for name in line[1:] if packed is not None else ():
            known = found.setdefault(canonical_name(as_str(name)), [])
            if packed not in known:
                known.append(packed)
    return found


def loopbacks_of(hosts):
    """The loopback addresses that a hosts file gives to `localhost`, the IPv6 one first as RFC 6724 sorts them; at least 127.0.0.1."""
    found = [line[0] for line in lines_of(hosts) if b"localhost" in line[1:]]
    return (LOOPBACK6, LOOPBACK) if b"::1" in found else (LOOPBACK,)


def remember(known, key, answer):
    """In a dict that is never another, for whatever is made once the target runs the collector shows to it. A key begins with the scopes' state."""
    if len(known) > MEMORY:
        known.clear()
    known[key] = answer


# The audit events. The wrappers make bytes of numbers, and of names what is to be asked for.


def make_on_getaddrinfo(judge, sure):
    """Numbers come as bytes in canonical form, `localhost` as a number, and names as bytes: a str would pass through the `idna` codec."""
    known = {}  # type: dict[bytes, bool]

    def on_getaddrinfo(host, *_):
        if type(host) is bytes and host in known:
            return
        sure()
        exact = exact_text(host)
        if exact is None:
            return
        name = as_str(exact)
        plain = name.partition("%")[0]
        packed = read_host(plain)
        if type(host) is not bytes or is_localhost(name) or (packed is not None and show_host(packed) != plain):
            judge("DNS", name, "")
        elif packed is not None:
            remember(known, host, True)
        elif name:
            judge("DNS", name, name)

    return on_getaddrinfo


def make_on_lookup(judge):
    """The wrappers do not call these originals while the guard stands."""

    def on_lookup(host, *_):
        exact = exact_text(host)
        if exact is not None:
            judge("DNS", as_str(exact), "")

    return on_lookup


def make_on_getnameinfo(judge):
    """Nor this one. A flag that the event does not show says whether it asks the name server."""

    def on_getnameinfo(sockaddr):
        host = exact_text(sockaddr[0]) if type(sockaddr) is tuple and sockaddr else None
        judge("DNS", "an address" if host is None else as_str(host), "")

    return on_getnameinfo
