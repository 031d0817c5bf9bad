"""Looking names up, on the policy's side: what a name may be asked for, and which addresses were handed out for it.

A rule about a name has to become one about addresses, for `connect` gets to see those only. They are remembered where they are found,
beside the policy: if the wrappers reported them, the target could report any.
"""

import _socket
from _socket import gaierror

from hermetic_guard.guards.addresses import AF_INET6, LOOPBACK, LOOPBACK6, as_str, is_localhost, is_plain, read_host, show_host
from hermetic_guard.hosts import canonical_name, plain_address

AI_CANONNAME = _socket.AI_CANONNAME
NOT_KNOWN = (_socket.EAI_NONAME, "Name or service not known")
"""What gai_strerror(3) says of a name that nobody knows."""

HOSTS_FILE = "/etc/hosts"


def make_resolve(judge, getaddrinfo, handed_out, hosts):
    """resolve(name, port, family, type, proto, flags): what getaddrinfo returns, or None where the guard does not stand.

    name:       an ASCII str, not a number
    handed_out: dict of address (bytes) -> tuple of names; filled here
    hosts:      what is in the hosts file
    """
    loopbacks, listed = loopbacks_of(hosts), names_of(hosts)

    def resolve(name, port, family, kind, proto, flags):
        if not is_plain(port, family, kind, proto, flags) or not judge("DNS", name, name):
            return None
        if is_localhost(name):
            return of_localhost(port, family, kind, proto, flags)
        answers = getaddrinfo(absolute(name).encode("utf-8", "surrogateescape"), port, family, kind, proto, flags)
        for answer in answers:
            remember(read_host(answer[4][0].partition("%")[0]), canonical_name(name))
        return answers

    def absolute(name):
        """A name that no search list is tried with, which makes another's of it: libc takes that from variables as well (LOCALDOMAIN).

        In the hosts file it stands without the last dot.
        """
        return name + "." if "." in name and name[-1:] != "." and canonical_name(name) not in listed else name

    def remember(packed, name):
        packed = plain_address(packed)
        names = handed_out.get(packed, ())
        if name not in names:
            handed_out[packed] = names + (name,)

    def of_localhost(port, family, kind, proto, flags):
        """Answered here: libc would ask the name server where the hosts file has no such line, with HOSTALIASES and LOCALDOMAIN applied."""
        known = loopbacks if family == 0 else (LOOPBACK6,) if family == AF_INET6 else (LOOPBACK,)
        answers, failure = [], gaierror(*NOT_KNOWN)
        for packed in known:
            try:
                answers.extend(getaddrinfo(show_host(packed).encode("ascii"), port, family, kind, proto, flags & ~AI_CANONNAME))
            except gaierror as error:
                failure = error
        if not answers:
            raise failure
        if flags & AI_CANONNAME:
            answers[0] = answers[0][:3] + ("localhost",) + answers[0][4:]
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


def names_of(hosts):
    return frozenset([canonical_name(as_str(name)) for line in lines_of(hosts) for name in line[1:]])


def loopbacks_of(hosts):
    """The loopback addresses that a hosts file gives to `localhost`, the IPv6 one first as RFC 6724 sorts them; at least 127.0.0.1."""
    found = [line[0] for line in lines_of(hosts) if b"localhost" in line[1:]]
    return (LOOPBACK6, LOOPBACK) if b"::1" in found else (LOOPBACK,)
