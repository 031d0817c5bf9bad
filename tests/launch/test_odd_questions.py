"""Questions that a program makes up itself, as no C library asks them: by none of them a name gets out that is not allowed."""

from __future__ import annotations

import pytest
from conftest import find_python
from launch.names_world import NAME_SERVER
from launch.test_names import OPTIONS, Names

ASK = """
import socket, struct, sys
def labels(*parts): return b''.join(struct.pack('B', len(part)) + part for part in parts) + b'\\0'
def asked(name, kind=1, clas=1, flags=0x100, count=1, more=b'', additional=0):
    return struct.pack('>HHHHHH', 7, flags, count, 0, 0, additional) + name + struct.pack('>HH', kind, clas) + more
SECRET, APP = labels(b'secret', b'strange', b'example'), labels(b'app', b'test')
EDNS = b'\\0' + struct.pack('>HHIH', 41, 4096, 0, 11) + struct.pack('>HH', 65001, 7) + b'secret!'
PLAIN = struct.pack('>HH', 1, 1)
MESSAGES = [
    asked(SECRET), asked(SECRET, kind=16), asked(SECRET, kind=255), asked(SECRET, clas=3), asked(SECRET, more=EDNS, additional=1),
    asked(SECRET, flags=0x2100), asked(SECRET, flags=0x2900), asked(SECRET, flags=0),
    asked(labels(b'SECRET', b'Strange', b'eXample')), asked(labels(b'secret' * 10, b'strange', b'example')),
    asked(labels(*[b'x' * 63] * 3)), asked(labels(b'app.test', b'example')), asked(labels(b'app', b'test', b'example')),
    asked(labels(b'secret.app', b'test')), asked(labels(b'secret\\0', b'app', b'test')), asked(labels(b'app', b'test\\0secret')),
    asked(labels(b'secret\\xff', b'wild', b'test')), asked(labels(b'app', b'te\\xd5t')), asked(labels(b'\\xc1pp', b'test')),
    asked(labels(b'secret@', b'wild', b'test')), asked(labels(b' app', b'test')),
    asked(APP, count=2, more=SECRET + PLAIN), asked(SECRET, count=2, more=APP + PLAIN), asked(APP, more=SECRET + PLAIN, additional=1),
]
def by_datagrams(message, server):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0.3)
    made.sendto(message, (server, 53))
    return made.recv(600)
def connected(message, server):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0.3)
    made.connect((server, 53))
    made.send(message)
    return made.recv(600)
def by_a_stream(message, server):
    made = socket.create_connection((server, 53), 2)
    made.settimeout(0.3)
    made.sendall(struct.pack('>H', len(message)) + message)
    return made.recv(600)
def mapped(message, server):
    made = socket.socket(socket.AF_INET6)
    made.settimeout(0.3)
    made.connect(('::ffff:' + server, 53))
    made.sendall(struct.pack('>H', len(message)) + message)
    return made.recv(600)
answered = 0
for message in MESSAGES:
    try:
        answered += bool(globals()[sys.argv[1]](message, sys.argv[2]))
    except (socket.error, socket.timeout):
        pass
message = asked(APP, more=EDNS, additional=1)
try: print(globals()[sys.argv[1]](message, sys.argv[2])[-4:] == socket.inet_aton('8.8.4.4'))
except (socket.error, socket.timeout) as error: print(error)
"""
OWN = "127.83.0.53"
WAYS = ["by_datagrams", "connected", "by_a_stream", "mapped"]


BY_ADDRESS = {"by_datagrams"}
"""README: with all of localhost open, a name server on this machine can be asked, by who names it with each datagram; here it is on this machine."""


@pytest.mark.parametrize("more", [[], ["--allow-localhost"]], ids=["closed", "localhost"])
def test_nothing_gets_out(among_names: Names, hermetic_command: str, more: list[str]) -> None:
    python = str(find_python("2.7").path)
    commands = {}
    for way in WAYS:
        for server in (NAME_SERVER, OWN):
            guarded = [hermetic_command, "--no-network", *OPTIONS, *more, "--", python, "-c", ASK, way, server]
            commands[f"{way} {server}"] = guarded
        commands[f"{way} bare"] = [python, "-c", ASK, way, NAME_SERVER]
    found = among_names(commands)
    for way in WAYS:
        _, _, asked = found[f"{way} bare"]
        assert len([name for name in asked if name not in ("app.test", "wild.test")]) > 8, found[f"{way} bare"]
        for server in (NAME_SERVER, OWN):
            code, out, asked = found[f"{way} {server}"]
            assert (code, "Traceback" in out) == (0, False), (way, server, out)
            if not (more and server == NAME_SERVER and way in BY_ADDRESS):
                assert set(asked) <= {"app.test"}, (way, server, asked)
        if not more:
            assert (found[f"{way} {OWN}"][1].count("True\n"), found[f"{way} {OWN}"][2]) == (1, ["app.test"]), (way, found)
