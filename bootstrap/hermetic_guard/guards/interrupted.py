"""Calls that wait for hermetic's supervisor, and are interrupted by a signal before that has seen them.

Natively such a call does not wait. To an interrupted connect(2) an interpreter, as the kernel's manual has it, goes on to wait for the connection,
which here was never begun: it would take an unconnected socket for a connected one. So that is looked at, and the call made again.
"""

LINUX_TCP, TCP_INFO = 6, 11
INFO_SIZE, SENT_AT = 144, 136
"""struct tcp_info of linux/tcp.h, up to tcpi_segs_out (Linux 4.2)."""
ENOTCONN = 107


def make_again(original):
    """The same function, for a call that has no such error natively."""

    def again(*arguments, **named):
        while True:
            try:
                return original(*arguments, **named)
            except InterruptedError:
                continue

    return again


def make_connecting(original, getpeername, getsockopt, gettimeout):
    """connect, or connect_ex, until a connection was begun."""

    def connecting(sock, address):
        result = original(sock, address)
        while not result and never_begun(sock):
            result = original(sock, address)
        return result

    def never_begun(sock):
        """Of one that may wait. One that was begun has sent something, whatever has become of it by now."""
        try:
            getpeername(sock)
            return False
        except OSError as error:
            if error.errno != ENOTCONN or gettimeout(sock) == 0:
                return False
        try:
            return getsockopt(sock, LINUX_TCP, TCP_INFO, INFO_SIZE)[SENT_AT : SENT_AT + 4] == b"\0\0\0\0"
        except OSError:
            return False

    return connecting
