"""Runs snippets in this interpreter, with the network guard in place or without, for `world.py`. Valid on Python 3.6.

    driver.py POLICY RUN-DIRECTORY     POLICY: a key of POLICIES

Reads one JSON object {"code": ...} a line and answers each with one line, what became of it. The snippet may leave something in
`result`; what it finds in its namespace is in `helpers`.
"""

import json
import os
import sys

ANSWER = "\1"
"""Begins our lines, for children may print as well."""


def policies():
    from hermetic_guard.hosts import ANY
    from hermetic_guard.policy import Network, Policy

    return {
        "off": Policy(),
        "none": Policy(network=Network()),
        "raise": Policy(network=Network(), on_violation="raise"),
        "localhost": Policy(network=Network(localhost=ANY)),
        "ports": Policy(network=Network(localhost=((8000, 8010),))),
        "domain": Policy(network=Network(domains=(("allowed.test", ((80, 80),)),))),
    }


def install(policy, run, told):
    """The guard, as `activate.py` puts it in place; `told` gets the refusals."""
    import hashlib  # noqa: F401 - as _startup.py does on PyPy, where that loads `socket` before the guard is there

    from hermetic_guard import hook
    from hermetic_guard.enforce import Enforcer
    from hermetic_guard.guards import network
    from hermetic_guard.scopes import Scopes

    handlers = network.install(Enforcer(Scopes(policies()[policy]), told.append, list, run))
    if hasattr(sys, "addaudithook"):
        hook.install([handlers])


def helpers(run):
    import _socket
    import socket
    import threading

    def echo():
        """The port of a server on 127.0.0.1 that answers one line with itself."""
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.listen(5)

        def serve():
            peer, _ = server.accept()
            with peer, peer.makefile("rwb") as file:
                file.write(file.readline())

        thread = threading.Thread(target=serve)
        thread.daemon = True
        thread.start()
        return server.getsockname()[1]

    def listening(address):
        """An AF_UNIX server."""
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
        server.listen(5)
        return server

    names = {"world": os.path.dirname(run), "run": run, "echo": echo, "listening": listening}
    return dict(names, socket=socket, _socket=_socket, threading=threading, os=os, sys=sys, netlink=NETLINK)


def outcome(code, names, told):
    del told[:]
    error, kinds = None, []
    try:
        exec(compile(code, "<snippet>", "exec"), names)
    except BaseException as caught:
        error, kinds = f"{type(caught).__name__}: {caught}", [kind.__name__ for kind in type(caught).__mro__]
    refused = ["{action}({target})".format(**event) for event in told]
    return {"error": error, "kinds": kinds, "told": refused, "result": repr(names.get("result"))}


def foreign_descriptor():
    """A netlink socket's, as a program may have inherited one; made before the guard stands."""
    import _socket

    return _socket.socket(16, 3, 0).detach()


if __name__ == "__main__":
    told = []  # type: list
    policy, run = sys.argv[1:]
    NETLINK = foreign_descriptor()
    if policy != "bare":
        install(policy, run, told)
    for line in sys.stdin:
        answer = outcome(json.loads(line)["code"], helpers(run), told)
        sys.stdout.write(ANSWER + json.dumps(answer) + "\n")
        sys.stdout.flush()
