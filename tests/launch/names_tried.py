"""Ways around a name that is allowed, by calls of libc's: run in the world of names_world.py, guarded and not. Prints of each whom it reached."""

import ctypes
import os
import socket
import struct
import sys
import threading

OUTSIDE, OWN, BESIDES, LOOPBACK = sys.argv[1:]
PATIENCE = struct.pack("ll", 5, 0)
TIMES = 150
FAST_OPEN_CONNECT, MSG_FASTOPEN = 30, 0x20000000
libc = ctypes.CDLL(None, use_errno=True)


def ipv4(host, port=80):
    return struct.pack("<H", socket.AF_INET) + struct.pack(">H", port) + socket.inet_aton(host) + bytes(8)


def mapped(host, port=80):
    return struct.pack("<H", socket.AF_INET6) + struct.pack(">H", port) + bytes(14) + b"\xff\xff" + socket.inet_aton(host) + bytes(4)


def made(family=socket.AF_INET):
    one = socket.socket(family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, PATIENCE)
    return one


def connect(one, address):
    memory = ctypes.create_string_buffer(address, len(address))
    return libc.connect(one.fileno(), memory, len(address))


def reached(one):
    """Who is at the other end."""
    try:
        return one.getpeername()[0].replace("::ffff:", "")
    except OSError:
        return "nobody"


def plainly(host):
    one = made()
    connect(one, ipv4(host))
    return reached(one)


def mapped_to(host):
    one = made(socket.AF_INET6)
    connect(one, mapped(host))
    return reached(one)


def anew(host):
    """Connected to what is allowed, taken away again, and connected to something else."""
    one = made()
    connect(one, ipv4(OUTSIDE))
    connect(one, bytes(16))
    connect(one, ipv4(host))
    return reached(one)


def deferred(host):
    """The first datum connects."""
    one = made()
    one.setsockopt(socket.IPPROTO_TCP, FAST_OPEN_CONNECT, 1)
    connect(one, ipv4(host))
    libc.send(one.fileno(), b"GET /\r\n\r\n", 9, socket.MSG_NOSIGNAL)
    return reached(one)


def by_data(host):
    one, address = made(), ipv4(host)
    libc.sendto(one.fileno(), b"GET /\r\n\r\n", 9, MSG_FASTOPEN, ctypes.create_string_buffer(address, 16), 16)
    return reached(one)


def bound(host):
    """From an address of this machine's."""
    one = made()
    libc.bind(one.fileno(), ctypes.create_string_buffer(ipv4(OWN, 0), 16), 16)
    connect(one, ipv4(host))
    return reached(one)


def in_another_process(host):
    """By a socket that was handed over."""
    here, there = socket.socketpair()
    one = made()
    if not os.fork():
        os.close(here.fileno())
        connect(socket.socket(fileno=struct.unpack("i", there.recvmsg(1, 64)[1][0][2][:4])[0]), ipv4(host))
        os._exit(0)
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", one.fileno()))])
    os.wait()
    return reached(one)


def exchanged(host):
    """The address is another while the call is judged."""
    good, bad = ipv4(OUTSIDE), ipv4(host)
    memory, stopped, found = ctypes.create_string_buffer(good, 16), [], set()

    def exchange():
        while not stopped:
            ctypes.memmove(memory, bad, 16)
            ctypes.memmove(memory, good, 16)

    thread = threading.Thread(target=exchange)
    thread.start()
    for _ in range(TIMES):
        with made() as one:
            libc.connect(one.fileno(), memory, 16)
            found.add(reached(one))
    stopped.append(True)
    thread.join()
    return host if host in found else "nobody"


def itself(_):
    """A socket that is connected to where it is bound."""
    one = made()
    libc.bind(one.fileno(), ctypes.create_string_buffer(ipv4(LOOPBACK, 0), 16), 16)
    connect(one, ipv4(LOOPBACK, one.getsockname()[1]))
    return reached(one)


def main():
    for name in ("app.test", "own.test", "besides.test"):
        try:
            socket.getaddrinfo(name, 80)
        except OSError:
            pass
    print("allowed", plainly(OUTSIDE), flush=True)
    for act in (plainly, mapped_to, anew, deferred, by_data, bound, in_another_process, exchanged):
        for host in (OWN, LOOPBACK):
            print(act.__name__, host, act(host), flush=True)
    print("plainly", BESIDES, plainly(BESIDES), flush=True)
    print("itself", LOOPBACK, itself(LOOPBACK), flush=True)


if __name__ == "__main__":
    main()
