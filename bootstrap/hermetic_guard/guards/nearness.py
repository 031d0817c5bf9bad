"""Whether an address is this machine's own: what is sent there never leaves it, and reaches what listens here, of whomever that is.

A process that may not ask the kernel for its routes learns it from a socket of UDP that is connected, and sends nothing: this machine would send
from the address itself, or by the loopback interface, whose packets are longer than any other's. For an address that an interface has besides
another of the same network only the latter holds, and not where somebody has made those packets shorter.

With all of localhost open such a socket is tied to the loopback interface by the launcher (hermetic/linux/udp_sockets.py), and tells nothing. Then
the launcher, which makes each connection, asks for the route.
"""

from hermetic_guard.guards.addresses import AF_INET, AF_INET6, DATAGRAM, read_host, show_host
from hermetic_guard.hosts import embedded, is_inward, plain_address

DISCARD = 9
"""A port; which one does not matter."""
MTU = {AF_INET: (0, 14), AF_INET6: (41, 24)}
"""IP_MTU and IPV6_MTU (ip(7), ipv6(7)), of Linux."""
DEVICE = (1, 25, 16)
"""SOL_SOCKET, SO_BINDTODEVICE and IFNAMSIZ (socket(7)), of Linux."""
LOOPBACK_MTU = 65535
"""The loopback interface has 65536, of which IPv4 takes no more (IP_MAX_MTU, include/net/ip.h)."""
NO_WAY = 22, 65, 99, 101, 113
"""EINVAL, EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, as Linux and macOS number them: nothing is sent there at all."""
NO_OPTION = 42, 92
"""ENOPROTOOPT, likewise: this system has no such option, so the address alone says it."""


def near(request):
    """Whether it counts for a request if its address is this machine's own: a name does not grant what listens here."""
    facts = request.facts
    named = request.action == "connect" and facts.get("names") and not facts.get("datagrams")
    return bool(named) and not is_inward(facts["address"])


def make_is_here(make, original):
    """is_here(packed). Raises OSError where nobody can say. make: the socket type; original: gives its methods as they are of C"""
    connect, name_of, option_of, close = [original(name) for name in ("connect", "getsockname", "getsockopt", "close")]

    def is_here(packed):
        inner = embedded(packed)
        return leads_here(plain_address(packed)) or (inner is not None and leads_here(inner))

    def leads_here(packed):
        family = AF_INET if len(packed) == 4 else AF_INET6
        sock = make(family, DATAGRAM, 0)
        try:
            if asked(sock, *DEVICE):
                return False
            connect(sock, (show_host(packed), DISCARD))
            return read_host(name_of(sock)[0].partition("%")[0]) == packed or asked(sock, *MTU[family]) >= LOOPBACK_MTU
        except OSError as error:
            if error.errno in NO_WAY:
                return False
            raise
        finally:
            close(sock)

    def asked(sock, *option):
        """0 where this system has no such option."""
        try:
            return option_of(sock, *option)
        except OSError as error:
            if error.errno in NO_OPTION:
                return 0
            raise

    return is_here
