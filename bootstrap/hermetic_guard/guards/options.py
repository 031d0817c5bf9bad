"""Which options and control messages of sockets say where a packet goes, or send one by themselves: for the wrappers and the kernel's filter.

Where the kernel adds such options now and then only the known ones pass; of the others, few steer.
"""

import sys

LINUX = sys.platform.startswith("linux")
SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6 = 1, 0, 41

STEERING = {
    SOL_SOCKET: {
        25: "SO_BINDTODEVICE",
        26: "SO_ATTACH_FILTER",
        27: "SO_DETACH_FILTER",
        36: "SO_MARK",
        50: "SO_ATTACH_BPF",
        62: "SO_BINDTOIFINDEX",
    }
}
"""<asm-generic/socket.h>. A mark chooses the routing table; by its filter a socket that listens is kept to the loopback interface
(hermetic/linux/socket_filters.py)."""

HARMLESS_OPTIONS = {
    IPPROTO_IP: frozenset([1, 2, 6, 7, 8, 10, 11, 12, 13, 14, 15, 18, 20, 21, 23, 24, 25, 26, 33, 34, 36, 40, 45, 47, 49, 51]),
    IPPROTO_IPV6: frozenset([16, 18, 19, 21, 23, 24, 25, 26, 29, 33, 45, 47, 49, 51, 53, 56, 58, 60, 62, 66, 67, 70, 72, 73, 74, 77]),
}
"""<linux/in.h>, <linux/in6.h>: TOS, TTL, MTU, errors, what to receive, leaving groups. Not among them, for they send or steer: options with
a source route, joining a group (announced with the group's address), the interface of a packet, also for groups alone, routing headers. Nor are
unknown ones."""

HARMLESS_MESSAGES = {IPPROTO_IP: frozenset([1, 2]), IPPROTO_IPV6: frozenset([52, 62, 67])}
"""Of ancillary data: TOS and TTL, hop limit, traffic class and whether to fragment."""


def steers(level, kind, harmless):
    """Whether an option or control message may send a packet elsewhere than its address says, or send one by itself."""
    return LINUX and (kind in STEERING.get(level, ()) or (level in harmless and kind not in harmless[level]))


def show_option(level, option):
    """`SO_MARK`, `option 4 of level 0`."""
    return STEERING.get(level, {}).get(option, "option %d of level %d" % (option, level))
