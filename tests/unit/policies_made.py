"""Policies, and what is asked of them, as hypothesis makes them: out of small pools, so that they meet."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

from hermetic_guard.decide import Request
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import (
    BUILDS,
    KERNEL,
    MANNERS,
    TMP,
    Environment,
    Filesystem,
    Limits,
    Native,
    Network,
    Package,
    Policy,
    Subprocess,
    merged,
)
from hypothesis import strategies as st

from hermetic.policy import addresses, domains, environment, ports

PLACE = os.path.realpath(tempfile.mkdtemp(prefix="made-"))
"""A policy file takes only paths that are there."""
atexit.register(shutil.rmtree, PLACE)

PATHS = [
    "/",
    *(
        f"{PLACE}{tail}"
        for tail in ("", "/a", "/a/b", "/a/b/c", "/ab", "/a b", "/é", '/"', "/\\", "/\n", "/$HOME", "/@secrets", "/~", "/#", "/'")
    ),
]
for path in PATHS:
    os.makedirs(path, exist_ok=True)

NAMES = ["example.com", "a.example.com", "*.example.com", "*.a.example.com", "example.org", "*.org"]
HOSTS = ["example.com", "a.example.com", "b.a.example.com", "example.org", "x.org", "localhost"]
BLOCKS = [
    "192.0.2.0/24",
    "192.0.2.0/25",
    "192.0.2.1",
    "0.0.0.0/0",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "2001:db8::/32",
    "2001:db8::1",
    "::/0",
    "::1",
]
ADDRESSES = [
    "192.0.2.1",
    "192.0.2.200",
    "10.0.0.1",
    "127.0.0.1",
    "127.0.0.2",
    "198.51.100.1",
    "2001:db8::1",
    "2001:db8::2",
    "2001:db9::1",
    "::1",
]
PORTS = [1, 79, 80, 81, 443, 8080, 65535]

ranges = st.lists(st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(sorted).map(tuple), max_size=3).map(ports.merged)
some_ranges = ranges.filter(bool)
any_ports = st.just(ANY) | some_ranges
paths = st.lists(st.sampled_from(PATHS), max_size=3).map(merged)
blocks = st.lists(
    st.tuples(st.sampled_from(BLOCKS).map(addresses.read), any_ports).map(lambda pair: (*pair[0][:2], pair[1])), max_size=3
).map(addresses.merged)

networks = st.builds(
    Network,
    localhost=any_ports | ranges,
    domains=st.lists(st.tuples(st.sampled_from(NAMES), some_ranges), max_size=3).map(domains.merged),
    addresses=blocks,
    denied=blocks,
    listen=ranges,
    unix=paths,
)
denied = paths.filter(lambda found: "/" not in found)
protected = st.lists(st.sampled_from([*PATHS, f"{PLACE}/*", f"{PLACE}/a/*b"]), max_size=3).map(merged)
filesystems = st.builds(Filesystem, read=st.none() | paths.filter(bool), write=paths, protect=protected, hide=denied)
programs = st.lists(st.sampled_from(["/bin/true", "/bin/false", "/bin/sh"]).map(os.path.realpath), max_size=2)
subprocesses = st.builds(Subprocess, run=programs.map(set).map(sorted).map(tuple))
natives = st.builds(Native, distributions=st.lists(st.sampled_from(["numpy", "a-b", "ctypes"]), max_size=2).map(set).map(sorted).map(tuple))
names = st.lists(st.sampled_from(["AWS_*", "AWS_KEY", "CI", "C*", "*"]), max_size=3)
environments = names.map(lambda more: Environment(keep=tuple(sorted({*environment.BASE, *more}))))
limits = st.builds(
    Limits,
    timeout=st.sampled_from([None, 1, 0.5, 3600]),
    memory=st.sampled_from([None, 1, 1 << 30]),
    cpu=st.sampled_from([None, 2, 1.25]),
    file_size=st.sampled_from([None, 4096]),
    processes=st.sampled_from([None, 1, 50]),
    output=st.sampled_from([None, 100]),
)
DISTRIBUTIONS = ["boto3", "botocore", "urllib3"]
VERSIONS = ["1.*", "1.4.*", "1.0.*", "1.4", "2"]


def _said(name: str, through: list[str], approved: list[str], **fields: object) -> Package:
    """What says nothing is not there; what denies is not said of a package."""
    fields = {key: value for key, value in fields.items() if value not in (Network(), Filesystem(), Subprocess(), Native())}
    return Package(name=name, through=tuple(sorted({*through} - {name})), approved=tuple(sorted({*approved})), **fields)


def _packages(found: list[Package]) -> tuple[Package, ...]:
    return tuple(package for _, package in sorted({package.name: package for package in found}.items()))


said = st.builds(
    _said,
    name=st.sampled_from(DISTRIBUTIONS),
    through=st.lists(st.sampled_from(DISTRIBUTIONS), max_size=2),
    approved=st.lists(st.sampled_from(VERSIONS), max_size=2),
    expires=st.sampled_from(["", "2999-01-31", "9999-12-31"]),
    reason=st.sampled_from(["", "backups", 'a "b" \\ é']),
    network=st.none() | networks.map(lambda rules: rules.replaced(denied=())),
    filesystem=st.none() | filesystems.map(lambda rules: rules.replaced(protect=(), hide=())),
    subprocess=st.none() | subprocesses,
    native=st.none() | natives,
)
packages = st.lists(said, max_size=3).map(_packages)
asked = st.lists(
    st.tuples(st.sampled_from(DISTRIBUTIONS), st.sampled_from(["1", "1.4", "1.4.0.post1", "2.0", ""])) | st.just(("", "")), max_size=3
).map(tuple)
"""Who asks."""

policies = st.builds(
    Policy,
    packages=st.just(()) | packages,
    network=st.none() | networks,
    filesystem=st.none() | filesystems,
    subprocess=st.none() | subprocesses,
    native=st.none() | natives,
    environment=st.none() | environments,
    limits=st.none() | limits,
    tmp=st.sampled_from(TMP),
    builds=st.sampled_from(BUILDS),
    kernel=st.sampled_from(KERNEL),
    on_violation=st.sampled_from(MANNERS),
)


def _packed(text: str) -> bytes:
    return addresses.read(text)[0]


def _connection(action: str, address: str, port: int, names: tuple[str, ...]) -> Request:
    return Request("network", action, f"{address}:{port}", address=_packed(address), port=port, names=names)


requests = st.one_of(
    st.builds(lambda host: Request("network", "DNS", host, host=host), st.sampled_from(HOSTS)),
    st.builds(
        _connection,
        st.sampled_from(["connect", "send", "bind", "listen"]),
        st.sampled_from(ADDRESSES),
        st.sampled_from([*PORTS, 0]),
        st.lists(st.sampled_from(HOSTS[:-1]), max_size=2).map(tuple),
    ),
    st.builds(lambda path: Request("network", "connect", path, path=os.fsencode(path)), st.sampled_from(PATHS)),
    st.builds(
        lambda action, path, name, tree: Request("filesystem", action, path, path=path, name=name, tree=tree),
        st.sampled_from(["read", "list", "readlink", "write", "rename"]),
        st.sampled_from([*PATHS, "/dev/null", "/etc/passwd"]),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(
        lambda path: Request("subprocess", "start" if path else "fork", path or "", path=path),
        st.sampled_from([None, *(os.path.realpath(path) for path in ("/bin/true", "/bin/false", "/bin/sh"))]),
    ),
    st.builds(
        lambda name, standard: Request("native", "import", name, distribution=name, standard=standard),
        st.sampled_from(["numpy", "a-b", "ctypes", "other", ""]),
        st.booleans(),
    ),
)
"""One thing that somebody tries."""
