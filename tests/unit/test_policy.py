"""The policy object: what it decides, how two of them intersect, and that a damaged one is never read as a weaker one."""

from __future__ import annotations

import itertools
import socket

import pytest
from hermetic_guard import policy as p
from hermetic_guard.decide import Request, decide
from hermetic_guard.hosts import ANY, is_inward
from hermetic_guard.intersection import intersect
from hermetic_guard.policy import Environment, Filesystem, Limits, Native, Network, Policy, Subprocess
from hermetic_guard.scopes import Scopes
from hermetic_guard.serialized import dumps, loads

OFF = Policy(network=Network())
LOCAL = Policy(network=Network(localhost=ANY))
WEB = Policy(network=Network(localhost=((80, 80), (8000, 8010))))
OPEN = Policy()
NAMES = Policy(network=Network(domains=(("*.example.org", ((8443, 8443),)), ("example.com", ((80, 80), (443, 443))))))


def v4(text: str) -> bytes:
    return socket.inet_aton(text)


def v6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


def request(action: str, host: str | None = None, address: bytes | None = None, port: int | None = None, **facts: object) -> Request:
    return Request("network", action, "shown", host=host, address=address, port=port, **facts)


def named(address: str, port: int, name: str = "example.com") -> Request:
    """A connection to an address that was handed out for a name."""
    return Request("network", "connect", "shown", address=v4(address), port=port, names=(name,))


DECISIONS = [
    # policy, request, allowed
    (OPEN, request("DNS", "example.com"), True),
    (OPEN, request("connect", address=v4("192.0.2.1"), port=80), True),
    (OFF, request("DNS", "example.com"), False),
    (OFF, request("DNS", "localhost"), False),
    (OFF, request("connect", address=v4("127.0.0.1"), port=80), False),
    (OFF, request("bind", address=v4("127.0.0.1"), port=0), True),
    (OFF, request("bind", address=v4("127.0.0.1"), port=80), False),
    (OFF, request("bind", address=v4("0.0.0.0"), port=0), False),
    (OFF, request("listen", address=v4("127.0.0.1"), port=0), False),
    (OFF, request("connect", address=v4("127.0.0.1"), port=0), False),
    (OFF, request("socket"), False),
    (NAMES, request("DNS", "example.com"), True),
    (NAMES, request("DNS", "EXAMPLE.com."), True),
    (NAMES, request("DNS", "evil-example.com"), False),
    (NAMES, request("DNS", "example.com.evil.test"), False),
    (NAMES, request("DNS", "a.example.org"), True),
    (NAMES, request("DNS", "a.b.example.org"), True),
    (NAMES, request("DNS", "example.org"), False),
    (NAMES, request("DNS", ".example.org"), False),
    (NAMES, request("DNS", "localhost"), False),
    (NAMES, request("connect", address=v4("192.0.2.1"), port=443), False),
    (NAMES, named("192.0.2.1", 443), True),
    (NAMES, named("192.0.2.1", 80), True),
    (NAMES, named("192.0.2.1", 22), False),
    (NAMES, named("192.0.2.1", 8443, "b.example.org"), True),
    (NAMES, named("192.0.2.1", 443, "b.example.org"), False),
    (NAMES, named("192.0.2.1", 443, "other.test"), False),
    (NAMES, named("127.0.0.1", 443), False),
    (NAMES, named("10.1.2.3", 443), False),
    (NAMES, named("172.31.0.1", 443), False),
    (NAMES, named("172.32.0.1", 443), True),
    (NAMES, named("192.168.0.1", 443), False),
    (NAMES, named("169.254.169.254", 443), False),
    (NAMES, named("100.64.0.1", 443), False),
    (NAMES, named("0.0.0.0", 443), False),
    (NAMES, named("224.0.0.1", 443), False),
    (LOCAL, request("DNS", "localhost"), True),
    (LOCAL, request("DNS", "LOCALHOST."), True),
    (LOCAL, request("DNS", "localhost.."), False),
    (LOCAL, request("DNS", "localhost.example.com"), False),
    (LOCAL, request("DNS", "evil.localhost"), False),
    (LOCAL, request("DNS", ""), False),
    (LOCAL, request("connect", address=v4("127.0.0.1"), port=1), True),
    (LOCAL, request("connect", address=v4("127.255.255.254"), port=1), True),
    (LOCAL, request("connect", address=v4("128.0.0.1"), port=1), False),
    (LOCAL, request("connect", address=v4("0.0.0.0"), port=1), False),
    (LOCAL, request("connect", address=v6("::1"), port=1), True),
    (LOCAL, request("connect", address=v6("::"), port=1), False),
    (LOCAL, request("connect", address=v6("::ffff:127.0.0.2"), port=1), True),
    (LOCAL, request("connect", address=v6("::ffff:192.0.2.1"), port=1), False),
    (LOCAL, request("connect", address=v6("::7f00:1"), port=1), False),
    (LOCAL, request("connect", address=v6("fe80::1"), port=1), False),
    (LOCAL, request("socket"), False),
    (WEB, request("connect", address=v4("127.0.0.1"), port=80), True),
    (WEB, request("connect", address=v4("127.0.0.1"), port=8010), True),
    (WEB, request("connect", address=v4("127.0.0.1"), port=8011), False),
    (WEB, request("bind", address=v4("127.0.0.1"), port=0), True),
    (WEB, request("connect", address=v4("127.0.0.1"), port=0), False),
    (WEB, request("DNS", "localhost"), True),
]


def on_path(guard: str, action: str, path: str | None, **facts: object) -> Request:
    return Request(guard, action, "shown", path=path, **facts)


READONLY = Policy(filesystem=Filesystem(write=("/srv/out",), hide=("/srv/key",)))
ROOTED = Policy(filesystem=Filesystem(read=("/srv",), write=("/tmp/s",)))
LISTED = Policy(filesystem=Filesystem(read=("/srv",), names=("/home/code",)))
HIDING = Policy(filesystem=Filesystem(write=("/srv/out",), hide=("/srv/out/a/key",)))
PROTECTING = Policy(filesystem=Filesystem(write=("/srv",), protect=("/etc/x", "/srv/a/key", "/srv/site/*.pth")))
PRIVATE = Policy(filesystem=Filesystem(write=("/tmp/x/out",), private=("/tmp", "/var/tmp"), kept=("/tmp/x",)))
PROTECTING_ALL = Policy(filesystem=Filesystem(write=("/",), protect=("/home", "/srv/a")))
ONE_PROGRAM = Policy(subprocess=Subprocess(run=("/bin/ls",)))
ONE_DIST = Policy(native=Native(distributions=("numpy",)))
DECISIONS += [
    (OPEN, on_path("filesystem", "write", "/etc/passwd"), True),
    (READONLY, on_path("filesystem", "read", "/etc/passwd"), True),
    (READONLY, on_path("filesystem", "write", "/etc/passwd"), False),
    (READONLY, on_path("filesystem", "write", "/srv/out"), True),
    (READONLY, on_path("filesystem", "delete", "/srv/out/a/b"), True),
    (READONLY, on_path("filesystem", "write", "/srv/outer"), False),
    (READONLY, on_path("filesystem", "write", "/dev/null"), True),
    (READONLY, on_path("filesystem", "write", "/dev/pts/3"), True),
    (READONLY, on_path("filesystem", "write", "/dev/sda"), False),
    (READONLY, on_path("filesystem", "read", "/srv/key"), False),
    (READONLY, on_path("filesystem", "read", "/srv/key/id"), False),
    (PRIVATE, on_path("filesystem", "write", "/tmp/a"), True),
    (PRIVATE, on_path("filesystem", "write", "/tmp/x/a"), False),
    (PRIVATE, on_path("filesystem", "write", "/tmp/x"), False),
    (PRIVATE, on_path("filesystem", "write", "/tmp/x/out/a"), True),
    (PRIVATE, on_path("filesystem", "write", "/etc/passwd"), False),
    (ROOTED, on_path("filesystem", "read", "/srv/a"), True),
    (ROOTED, on_path("filesystem", "read", "/tmp/s/a"), True),
    (ROOTED, on_path("filesystem", "read", "/srvx"), False),
    (ROOTED, on_path("filesystem", "read", "/dev/urandom"), True),
    (ROOTED, on_path("filesystem", "read", "/"), False),
    (ROOTED, on_path("filesystem", "write", "/srv/a"), False),
    (ROOTED, on_path("filesystem", "list", "/srv/a"), True),
    (ROOTED, on_path("filesystem", "list", "/home"), False),
    (LISTED, on_path("filesystem", "list", "/home/code"), True),
    (LISTED, on_path("filesystem", "read", "/home/code"), False),
    (LISTED, on_path("filesystem", "list", "/home/code/data"), False),
    (ROOTED, on_path("filesystem", "readlink", "/srv/a"), True),
    (ROOTED, on_path("filesystem", "readlink", "/link", leads="/srv/a"), True),
    (ROOTED, on_path("filesystem", "readlink", "/link", leads="/"), True),
    (ROOTED, on_path("filesystem", "readlink", "/link", leads="/tmp"), True),
    (ROOTED, on_path("filesystem", "readlink", "/link", leads="/home"), False),
    (ROOTED, on_path("filesystem", "readlink", "/link", leads=None), False),
    (READONLY, on_path("filesystem", "rename", "/srv/out/a", tree=True), True),
    (HIDING, on_path("filesystem", "rename", "/srv/out/a", tree=True), False),
    (HIDING, on_path("filesystem", "rename", "/srv/out/a", tree=False), True),
    (PROTECTING, on_path("filesystem", "write", "/srv/a/other"), True),
    (PROTECTING, on_path("filesystem", "read", "/srv/a/key"), True),
    (PROTECTING, on_path("filesystem", "write", "/srv/a/key"), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/a/key/below"), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/a/key", stream=True), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/a/keys"), True),
    (PROTECTING, on_path("filesystem", "delete", "/srv/a/key", name=True), False),
    (PROTECTING, on_path("filesystem", "rename", "/srv/a", name=True, tree=True), False),
    (PROTECTING, on_path("filesystem", "create", "/srv/a", name=True, tree=False), True),
    (PROTECTING, on_path("filesystem", "rename", "/srv/b", name=True, tree=True), True),
    (PROTECTING, on_path("filesystem", "create", "/srv/site/x.pth", name=True), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/site/.pth"), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/site/x.pth/below"), False),
    (PROTECTING, on_path("filesystem", "write", "/srv/site/x.pth.txt"), True),
    (PROTECTING, on_path("filesystem", "write", "/srv/site/inner/x.pth"), True),
    (PROTECTING, on_path("filesystem", "rename", "/srv/site", name=True, tree=True), False),
    (PROTECTING_ALL, on_path("filesystem", "write", "/srv/a/key"), False),
    (PROTECTING_ALL, on_path("filesystem", "write", "/tmp/x"), True),
    (Policy(filesystem=Filesystem(protect=("/",))), on_path("filesystem", "write", "/dev/null"), True),
    (ROOTED, on_path("filesystem", "delete", "/tmp/s", name=True), False),
    (ROOTED, on_path("filesystem", "read", "/tmp/s", name=True), True),
    (READONLY, on_path("filesystem", "write", "/home/out", stream=True), True),
    (READONLY, on_path("filesystem", "write", "/home/out", stream=False), False),
    (READONLY, on_path("filesystem", "write", "/dev/shm/x", own=True), True),
    (READONLY, on_path("filesystem", "write", "/dev/shm/x", own=False), False),
    (READONLY, on_path("filesystem", "read", "/srv/key", stream=True), False),
    (READONLY, on_path("filesystem", "use", None), False),
    (OPEN, on_path("filesystem", "use", None), True),
    (OPEN, on_path("subprocess", "start", "/bin/ls"), True),
    (ONE_PROGRAM, on_path("subprocess", "start", "/bin/ls"), True),
    (ONE_PROGRAM, on_path("subprocess", "start", "/bin/lsx"), False),
    (ONE_PROGRAM, on_path("subprocess", "fork", None), True),
    (Policy(subprocess=Subprocess()), on_path("subprocess", "fork", None), False),
    (Policy(subprocess=Subprocess()), on_path("subprocess", "start", "/bin/ls"), False),
    (OPEN, on_path("native", "import", "/x.so", distribution="numpy"), True),
    (ONE_DIST, on_path("native", "import", "/x.so", distribution="numpy"), True),
    (ONE_DIST, on_path("native", "import", "/x.so", distribution="scipy"), False),
    (ONE_DIST, on_path("native", "import", "/x.so", distribution=""), False),
    (ONE_DIST, on_path("native", "import", "/x.so", standard=True), True),
    (ONE_DIST, on_path("native", "load", "libc.so.6"), False),
    (ONE_DIST, on_path("native", "import", "/x.so", claimed="numpy"), False),
]


@pytest.mark.parametrize(("policy", "asked", "allowed"), DECISIONS)
def test_decisions(policy: Policy, asked: Request, allowed: bool) -> None:
    decision = decide(policy, asked)
    assert decision.allowed is allowed
    assert bool(decision.rule) is not allowed


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("policy", [OFF, LOCAL])
def test_a_unix_socket_is_reached_only_if_this_run_bound_it(policy: Policy, own: bool) -> None:
    asked = Request("network", "connect", "unix:/run/x", path=b"/run/x", own=own)
    assert decide(policy, asked).allowed is own
    assert decide(policy, Request("network", "bind", "unix:/run/x", path=b"/run/x", own=False)).allowed


def test_tcl_goes_with_a_display() -> None:
    asked = Request("network", "use", "Tcl")
    assert decide(OFF, asked).hint == "--allow-unix /tmp/.X11-unix"
    assert not decide(NAMES, asked).allowed
    assert decide(Policy(network=Network(unix=("/tmp/.X11-unix",))), asked).allowed
    assert decide(Policy(network=Network(localhost=ANY)), asked).allowed


def test_datagrams_go_with_localhost_and_names() -> None:
    asked = Request("network", "socket", "AF_INET SOCK_DGRAM", datagrams=True)
    assert not decide(OFF, asked).allowed
    assert decide(Policy(network=Network(localhost=((80, 80),))), asked).hint == "--allow-localhost"
    assert decide(Policy(network=Network(localhost=ANY)), asked).allowed
    assert decide(NAMES, asked).allowed


def test_a_name_that_leads_to_this_machine_is_named() -> None:
    asked = request("connect", address=v4("127.0.0.1"), port=80, names=("db.example",))
    decision = decide(OFF, asked)
    assert (decision.rule, decision.hint) == ("network disabled: db.example leads to a loopback address", "--allow-localhost=80")
    assert decide(OFF, request("connect", address=v4("127.0.0.1"), port=80, names=("localhost",))).rule == "network disabled"
    assert decide(LOCAL, asked).allowed


def test_what_would_listen_everywhere_may_do_so_inside() -> None:
    """The hint says so where that is allowed, and only there."""
    everywhere = request("bind", address=bytes(16), port=8000)
    assert decide(LOCAL, everywhere).hint == "--allow-listen 8000  # or bind 127.0.0.1 rather than all addresses"
    assert decide(OFF, everywhere).hint == "--allow-listen 8000"
    assert decide(LOCAL, request("bind", address=v4("192.0.2.1"), port=8000)).hint == "--allow-listen 8000"


def test_the_hint_of_a_fork_is_any_program() -> None:
    fork = on_path("subprocess", "fork", None)
    assert decide(Policy(subprocess=Subprocess()), fork).hint.startswith("--allow-run PROGRAM")
    assert decide(ONE_PROGRAM, fork).allowed


def test_a_name_of_the_hosts_file_is_found_where_its_address_may_be_reached() -> None:
    """At some port; nobody is asked. By names those are reached that are no private address."""

    def lookup(policy: Policy, host: str, *names: str) -> bool:
        return decide(policy, request("DNS", host="www.a.example", hosts=[(v4(host), names)])).allowed

    db = Policy(network=Network(addresses=((v4("10.0.0.5"), 32, ((5432, 5432),)),)))
    assert lookup(db, "10.0.0.5")
    assert not lookup(db, "10.0.0.6")
    assert not lookup(OFF, "10.0.0.5")
    named = Policy(network=Network(domains=(("a.example", ((443, 443),)),)))
    assert lookup(named, "192.0.2.1", "a.example", "www.a.example")
    assert not lookup(named, "192.0.2.1", "www.a.example")
    assert not lookup(named, "10.0.0.5", "a.example")
    assert lookup(LOCAL, "127.0.0.1")
    denied = db.replaced(network=db.network.replaced(denied=((v4("10.0.0.5"), 32, ANY),)))
    assert not lookup(denied, "10.0.0.5")


def test_the_hint_is_an_option_that_would_allow_it() -> None:
    assert decide(OFF, request("connect", address=v4("127.0.0.1"), port=80)).hint == "--allow-localhost=80"
    assert decide(WEB, request("connect", address=v4("127.0.0.1"), port=99)).hint == "--allow-localhost=99"
    assert decide(OFF, request("DNS", "Example.com.")).hint == "--allow-domain example.com"
    assert decide(OFF, request("DNS", "no such;name")).hint == ""
    assert decide(NAMES, named("192.0.2.1", 22)).hint == "--allow-domain example.com:22"
    assert decide(ONE_PROGRAM, on_path("subprocess", "start", "/bin/cat")).hint == "--allow-run /bin/cat"
    assert decide(ONE_PROGRAM, Request("subprocess", "start", "Tcl", path="")).hint == ""
    assert decide(ONE_DIST, on_path("native", "import", "/x.so", distribution="scipy")).hint == "--allow-native scipy"
    assert decide(ONE_DIST, on_path("native", "import", "/x.so", claimed="scipy")).hint == "--allow-native scipy"
    assert decide(ONE_DIST, on_path("native", "import", "/x.so", claimed="numpy")).hint == ""


@pytest.mark.parametrize("address", ["::", "::1", "fd00::1", "fe80::1", "fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"])
def test_a_name_never_grants_an_inward_address(address: str) -> None:
    assert is_inward(v6(address))


@pytest.mark.parametrize("address", ["2001:db8::1", "::ffff:192.0.2.1", "64:ff9b::c000:201"])
def test_other_addresses_are_not_inward(address: str) -> None:
    assert not is_inward(v6(address))


def test_integrity_is_refused_whatever_the_policy() -> None:
    assert not decide(OPEN, Request("integrity", "write", "/x")).allowed


POLICIES = [
    OPEN,
    OFF,
    NAMES,
    Policy(network=Network(domains=(("b.example.org", ((8000, 9000),)), ("example.com", ((443, 443),))))),
    LOCAL,
    WEB,
    Policy(network=Network(localhost=((8005, 9000),)), on_violation="raise"),
    Policy(subprocess=Subprocess(), native=Native(), on_violation="kill"),
    Policy(filesystem=Filesystem(), network=Network()),
    Policy(filesystem=Filesystem(read=("/srv/ä b\n\udcff",))),
    Policy(filesystem=Filesystem(read=("/srv", "/usr/lib"), write=("/srv/out", "/tmp/a b"), hide=("/srv/key",))),
    Policy(filesystem=Filesystem(write=("/srv",), hide=("/srv/out/key",))),
    PROTECTING,
    PROTECTING_ALL,
    PRIVATE,
    Policy(filesystem=Filesystem(write=("/tmp/x", "/tmp/a"))),
    Policy(network=Network(unix=("/run/a", "/run/b c")), subprocess=Subprocess(run=("/bin/ls",)), native=Native(distributions=("numpy",))),
    Policy(
        network=Network(unix=("/run",)), subprocess=Subprocess(run=("/bin/cat", "/bin/ls")), native=Native(distributions=("a", "numpy"))
    ),
    Policy(environment=Environment(), tmp="private"),
    Policy(environment=Environment(keep=("AWS_*", "PATH")), limits=Limits(timeout=0.25, memory=1 << 40, processes=3)),
    Policy(limits=Limits(), native=Native()),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_serialized_and_read_back_it_is_the_same(policy: Policy) -> None:
    data = dumps(policy)
    assert loads(data) == policy
    assert dumps(loads(data)) == data


@pytest.mark.parametrize(("a", "b"), list(itertools.product(POLICIES, repeat=2)))
def test_an_intersection_allows_what_both_allow(a: Policy, b: Policy) -> None:
    try:
        both = intersect(a, b)
    except p.PolicyError:
        assert not set(a.filesystem.read) & set(b.filesystem.read)
        return
    for _, asked, _ in DECISIONS:
        expected = decide(a, asked).allowed and decide(b, asked).allowed
        assert decide(both, asked).allowed is expected
    assert set(both.guards()) == set(a.guards()) | set(b.guards())
    assert p.MANNERS.index(both.on_violation) >= max(map(p.MANNERS.index, (a.on_violation, b.on_violation)))


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*.pth", ["a.pth", ".pth", "a.b.pth"], ["a.pthx", "pth", "apth", ""]),
        ("a*a", ["aa", "aba", "aaa"], ["a", "ab", "ba"]),
        ("a*b*b", ["abb", "axbyb", "abbb"], ["ab", "bb", "abbc"]),
        ("*", ["", "x", "*"], []),
        ("*[x]?", ["[x]?", "a[x]?"], ["x", "ax1"]),
    ],
)
def test_names_with_a_star(pattern: str, names: list[str], others: list[str]) -> None:
    assert [name for name in names + others if p.fits(name, pattern)] == names


def test_nothing_allows_what_is_protected() -> None:
    decision = decide(PROTECTING, on_path("filesystem", "write", "/srv/a/key", there="/srv/a/key"))
    assert (decision.rule, decision.hint) == ("protected", "")


def test_of_two_limits_the_smaller_holds() -> None:
    a = Policy(limits=Limits(timeout=5, memory=100))
    b = Policy(limits=Limits(timeout=9, processes=3))
    assert intersect(a, b) == intersect(b, a) == Policy(limits=Limits(timeout=5, memory=100, processes=3))
    assert intersect(a, OPEN) == a


def test_a_clean_environment_and_a_private_tmp_stay_so() -> None:
    clean = Policy(environment=Environment(keep=("AWS_*", "LANG", "PATH")), tmp="private")
    narrower = Policy(environment=Environment(keep=("AWS_KEY", "HOME", "PATH")))
    assert intersect(clean, narrower) == Policy(environment=Environment(keep=("AWS_KEY", "PATH")), tmp="private")
    assert intersect(clean, OPEN) == intersect(OPEN, clean) == clean


def test_intersection_of_roots() -> None:
    def root(path: str) -> Policy:
        return Policy(filesystem=Filesystem(read=(path,)))

    assert intersect(root("/srv"), root("/srv/a")) == root("/srv/a")
    assert intersect(root("/srv/a"), root("/")) == root("/srv/a")
    with pytest.raises(p.PolicyError, match="nothing to read"):
        intersect(root("/srv/a"), root("/srv/ab"))


DAMAGE = {
    "empty": b"",
    "newer": b"hermetic-policy 3\non_violation refuse\n",
    "no manner": b"hermetic-policy 2\n",
    "unknown manner": b"hermetic-policy 2\non_violation allow\n",
    "no word about tmp": b"hermetic-policy 2\non_violation refuse\n",
    "a number that is none": dumps(Policy(limits=Limits(cpu=5))).replace(b"number 5", b"number five"),
    "unknown key": b"hermetic-policy 2\non_violation refuse\ntmp shared\nallow everything\n",
    "unknown guard": b"hermetic-policy 2\non_violation refuse\ntmp shared\npart gravity\n",
    "field missing": b"hermetic-policy 2\non_violation refuse\ntmp shared\npart network\n",
    "field of no guard": b"hermetic-policy 2\non_violation refuse\ntmp shared\nnetwork.localhost text *\n",
    "unknown field": b"hermetic-policy 2\non_violation refuse\ntmp shared\npart native\nnative.all text *\n",
    "not ASCII": "hermetic-policy 2\non_violation ä\n".encode(),
    "port no number": b"hermetic-policy 2\non_violation refuse\ntmp shared\npart network\nnetwork.localhost ports x\n",
    "other kind": b"hermetic-policy 2\non_violation refuse\ntmp shared\npart network\nnetwork.localhost maybe\n",
}


@pytest.mark.parametrize("data", DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_not_understood_is_refused(data: bytes) -> None:
    with pytest.raises(p.PolicyError):
        loads(data)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_cut_off_anywhere_is_refused(policy: Policy) -> None:
    data = dumps(policy)
    for end in range(len(data)):
        try:
            read = loads(data[:end])
        except p.PolicyError:
            continue
        # Cut between two parts it still reads; that is what the digest in the manifest is for.
        assert data[:end].endswith(b"\n")
        assert dumps(read).count(b"\npart ") < data.count(b"\npart ")


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        OFF.network = None  # type: ignore[misc]
    with pytest.raises(TypeError, match="no field"):
        Policy(netwrok=Network())
    assert {OFF, Policy(network=Network())} == {OFF}


def test_blocks_nest_by_intersection_and_close_in_any_order() -> None:
    scopes = Scopes(LOCAL)
    outer, inner = scopes.push(WEB), scopes.push(OPEN)
    assert scopes.current == WEB
    scopes.pop(outer)
    assert scopes.current == LOCAL
    scopes.pop(inner)
    with pytest.raises(KeyError):
        scopes.pop(inner)
    assert scopes.current == scopes.base == LOCAL


def test_what_is_handed_on_holds_elsewhere() -> None:
    scopes = Scopes(LOCAL)
    assert scopes.narrowed() is None
    scopes.hand_on(dumps(Policy(subprocess=Subprocess())))
    assert scopes.current is scopes.base
    assert loads(scopes.narrowed() or b"") == LOCAL.replaced(subprocess=Subprocess())
    scopes.push(WEB)
    scopes.hand_on(dumps(Policy(native=Native())))
    assert loads(scopes.narrowed() or b"") == WEB.replaced(subprocess=Subprocess(), native=Native())


@pytest.mark.parametrize(
    ("facts", "hint"),
    [
        ({"path": "/a/new"}, "--allow-write /a/new"),
        ({"path": "/a/new", "there": "/a"}, "--allow-write /a"),
        ({"path": "/w", "name": True}, "--allow-write /w"),
        ({"path": "/dev/null", "name": True}, "--allow-write /dev/null"),
        ({"path": "/proc/self/x"}, ""),
        ({"path": "/sys/x", "there": "/sys"}, ""),
        ({"path": "/w/x", "name": True}, None),
        ({"path": "/w"}, None),
        ({"path": "/dev/null"}, None),
    ],
)
def test_what_would_allow_a_change(facts: dict[str, object], hint: str | None) -> None:
    """A name belongs to the directory it is in; what the kernel keeps, no option gives."""
    decision = decide(Policy(filesystem=Filesystem(write=("/w",))), Request("filesystem", "write", "x", **facts))
    assert decision.allowed is (hint is None)
    assert decision.hint == (hint or "")


@pytest.mark.parametrize(
    ("path", "is_it"),
    [
        ("/p/.git", False),
        ("/p/.git/config", False),
        ("/p/sub/.git", True),
        ("/p/sub/.git/config", True),
        ("/p/a/b/.git", True),
        ("/p/sub/x.git", False),
        ("/p/sub/.gitx", False),
        ("/p/sub", False),
        ("/pp/sub/.git", False),
        ("/p", False),
    ],
)
def test_protected_in_any_directory_below(path: str, is_it: bool) -> None:
    assert p.is_protected(path, ("/q", "/p/**/.git")) is is_it
