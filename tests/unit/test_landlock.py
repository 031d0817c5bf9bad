"""From policies to Landlock rulesets, for every ABI that is known: functions of their arguments, so no kernel is needed."""

from __future__ import annotations

import itertools

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import DEVICES, Filesystem, Native, Network, Policy, Subprocess

from hermetic.linux import landlock as ll
from hermetic.linux.here import Here
from hermetic.linux.surroundings import Stream, Surroundings

WRITE = Filesystem(write=("/srv/out", "/run/r/scratch"))
ROOTED = Filesystem(read=("/srv",), write=("/srv/out",))
POLICIES = {
    "network": Policy(network=Network()),
    "native": Policy(native=Native()),
    "write": Policy(filesystem=WRITE),
    "read": Policy(filesystem=ROOTED),
    "the kernel's": Policy(filesystem=Filesystem(write=("/proc", "/sys/kernel"))),
    "no processes": Policy(subprocess=Subprocess()),
    "one program": Policy(subprocess=Subprocess(run=("/bin/ls",))),
    "all": Policy(network=Network(), subprocess=Subprocess(run=("/bin/ls",)), filesystem=ROOTED, native=Native()),
}
AROUND = Surroundings(
    top=("bin", "dev", "home", "proc", "sys", "tmp"),
    devices=("/dev/null", "/dev/dri"),
    raw=("/dev/sda",),
    streams=(Stream(0, readable=True, writable=False), Stream(1, readable=False, writable=True)),
    executables=("/usr/bin/python3", "/bin/ls", "/lib64/ld.so"),
    essentials=("/usr/lib", "/proc", "/etc/hosts"),
    memory=True,
)
ABIS = range(1, 11)


def here(abi: int = 7, *, root: bool = False, namespaced: bool = True, supervised: bool = False) -> Here:
    return Here(
        machine="x86_64", root=root, run="/run/r", program="/usr/bin/python3", abi=abi, namespaced=namespaced, supervised=supervised
    )


def rights(rules: ll.Ruleset) -> dict[str | int, int]:
    found: dict[str | int, int] = {}
    for grant in rules.grants:
        found[grant.place] = found.get(grant.place, 0) | grant.rights
    return found


SIXTEEN = (1 << 16) - 1
KNOWN = [
    # ABI, its Linux, rights to files, to the network, scopes
    (1, "5.13", (1 << 13) - 1, 0, 0),
    (2, "5.19", (1 << 14) - 1, 0, 0),
    (3, "6.2", (1 << 15) - 1, 0, 0),
    (4, "6.7", (1 << 15) - 1, 3, 0),
    (5, "6.10", SIXTEEN, 3, 0),
    (6, "6.12", SIXTEEN, 3, 3),
    (7, "6.15", SIXTEEN, 3, 3),
    (8, "7.0", SIXTEEN, 3, 3),
    (9, "7.1", SIXTEEN | 1 << 16, 3, 3),
    (10, "7.2", SIXTEEN | 1 << 16, 15, 3),
]


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row[0])
def test_what_an_abi_has(row):
    abi, linux, files, net, scopes = row
    assert ll.KERNELS[abi - 1] == linux
    assert (ll.known(ll.FILESYSTEM, abi), ll.known(ll.NETWORK, abi), ll.known(ll.SCOPES, abi)) == (files, net, scopes)


@pytest.mark.parametrize("threads", [0, 1, 2, 40])
def test_threads_that_are_left_out(threads):
    """Of a process that enters a domain: until LANDLOCK_RESTRICT_SELF_TSYNC all but the one that asks."""
    assert [ll.left_out(abi, threads) for abi in range(11)] == [*[max(threads - 1, 0)] * 8, 0, 0, 0]


def test_names_of_bits():
    """As in include/uapi/linux/landlock.h."""
    assert (ll.EXECUTE, ll.WRITE_FILE, ll.READ_DIR, ll.MAKE_CHAR, ll.MAKE_SYM) == (1, 2, 8, 64, 4096)
    assert (ll.REFER, ll.TRUNCATE, ll.IOCTL_DEV, ll.RESOLVE_UNIX) == (1 << 13, 1 << 14, 1 << 15, 1 << 16)
    assert (ll.BIND_TCP, ll.CONNECT_TCP, ll.BIND_UDP, ll.CONNECT_SEND_UDP, ll.TSYNC) == (1, 2, 4, 8, 8)


EVERY = list(itertools.product(POLICIES, ABIS, (False, True), (False, True)))


@pytest.mark.parametrize(("name", "abi", "namespaced", "root"), EVERY)
def test_what_holds_for_all(name, abi, namespaced, root):
    rules = ll.ruleset(POLICIES[name], here(abi, namespaced=namespaced, root=root), AROUND)
    granted = rights(rules)
    assert rules.files or rules.scoped, "there is no domain"
    assert (
        rules.files & ~ll.known(ll.FILESYSTEM, abi)
        == rules.net & ~ll.known(ll.NETWORK, abi)
        == rules.scoped & ~ll.known(ll.SCOPES, abi)
        == 0
    )
    assert all(given and given & ~rules.files == 0 for given in granted.values())
    assert all(given and given & ~rules.net == 0 for _, given in rules.ports)
    assert bool(rules.scoped & ll.SIGNAL) == (abi >= 6)
    assert not any(given & ll.NODES for given in granted.values())
    assert not any(granted.get(place, 0) & ll.STORE for place in ("/", "/proc", "/sys", "/dev/sda", *(["/dev"] if root else [])))


@pytest.mark.parametrize("abi", ABIS)
@pytest.mark.parametrize("name", POLICIES)
def test_moving_between_directories_is_refused_by_the_filesystem_guard_only(name, abi):
    """Landlock refuses it in every domain that has rights to files, unless it is granted; ABI 1 cannot grant it."""
    rules = ll.ruleset(POLICIES[name], here(abi), AROUND)
    guarded = POLICIES[name].filesystem is not None
    if abi >= 2 and rules.files:
        assert rules.files & ll.REFER
        assert (rights(rules).get("/", 0) == ll.REFER) is not guarded


def test_scope_alone():
    rules = ll.ruleset(POLICIES["native"], here(), AROUND)
    assert (rules.files, rules.net, rules.scoped, rules.grants, rules.ports) == (0, 0, ll.SIGNAL, (), ())
    rules = ll.ruleset(POLICIES["network"], here(), AROUND)
    assert rules.scoped == ll.SIGNAL | ll.ABSTRACT_UNIX


@pytest.mark.parametrize("abi", range(1, 6))
def test_domain_without_scopes(abi):
    rules = ll.ruleset(POLICIES["native"], here(abi), AROUND)
    assert rules.files == ll.MAKE_BLOCK | (ll.REFER if abi > 1 else 0)


@pytest.mark.parametrize(
    ("root", "places"), [(False, {"/bin", "/dev", "/home", "/tmp"}), (True, {"/bin", "/home", "/tmp", "/dev/null", "/dev/dri"})]
)
def test_memory_without_a_namespace(root, places):
    rules = ll.ruleset(POLICIES["network"], here(namespaced=False, root=root), AROUND)
    assert {place for place, given in rights(rules).items() if given == ll.STORE} == places
    assert rules.files == ll.STORE | ll.REFER


def test_writing():
    granted = rights(ll.ruleset(POLICIES["write"], here(), AROUND))
    change = ll.CHANGE & ll.known(ll.FILESYSTEM, 7)
    device = ll.STORE | ll.IOCTL_DEV
    places = dict.fromkeys(("/srv/out", "/run/r/scratch", "/run/r/unix", "/dev/shm"), change)
    assert granted == {**places, **dict.fromkeys((*DEVICES, "/run/r/events", 1), device)}


@pytest.mark.parametrize("policy", ["write", "read"])
@pytest.mark.parametrize("namespaced", [True, False])
def test_shared_memory_of_everybody(policy, namespaced):
    """A run inside another has the outer one's; whose mounts they are does not decide."""
    own = rights(ll.ruleset(POLICIES[policy], here(namespaced=namespaced), AROUND))
    assert own["/dev/shm"] & ll.MAKE_REG
    assert "/dev/shm" not in rights(ll.ruleset(POLICIES[policy], here(namespaced=namespaced), Surroundings()))


@pytest.mark.parametrize("namespaced", [True, False])
def test_what_is_hidden_besides_being_allowed(namespaced):
    """In the mounts there is something else in its place."""
    rules = Filesystem(write=("/srv/out", "/srv/secret/a"), read=("/srv",), hide=("/srv/secret",))
    found = rights(ll.ruleset(Policy(filesystem=rules), here(namespaced=namespaced), AROUND))
    assert "/srv/out" in found
    assert "/srv/secret/a" not in found
    only = Filesystem(read=("/srv/secret/a", "/usr"), hide=("/srv/secret",))
    assert "/srv/secret/a" not in rights(ll.ruleset(Policy(filesystem=only), here(namespaced=namespaced), AROUND))


def test_everything_written():
    """Memory stays out of reach: by its mount in a namespace, else it is not granted."""
    policy = Policy(filesystem=Filesystem(write=("/",)))
    assert rights(ll.ruleset(policy, here(), AROUND))["/"] & ll.STORE
    granted = rights(ll.ruleset(policy, here(namespaced=False), AROUND))
    assert granted["/"] & ll.MAKE_REG
    assert not any(granted.get(place, 0) & ll.STORE for place in ("/", "/proc", "/sys"))
    assert granted["/home"] & ll.STORE == ll.STORE


def test_reading():
    granted = rights(ll.ruleset(POLICIES["read"], here(), AROUND))
    read = ll.READ | ll.EXECUTE
    readable = {place for place, given in granted.items() if given & read == read}
    assert readable == {"/srv", "/srv/out", "/run/r", "/dev/shm", 0, *DEVICES, *AROUND.essentials, *AROUND.executables}
    assert "/etc" not in granted


def test_listing():
    rules = ll.ruleset(Policy(filesystem=ROOTED.replaced(names=("/home/a",))), here(), AROUND)
    assert rights(rules)["/home/a"] == ll.READ_DIR


def test_paths_of_the_policy_may_have_no_links():
    rules = ll.ruleset(Policy(filesystem=ROOTED, network=Network(unix=("/run/bus",))), here(9), AROUND)
    exact = {grant.place for grant in rules.grants if grant.exact}
    assert exact == {"/srv", "/srv/out", "/run/r", "/run/r/unix", "/run/r/scratch", "/run/bus"}


def test_programs():
    rules = ll.ruleset(POLICIES["one program"], here(), AROUND)
    assert {place for place, given in rights(rules).items() if given & ll.EXECUTE} == set(AROUND.executables)
    rules = ll.ruleset(POLICIES["all"], here(), AROUND)
    assert {place for place, given in rights(rules).items() if given & ll.EXECUTE} == set(AROUND.executables)
    assert not ll.ruleset(POLICIES["no processes"], here(), AROUND).files


TCP = ll.BIND_TCP | ll.CONNECT_TCP
NAMES = (("example.com", ((80, 80), (443, 443))),)
FREE = (0, ll.BIND_TCP)
PORTS = [
    # rules, supervised, handled, ports
    (Network(), False, TCP, {FREE}),
    (Network(), True, TCP, {FREE}),
    (Network(localhost=((8000, 8001),)), False, TCP, {FREE, *((port, right) for port in (8000, 8001) for right in (1, 2))}),
    (Network(localhost=((8000, 8001),)), True, TCP, {FREE, (8000, ll.BIND_TCP), (8001, ll.BIND_TCP)}),
    (Network(localhost=ANY), False, 0, set()),
    (Network(localhost=ANY), True, ll.CONNECT_TCP, set()),
    (Network(localhost=((1, 65535),)), False, 0, set()),
    (Network(domains=NAMES), False, TCP, {FREE, *((port, ll.CONNECT_TCP) for port in (53, 80, 443))}),
    (Network(domains=NAMES), True, TCP, {FREE}),
    (Network(domains=NAMES, localhost=ANY), False, 0, set()),
    (Network(domains=(("example.com", ((1, 60000),)),)), False, ll.BIND_TCP, {FREE}),
]


@pytest.mark.parametrize("row", PORTS, ids=lambda row: f"{row[0]!r} {row[1]}")
def test_ports(row):
    network, supervised, net, ports = row
    rules = ll.ruleset(Policy(network=network), here(supervised=supervised), AROUND)
    assert (rules.net, set(rules.ports)) == (net, ports)


@pytest.mark.parametrize("abi", ABIS)
def test_ports_need_abi_4(abi):
    rules = ll.ruleset(Policy(network=Network(localhost=((8000, 8000),))), here(abi), AROUND)
    assert bool(rules.net) == bool(rules.ports) == (abi >= 4)


def test_local_sockets_by_path_from_abi_9_on():
    policy = Policy(network=Network(unix=("/run/bus",)))
    assert rights(ll.ruleset(policy, here(9), AROUND))["/run/bus"] == ll.RESOLVE_UNIX
    assert not ll.ruleset(policy, here(8), AROUND).files


def test_datagrams_from_abi_10_on():
    both = ll.BIND_UDP | ll.CONNECT_SEND_UDP
    assert ll.ruleset(POLICIES["network"], here(10), AROUND).net & both == both
    assert not ll.ruleset(POLICIES["network"], here(9), AROUND).net & both
    assert not ll.ruleset(Policy(network=Network(localhost=ANY)), here(10), AROUND).net & both
