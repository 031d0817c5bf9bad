"""`--allow-domain` end to end: the name is looked up and reached, another is not, whatever the kernel's rules are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import find_python
from launch.container import container
from launch.names_world import LISTED
from launch.wired import BESIDES, INNER

ONE_LAYER = str(Path(__file__).resolve().parent.parent / "containment/one_layer.py")

Names = Callable[[dict[str, list[str]]], dict[str, list]]
"""See `among_names` in conftest.py."""

CONNECT = "import socket; s = socket.create_connection(({name!r}, {port}), 5); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(999))"
STREAMS = (
    "import asyncio\n"
    "async def main():\n"
    "    reader, writer = await asyncio.open_connection({name!r}, {port})\n"
    "    writer.write(b'GET / HTTP/1.0\\r\\n\\r\\n')\n"
    "    print(await reader.read())\n"
    "asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())"
)
URL = "import urllib.request; print(urllib.request.urlopen('http://{name}:{port}/', timeout=5).read())"

ALLOWED = {
    "a socket": CONNECT.format(name="app.test", port=80),
    "asyncio": STREAMS.format(name="app.test", port=80),
    "urllib": URL.format(name="app.test", port=80),
    "below a wildcard": CONNECT.format(name="below.wild.test", port=8080),
    "a thread": f"import threading; t = threading.Thread(target=exec, args=({CONNECT.format(name='app.test', port=80)!r},)); t.start(); t.join()",
    "every address": "import socket\nfor found in socket.getaddrinfo('app.test', 80, 0, 1): s = socket.socket(*found[:3]); s.settimeout(5); s.connect(found[4])\n"
    "s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(999))",
    "without waiting": "import select, socket; s = socket.socket(); s.setblocking(False); a = socket.gethostbyname('app.test')\n"
    "assert s.connect_ex((a, 80)) == 115; select.select([], [s], [], 5); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); select.select([s], [], [], 5); print(s.recv(999))",
    "outside ASCII": CONNECT.format(name="b\xfccher.test", port=80),
    "outside ASCII, as it is asked": CONNECT.format(name="XN--Bcher-Kva.test.", port=80),
    "in the hosts file": CONNECT.format(name="listed.test", port=80),
    "another name of its line": CONNECT.format(name="alias.test", port=80),
    "its address of the hosts file": CONNECT.format(name=LISTED, port=80),
}
TWICE = (
    "import socket\nfor _ in range(2):\n    try: socket.create_connection(({name!r}, 80), 2); print('ser' 'ved')\n"
    "    except PermissionError: raise\n    except OSError: pass"
)
REFUSED = {
    "another name": (CONNECT.format(name="strange.example", port=80), "network disabled: DNS(strange.example)", []),
    "another name of the hosts file": (CONNECT.format(name="unlisted.test", port=80), "network disabled: DNS(unlisted.test)", []),
    "another port": (
        CONNECT.format(name="app.test", port=8080),
        "network disabled on this port of app.test: connect(8.8.4.4:8080)",
        ["app.test"],
    ),
    "its address": (CONNECT.format(name="8.8.4.4", port=80), "network disabled: connect(8.8.4.4:80)", []),
    "a private address": (
        CONNECT.format(name="inward.test", port=80),
        "inward.test leads to a private address: connect(10.1.2.3:80)",
        ["inward.test"],
    ),
    "a private address, at the second time": (
        TWICE.format(name="turning.test"),
        "turning.test leads to a private address: connect(10.1.2.3:80)",
        ["turning.test"],
    ),
    "this machine, at the second time": (
        TWICE.format(name="looping.test"),
        "network disabled: looping.test leads to a loopback address: connect(127.0.0.1:80)",
        ["looping.test"],
    ),
    "this machine in the hosts file": (
        CONNECT.format(name="here.test", port=80),
        "network disabled: here.test leads to a loopback address: connect(127.0.0.1:80)",
        [],
    ),
    "this machine, by its own address": (
        CONNECT.format(name="own.test", port=80),
        f"network disabled: own.test leads to this machine: connect({INNER}:80)",
        ["own.test"],
    ),
    "this machine, by another of its addresses": (
        CONNECT.format(name="besides.test", port=80),
        f"network disabled: besides.test leads to this machine: connect({BESIDES}:80)",
        ["besides.test"],
    ),
    "a name in front of it": (
        URL.format(name="app.test@strange.example", port=80),
        "network disabled: DNS(app.test@strange.example)",
        [],
    ),
    "another, outside ASCII": (CONNECT.format(name="b\xfccher.example", port=80), "network disabled: DNS(xn--bcher-kva.example)", []),
}
OPTIONS = [
    "--allow-domain=app.test",
    "--allow-domain=*.wild.test:8080",
    "--allow-domain=inward.test",
    "--allow-domain=turning.test",
    "--allow-domain=looping.test",
    "--allow-domain=listed.test",
    "--allow-domain=here.test",
    "--allow-domain=own.test",
    "--allow-domain=besides.test",
    "--allow-domain=b\u00fccher.test",
]
UNKNOWN = ("another name", "a name in front of it", "another, outside ASCII")
"""To everybody."""
ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []


def run(among_names: Names, python: str, *prefix: str) -> dict[str, list]:
    """What came of all, by name: exit code, output, names asked for."""
    codes = {**ALLOWED, **{name: code for name, (code, _, _) in REFUSED.items()}}
    return among_names({name: [*prefix, python, "-c", code] for name, code in codes.items()})


@pytest.mark.parametrize("version", ["3.6", "3.13", "pypy3.9"])
def test_names(among_names: Names, hermetic_command: str, version: str) -> None:
    python = str(find_python(version).path)
    for name, (code, out, _) in run(among_names, python).items():
        assert (code, "served" in out) == (1, False) if name in UNKNOWN else (0, True), (name, out)
    found = run(among_names, python, hermetic_command, "--no-network", *OPTIONS, "--")
    for name in ALLOWED:
        code, out, _ = found[name]
        assert code == 0, (name, out)
        assert "served" in out, (name, out)
        assert "blocked" not in out, (name, out)
    for name, (_, told, asked) in REFUSED.items():
        code, out, seen = found[name]
        assert code in (1, 77), (name, out)
        assert told in out, (name, out)
        assert "served" not in out, (name, out)
        assert seen == asked, (name, out)


QUERY = """
import socket, struct, sys
name, server = sys.argv[1], sys.argv[2:] or [line.split()[1] for line in open('/etc/resolv.conf') if line.startswith('nameserver')]
question = b''.join(bytes(bytearray([len(part)])) + part for part in name.encode().split(b'.')) + b'\\0' + struct.pack('>HH', 1, 1)
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(1)
asking.sendto(struct.pack('>HHHHHH', 7, 0x100, 1, 0, 0, 0) + question, (server[0], 53))
print(asking.recv(600)[-4:] == socket.inet_aton('8.8.4.4'))
"""
GET = "printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
PERL = '$s = IO::Socket::INET->new("app.test:80") or die "$@ $!\\n"; print $s "GET / HTTP/1.0\\r\\n\\r\\n"; print <$s>'
PYTHON27 = str(find_python("2.7").path)

NATIVE = {
    # argv, what is printed, what was told, the names that were asked for
    "bash": (["bash", "-c", f"exec 3<>/dev/tcp/app.test/80; {GET}"], "served", "", ["app.test"]),
    "bash, another name": (["bash", "-c", f"exec 3<>/dev/tcp/strange.example/80; {GET}"], "", "network disabled: DNS(strange.example)", []),
    "perl": (["perl", "-MIO::Socket::INET", "-e", PERL], "served", "", ["app.test"]),
    "Python 2.7": ([PYTHON27, "-c", CONNECT.format(name="app.test", port=80)], "served", "", ["app.test"]),
    "getaddrinfo": (["getent", "ahosts", "app.test"], "8.8.4.4", "", ["app.test"]),
    "getaddrinfo, another name": (["getent", "ahosts", "strange.example"], "", "network disabled: DNS(strange.example)", []),
    "gethostbyname": (["getent", "hosts", "below.wild.test"], "8.8.4.4", "", ["below.wild.test"]),
    "curl": (["curl", "-sS", "http://app.test/"], "served", "", ["app.test"]),
    "curl, another port": (
        ["curl", "-sS", "http://app.test:8080/"],
        "",
        "network disabled on this port of app.test: connect(8.8.4.4:8080)",
        ["app.test"],
    ),
    "curl, a private address": (
        ["curl", "-sS", "http://inward.test/"],
        "",
        "inward.test leads to a private address: connect(10.1.2.3:80)",
        ["inward.test"],
    ),
    "curl, public first": (
        ["sh", "-c", "curl -sS http://turning.test/; curl -sS http://turning.test/"],
        "",
        "turning.test leads to a private address",
        ["turning.test"],
    ),
    "curl, public first, this machine second": (
        ["sh", "-c", "curl -sS http://looping.test/; curl -sS http://looping.test/"],
        "",
        "looping.test leads to a loopback address: connect(127.0.0.1:80)",
        ["looping.test"],
    ),
    "curl, an address": (["curl", "-sS", "http://8.8.4.4/"], "", "network disabled: connect(8.8.4.4:80)", []),
    "curl, a name in front of it": (
        ["curl", "-sS", "http://app.test:80@strange.example/"],
        "",
        "network disabled: DNS(strange.example)",
        [],
    ),
    "curl, a name behind it": (["curl", "-sS", "http://strange.example@app.test/"], "served", "", ["app.test"]),
    "curl, outside ASCII": (["curl", "-sS", "http://b\u00fccher.test/"], "served", "", ["xn--bcher-kva.test"]),
    "curl, in the hosts file": (["curl", "-sS", "http://listed.test/"], "served", "", []),
    "curl, this machine in the hosts file": (
        ["curl", "-sS", "http://here.test/"],
        "",
        "here.test leads to a loopback address: connect(127.0.0.1:80)",
        [],
    ),
    "a resolver of its own": ([PYTHON27, "-c", QUERY, "app.test"], "True", "", ["app.test"]),
    "a resolver of its own, another name": (
        [PYTHON27, "-c", QUERY, "strange.example"],
        "False",
        "network disabled: DNS(strange.example)",
        [],
    ),
    "a resolver of its own, the machine's server": ([PYTHON27, "-c", QUERY, "app.test", "10.9.8.7"], "", "", []),
}
"""Programs that the kernel alone holds."""
UNGUARDED = {
    "bash, another name": "",
    "getaddrinfo, another name": "",
    "curl, another port": "served",
    "curl, a private address": "served",
    "curl, public first": "served",
    "curl, public first, this machine second": "served",
    "curl, this machine in the hosts file": "served",
    "curl, an address": "served",
    "a resolver of its own, the machine's server": "True",
}
"""What those that are refused print without a guard, where that shows something."""


@pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])
def test_the_kernel_alone(among_names: Names, hermetic_command: str, as_user: list[str]) -> None:
    """By the run's own name server, which whoever asks, and however, is led to."""
    commands = {name: argv for name, (argv, *_) in NATIVE.items() if not as_user or argv[0] != PYTHON27}
    bare = among_names({name: [*as_user, *argv] for name, argv in commands.items()})
    for name, printed in UNGUARDED.items():
        if name in commands and printed:
            assert printed in bare[name][1], (name, bare[name])
    found = among_names({name: [*as_user, hermetic_command, "--no-network", *OPTIONS, "--", *argv] for name, argv in commands.items()})
    for name in commands:
        _, printed, told, asked = NATIVE[name]
        _, out, seen = found[name]
        assert printed in out, (name, out)
        assert (told in out) if told else ("blocked" not in out), (name, out)
        assert ("served" in out) is (printed == "served"), (name, out)
        assert out.count("hermetic: blocked action") == bool(told), (name, out)
        assert seen == asked, (name, seen, out)


LOOKING_UP = {
    "getaddrinfo": ["getent", "ahosts", "app.test"],
    "gethostbyname": ["getent", "hosts", "app.test"],
    "getaddrinfo by TCP": ["env", "RES_OPTIONS=use-vc", "getent", "ahosts", "app.test"],
    "gethostbyname by TCP": ["env", "RES_OPTIONS=use-vc", "getent", "hosts", "app.test"],
    "bash": ["bash", "-c", "exec 3<>/dev/tcp/app.test/80"],
    "perl": NATIVE["perl"][0],
    "curl": NATIVE["curl"][0],
    "git": ["git", "ls-remote", "http://app.test/"],
    "an older Python": NATIVE["Python 2.7"][0],
    "a resolver of its own": [PYTHON27, "-c", QUERY, "app.test"],
    "a resolver of its own, connected": [
        PYTHON27,
        "-c",
        QUERY.replace("asking.sendto(", "asking.connect((server[0], 53)); asking.send(").replace(", (server[0], 53))", ")"),
        "app.test",
    ],
    "native code in a Python that is guarded": [
        str(find_python("3.11").path),
        "-c",
        "import ctypes; assert ctypes.CDLL(None).getaddrinfo(b'app.test', None, None, ctypes.byref(ctypes.c_void_p())) == 0",
    ],
}


@pytest.mark.parametrize("options", [[], ["--allow-localhost=80"], ["--allow-listen=80"]], ids=["closed", "ports", "listen"])
def test_where_no_name_is_allowed(among_names: Names, hermetic_command: str, options: list[str]) -> None:
    """Who looks one up is told of by the name, once, and does not wait."""
    for name, (_, out, seen) in among_names(LOOKING_UP).items():
        assert seen == ["app.test"], (name, out)
    found = among_names({name: [hermetic_command, "--no-network", *options, "--", *argv] for name, argv in LOOKING_UP.items()})
    for name, (code, out, seen) in found.items():
        assert code != 0, (name, out)
        assert "hermetic: blocked action: network disabled: DNS(app.test)\n" in out, (name, out)
        assert "  allow it  --allow-domain app.test\n" in out, (name, out)
        assert "hermetic: blocked 1 action in all: network 1\n" in out, (name, out)
        assert seen == [], (name, out)


def test_who_is_killed(among_names: Names, hermetic_command: str) -> None:
    """For a name that is refused, as for all else; the connection that it was asked by says who."""
    for allowed in (OPTIONS, []):
        command = [hermetic_command, "--no-network", *allowed, "--on-violation=kill", "--", "getent", "ahosts", "strange.example"]
        found = among_names({"getent": command})["getent"]
        assert (found[0], "DNS(strange.example)" in found[1]) == (77, True), found


def test_aliases_of_a_file(among_names: Names, hermetic_command: str, tmp_path: Path) -> None:
    """A variable of the user's names the file, which the run writes: the launcher would ask for what it says."""
    aliases = tmp_path / "aliases"
    prefix, write = ["env", f"HOSTALIASES={aliases}"], f"echo single secret.strange.example. > {aliases}; exec "
    guarded = [*prefix, hermetic_command, "--no-network", "--allow-domain=single", "--"]
    asking = ["sh", "-c", write + '"$@"', "sh", str(find_python("3.11").path), "-c", QUERY, "single"]
    bare = [*prefix, "sh", "-c", write + "getent ahosts single"]
    found = among_names({"bare": bare, "guarded": [*guarded, *asking]})
    assert found["bare"][2] == ["secret.strange.example"], found
    assert (found["guarded"][2], "blocked" in found["guarded"][1]) == (["single"], False), found


UNPRIVILEGED = ["sh", "-c", 'echo 50 > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec "$@"', "sh"]
BIND = (
    "import socket, sys; s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1])); s.bind(('127.0.0.1', int(sys.argv[2])))\n"
    "if sys.argv[1] == 'SOCK_STREAM': s.listen(1)\n"
    "print('bo' 'und')"
)


@pytest.mark.parametrize("kind", ["SOCK_DGRAM", "SOCK_STREAM"])
@pytest.mark.parametrize("version", ["2.7", "3.11"])
def test_a_name_server_in_the_run(among_names: Names, hermetic_command: str, kind: str, version: str) -> None:
    """Where everybody may have port 53, as in many containers, the launcher would ask the run itself."""
    argv = [str(find_python(version).path), "-c", BIND, kind]
    localhost = [*UNPRIVILEGED, hermetic_command, "--no-network", "--allow-localhost", "--"]
    names = [*localhost[:-1], "--allow-domain=app.test", "--"]
    found = among_names({
        "bare": [*UNPRIVILEGED, *argv, "53"],
        "no names": [*localhost, *argv, "53"],
        "names": [*names, *argv, "53"],
        "another port": [*names, *argv, "5353"],
        "a privileged one": [*names, *argv, "49"],
        "any": [*names, *argv, "0"],
    })  # fmt: skip
    bound = {name for name in found if "bound" in found[name][1]}
    assert bound == {"bare", "no names", "another port", "any"}, found
    assert "names come from outside: " in found["names"][1], found


def test_this_machine_denied(among_names: Names, hermetic_command: str) -> None:
    """The run's own name server is none of what that is about."""
    asking = [str(find_python("3.11").path), "-c", QUERY, "app.test"]
    found = among_names({"query": [hermetic_command, "--no-network", *OPTIONS, "--deny-address=127.0.0.0/8", "--", *asking]})["query"]
    assert (found[1], found[2]) == ("True\n", ["app.test"]), found


SENT = (
    "import socket; a = socket.gethostbyname('app.test'); s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
    "try: s.sendto(b'x', (a, 80)); print('s' 'ent')\n"
    "except EnvironmentError as error: print(error.errno)"
)
OWN_ADDRESS = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('8.8.4.7', 9)); print(s.getsockname()[0])\n"
    "try: s.send(b'x'); print('s' 'ent')\n"
    "except EnvironmentError as error: print(error.errno)"
)


@pytest.mark.parametrize("layers", ["both", "python", "kernel"])
def test_datagrams_to_a_name(among_names: Names, hermetic_command: str, layers: str) -> None:
    """What is allowed for a name is TCP; and connecting shows which address this machine has, by which nothing is sent."""
    python = PYTHON27 if layers == "kernel" else str(find_python("3.11").path)
    guarded = [str(find_python("3.11").path), "-IS", ONE_LAYER, "python"] if layers == "python" else [hermetic_command]
    programs = {"sent": [python, "-c", SENT], "address": [python, "-c", OWN_ADDRESS]}
    bare = among_names(programs)
    assert (bare["sent"][1], bare["address"][1]) == ("sent\n", f"{INNER}\nsent\n")
    for more in ([], ["--allow-localhost"]):
        found = among_names({name: [*guarded, "--no-network", *OPTIONS, *more, "--", *argv] for name, argv in programs.items()})
        assert "sent\n" not in found["sent"][1] + found["address"][1] or (more and layers == "kernel"), found  # by the loopback interface
        assert ("network limited to TCP: send(8.8.4.4:80)\n" in found["sent"][1]) is (not more or layers != "kernel"), found
        assert f"{INNER}\n" in found["address"][1] or more, found


def test_numbers_as_names(among_names: Names, hermetic_command: str) -> None:
    """What libc reads as an address has no other: it would count as handed out for a name."""
    asking = "import socket; print(socket.gethostbyname({name!r}))"
    numbers = ["134743044", "0x08080404", "01002002004", "8.8.1028", "08.0x8.4.4"]
    commands = {f"bare {name}": [PYTHON27, "-c", asking.format(name=name)] for name in numbers[:4]}
    for name in numbers:
        commands[name] = [hermetic_command, "--no-network", "--allow-domain=*", "--", PYTHON27, "-c", QUERY, name, "127.83.0.53"]
    found = among_names(commands)
    for name in numbers[:4]:
        assert found[f"bare {name}"][1] == "8.8.4.4\n", found
    for name in numbers:
        assert (f"network disabled: DNS({name})\n" in found[name][1], "True" in found[name][1], found[name][2]) == (True, False, []), found


def test_many_names_at_once(among_names: Names, hermetic_command: str) -> None:
    """More than there are workers in the launcher; each of them is found."""
    code = (
        "import socket, threading; found = []\n"
        "def look(n): found.append(socket.getaddrinfo('n%d.wild.test' % n, 8080)[0][4][0])\n"
        "threads = [threading.Thread(target=look, args=(n,)) for n in range(300)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]; print(len(found), set(found))"
    )
    python = str(find_python("3.11").path)
    for prefix in ([], [hermetic_command, "--no-network", *OPTIONS, "--"]):
        found = among_names({"many": [*prefix, python, "-c", code]})["many"]
        assert found[1] == "300 {'8.8.4.4'}\n", found


def test_what_is_required(among_names: Names, hermetic_command: str) -> None:
    """The kernel holds names fully, but where a guarded program may also send datagrams to this machine itself."""
    for more, code in (([], 0), (["--allow-localhost=80"], 0), (["--allow-localhost"], 125)):
        argv = [hermetic_command, "--no-network", *OPTIONS, *more, "--require=kernel", "--", "curl", "-sS", "http://app.test/"]
        found = among_names({"curl": argv})["curl"]
        assert (found[0], "served" in found[1]) == (code, code == 0), found
        if code:
            assert "datagrams can be sent past the loopback interface" in found[1]


WITHOUT = [
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'for kind in mnt user net; do echo 0 > /proc/sys/user/max_${kind}_namespaces || exit 9; done; exec "$@"',
    "sh",
]
"""Where no namespaces are permitted, as in many containers."""


def test_without_namespaces(among_names: Names, hermetic_command: str) -> None:
    """C libraries that go by RES_OPTIONS look names up as well; what has a resolver of its own does not find the server."""
    prefix = [*WITHOUT, hermetic_command, "--no-network", *OPTIONS, "--"]
    names = [name for name in NATIVE if "public first" not in name]
    found = among_names({name: [*prefix, *NATIVE[name][0]] for name in names})
    for name in names:
        _, printed, told, asked = NATIVE[name]
        code, out, seen = found[name]
        if name.startswith("a resolver of its own"):
            assert (code, "Broken pipe" in out, seen) == (1, True, []), (name, out)
            continue
        assert printed in out, (name, out)
        assert (told in out) if told else ("blocked" not in out), (name, out)
        assert seen == asked, (name, seen, out)


def test_each_refusal_is_one_event(among_names: Names, hermetic_command: str) -> None:
    """Of a guarded program too, which both layers hold."""
    prefix = [*WITHOUT, hermetic_command, "--no-network", *OPTIONS, "--", str(find_python("3.11").path), "-c"]
    found = among_names({name: [*prefix, code] for name, (code, _, _) in REFUSED.items()})
    for name, (_, told, _) in REFUSED.items():
        out = found[name][1]
        assert (told in out, out.count("hermetic: blocked action")) == (True, 1), (name, out)
        assert "hermetic: blocked 1 action in all: network 1\n" in out, (name, out)


def test_in_a_container(among_names: Names, hermetic_command: str) -> None:
    """Neither namespaces nor a supervisor: the Python layer alone knows names, and says so."""
    python = str(find_python("3.13").path)
    prefix = [*container(), hermetic_command, "--no-network", *OPTIONS]
    codes = {**ALLOWED, **{name: code for name, (code, _, _) in REFUSED.items()}}
    commands = {name: [*prefix, "--", python, "-c", code] for name, code in codes.items()}
    commands["required"] = [*prefix, "--require=kernel", "--", python, "-c", ALLOWED["a socket"]]
    commands["no Python"] = [*prefix, "--", "curl", "-sS", "http://app.test/"]
    found = among_names(commands)
    for name in ALLOWED:
        assert (found[name][0], "served" in found[name][1], "blocked" in found[name][1]) == (0, True, False), found[name]
    for name, (_, told, asked) in REFUSED.items():
        assert told in found[name][1], found[name]
        assert ("served" in found[name][1], found[name][2]) == (False, asked), found[name]
    for name in ("required", "no Python"):
        assert (found[name][0], found[name][2]) == (125, []), found[name]
        assert "without a supervisor the kernel knows no names" in found[name][1]


SEARCHED = (
    "import os, socket; os.environ.update(LOCALDOMAIN='strange.example', RES_OPTIONS='ndots:9'); "
    "print([socket.getaddrinfo(name, 80, 2, 1, 0, 2) for name in ('app.test', 'app.test.', 'App.test', 'listed.test')]); "
    "print(socket.gethostbyname_ex('app.test'))"
)


@pytest.mark.parametrize("version", ["3.6", "3.13", "pypy3.9"])
def test_search_lists(among_names: Names, hermetic_command: str, version: str) -> None:
    """What is made of an allowed name by them is not asked for; what is found is the same, with its canonical name."""
    python = str(find_python(version).path)
    argv, layer = [python, "-c", SEARCHED], [str(find_python("3.11").path), "-IS", ONE_LAYER, "python"]
    found = among_names(
        {
            "bare": argv,
            "both": [hermetic_command, "--no-network", *OPTIONS, "--", *argv],
            "python": [*layer, "--no-network", *OPTIONS, "--", *argv],
        }
    )
    assert found["bare"][2] == ["app.test", "app.test.strange.example"], found
    for name in ("both", "python"):
        assert found[name] == [0, found["bare"][1], ["app.test"]], found


@pytest.mark.parametrize("searched", ["corp.example", "sub.corp.example corp.example", "corp.example sub.corp.example"])
def test_search_lists_that_are_the_machines(among_names: Names, hermetic_command: str, searched: str) -> None:
    """Where these stand in the configuration, and the kernel alone holds it, nobody is told of what libc makes of an allowed name."""
    script = f'printf "nameserver 10.9.8.7\\nsearch {searched}\\noptions ndots:9\\n" > /etc/resolv.conf; exec "$@"'
    argv = [*WITHOUT, hermetic_command, "--no-network", *OPTIONS, "--", "curl", "-sS"]
    found = among_names({name: ["sh", "-c", script, "sh", *argv, f"http://{name}/"] for name in ("app.test", "strange.example")})
    _, out, asked = found["app.test"]
    assert ("served" in out, "blocked" in out, asked) == (True, False, ["app.test"]), out
    _, out, asked = found["strange.example"]
    assert (out.count("hermetic: blocked action"), asked) == (1, []), out
    assert "DNS(strange.example" in out
