"""Does what it is asked, and prints of each request whether it was let: run in a world of rules_world.py, guarded and not."""

import json
import socket
import sys

NAMED = "handed-out"


def sock(host, kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.settimeout(2)
    return made


def connect(host, port):
    """That nobody listens there is an answer as well; so is an address to which there is no way."""
    with sock(host) as made:
        made.connect((host, port))


def send(host, port):
    with sock(host, socket.SOCK_DGRAM) as made:
        made.sendto(b"x", (host, port))


def bind(host, port, listens=False):
    with sock(host) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        if listens:
            made.listen(1)


def act(request):
    action, _, target = request.partition(" ")
    if action == "DNS":
        socket.getaddrinfo(target, 80)
        return
    host, _, port = target.rpartition(":")
    host, port = host.strip("[]"), int(port)
    {"connect": connect, "send": send, "bind": bind, "listen": lambda *where: bind(*where, listens=True)}[action](host, port)


def is_let(request):
    try:
        act(request)
    except (PermissionError, socket.gaierror, UnicodeError):
        return False
    except OSError:
        return True
    return True


def main():
    requests = json.loads(sys.argv[1])
    for request in requests:
        if request.startswith("as "):
            _, name, request = request.split(" ", 2)
            try:
                socket.getaddrinfo(name, None)
            except OSError:
                pass
        print(f"{request}: {is_let(request)}", flush=True)


if __name__ == "__main__":
    main()
