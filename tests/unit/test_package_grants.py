"""What policy files say of single packages: how it is read, who it is for, and what comes of two files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hermetic_guard.attribution import make_owner
from hermetic_guard.decide import Request, decide_for_packages
from hermetic_guard.enforce import Enforcer
from hermetic_guard.hosts import ANY
from hermetic_guard.intersection import intersect
from hermetic_guard.packages import NOBODY, approves, common_versions, normalized_version, version_asking
from hermetic_guard.policy import Filesystem, Native, Network, Package, Policy, Subprocess
from hermetic_guard.scopes import Scopes
from hermetic_guard.unions import views, whole

from hermetic import explain
from hermetic.errors import PolicyFileError, UsageError
from hermetic.policy import dump, load, packages
from hermetic.policy.context import Context
from hermetic.policy.reader import Reader

WEB = ((80, 80), (443, 443))
LOCAL = Network(localhost=ANY)


def read(text: str, name: str = "", base: Policy | None = None, context: Context | None = None) -> Policy:
    document = load.Document(f"version = 1\n{text}".encode(), "/x/p.toml")
    return document.policy(name, base or Policy(), Reader("/x", context or Context("/usr", {})))


GOOD = [
    ("[package.boto3]", Package(name="boto3")),
    ("[package.boto3]\nnetwork.allow-localhost = true", Package(name="boto3", network=LOCAL)),
    ("[package.'Boto_3.x']\nnetwork.allow-localhost = true", Package(name="boto-3-x", network=LOCAL)),
    ("[package.a.network]\nallow-domain = ['*.amazonaws.com']", Package(name="a", network=Network(domains=(("*.amazonaws.com", WEB),)))),
    ("[package.a.filesystem]\nallow-write = '/usr'", Package(name="a", filesystem=Filesystem(write=("/usr",)))),
    ("[package.a.filesystem]\nallow-read = ['/usr', '/etc']", Package(name="a", filesystem=Filesystem(read=("/etc", "/usr")))),
    ("[package.a.native]\nallow-native = 'Num_Py'", Package(name="a", native=Native(distributions=("num-py",)))),
    ("[package.a]\napproved = ['1.42.*', 'v2.0.0']", Package(name="a", approved=("1.42.*", "2"))),
    ("[package.a]\nthrough = ['Url_Lib3', 'b']", Package(name="a", through=("b", "url-lib3"))),
    ("[package.a]\nreason = ' why  not '", Package(name="a", reason="why not")),
    ("[package.a]\nexpires = 2999-01-31", Package(name="a", expires="2999-01-31")),
]


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[row[0] for row in GOOD])
def test_reads(text: str, expected: Package) -> None:
    assert read(text) == Policy(packages=(expected,))
    assert read(text.replace("[package", "[profile.p.package"), "p") == Policy(packages=(expected,))


BAD = [
    ("package = 1", "line 2: package: a table was expected: write [package]"),
    ("[package]\na = 1", "line 3: package.a: a table was expected: write [package.a]"),
    ("[pakage.a]", "line 2: pakage: unknown key (did you mean package?)"),
    ("[package.'a b']", "line 2: 'package.a b': 'a b': the name of a distribution was expected (as pip list shows it)"),
    ("[package.a_b]\n[package.a-b]", "line 3: package.a-b: it is the same as a_b"),
    ("[package.a]\napprove = '1'", "line 3: package.a.approve: unknown key (did you mean approved?)"),
    ("[package.a]\nenvironment.allow-env = 'X'", "line 3: package.a.environment: unknown key"),
    ("[package.a]\nnetwork.allow-domian = 'x'", "line 3: package.a.network.allow-domian: unknown key (did you mean allow-domain?)"),
    (
        "[package.a.network]\ndeny-address = '10.0.0.0/8'",
        "line 3: package.a.network.deny-address: unknown key (did you mean allow-address?)",
    ),
    ("[package.a.filesystem]\nhide = '/x'", "line 3: package.a.filesystem.hide: unknown key (there are allow-write, allow-read)"),
    ("[package.a.filesystem]\nroot = '/'", "line 3: package.a.filesystem.root: unknown key"),
    ("[package.a]\nnetwork = true", "line 3: package.a.network: a table was expected: write [package.a.network]"),
    ("[package.a]\nnetwork.allow-listen = 'x'", "line 3: package.a.network.allow-listen: x: a port number was expected (at character 1)"),
    ("[package.a]\napproved = 1.42", "line 3: package.a.approved: a version, or a list of these was expected"),
    ("[package.a]\napproved = []", "package.a.approved: a version, or a list"),
    ("[package.a]\napproved = '>=1'", "line 3: package.a.approved: >=1: a version was expected (as in 1.42.3, 1.42.*)"),
    ("[package.a]\napproved = '1.*.2'", "package.a.approved: 1.*.2: a version was expected"),
    ("[package.a]\napproved = '*'", "package.a.approved: *: a version was expected"),
    ("[package.a]\napproved = '1.0rc1'", "package.a.approved: 1.0rc1: a version was expected"),
    ("[package.a]\nthrough = 'a'", "line 3: package.a.through: a asks for itself"),
    ("[package.a]\nthrough = 'b c'", "package.a.through: 'b c': the name of a distribution was expected"),
    ("[package.a]\nreason = 1", "line 3: package.a.reason: a text was expected"),
    ("[package.a]\nexpires = '2027-01-31'", "line 3: package.a.expires: a date was expected (as in 2027-01-31, without quotes)"),
    ("[package.a]\nexpires = 2027-01-31T00:00:00", "package.a.expires: a date was expected"),
    ("[profile.p.package.a]\nthrouhg = 'b'", "line 3: profile.p.package.a.throuhg: unknown key (did you mean through?)"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[row[1] for row in BAD])
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(PolicyFileError) as caught:
        read(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("/x/p.toml")


@pytest.mark.parametrize(("day", "holds"), [("2027-01-30", True), ("2027-01-31", False), ("2027-02-01", False)])
def test_expires(day: str, holds: bool) -> None:
    context = Context("/usr", {})
    context._day = day
    policy = read("[package.a]\nexpires = 2027-01-31\nreason = 'a try'\nnetwork.allow-localhost = true", context=context)
    assert bool(policy.packages) is holds
    assert context.notices == ([] if holds else ["/x/p.toml: what package a may do (a try) has expired on 2027-01-31"])


def test_added_to_what_is_extended() -> None:
    base = Policy(
        packages=(
            Package(name="a", approved=("1.*",), network=Network(listen=((80, 80),))),
            Package(name="b", native=Native(distributions=("x",))),
        )
    )
    found = read("[package.A]\nnetwork.allow-localhost = true\nreason = 'r'", base=base)
    assert found.packages == (
        Package(name="a", approved=("1.*",), reason="r", network=Network(localhost=ANY, listen=((80, 80),))),
        base.packages[1],
    )


# Versions.


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("1.42.*", "1.42 1.42.0 1.42.97 1.42.1.2 1.42rc1 1.42.3.post1 1.42.3+local v1.42.1", "1.4 1.420 1.43 2.1.42 1!1.42 x "),
        ("1.42.3", "1.42.3 1.42.3.0 1.42.03 1.42.3+cu12", "1.42 1.42.30 1.42.3rc1 1.42.3.post1 1.42.3.dev0 1.42.3.1"),
        ("2", "2 2.0 2.0.0", "2.0.1 20 1"),
        ("1.0.*", "1 1.0 1.0.5", "1.1"),
        ("1!2.*", "1!2.3", "2.3 2!2.3"),
        ("2024.1.*", "2024.1.15", "2024.10"),
    ],
)
def test_approves(pattern: str, fitting: str, others: str) -> None:
    held = (normalized_version(pattern),)
    assert [version for version in fitting.split() if not approves(held, version)] == []
    assert [version for version in others.split(" ") if approves(held, version)] == []
    assert all(approves((), version) for version in (*fitting.split(), ""))


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ((), (), ()),
        (("1.*",), (), ("1.*",)),
        (("1.*",), ("1.42.*",), ("1.42.*",)),
        (("1.*",), ("1.0.*",), ("1.0.*",)),
        (("1.*", "2"), ("1.4", "2.*"), ("1.4", "2")),
        (("1.0.*",), ("1",), ("1",)),
        (("1.*",), ("10.*",), None),
        (("1",), ("2",), None),
    ],
)
def test_common_versions(one: tuple[str, ...], other: tuple[str, ...], both: tuple[str, ...] | None) -> None:
    assert common_versions(one, other) == common_versions(other, one) == both


# Who asks.

CHAIN = (("urllib3", "2.6"), ("botocore", "1.42"), ("boto3", "1.42.1"), NOBODY)


@pytest.mark.parametrize(
    ("name", "through", "version"),
    [
        ("urllib3", (), "2.6"),
        ("boto3", (), None),
        ("boto3", ("botocore", "urllib3"), "1.42.1"),
        ("boto3", ("botocore",), None),
        ("boto3", ("urllib3",), None),
        ("botocore", ("urllib3",), "1.42"),
        ("requests", ("boto3", "botocore", "urllib3"), None),
    ],
)
def test_the_nearest_asks(name: str, through: tuple[str, ...], version: str | None) -> None:
    assert version_asking(Package(name=name, through=through), CHAIN) == version
    assert version_asking(Package(name=name, through=through), (NOBODY, *CHAIN)) is None


POLICY = Policy(
    network=Network(),
    filesystem=Filesystem(protect=("/srv/kept",)),
    subprocess=Subprocess(),
    native=Native(),
    packages=(
        Package(
            name="a",
            approved=("1.*",),
            reason="backups",
            network=Network(domains=(("example.com", WEB),)),
            filesystem=Filesystem(write=("/srv",)),
            subprocess=Subprocess(run=("/bin/git",)),
        ),
        Package(name="b", native=Native(distributions=("numpy",))),
    ),
)
LOOK_UP = Request("network", "DNS", "example.com", host="example.com")
OTHER_NAME = Request("network", "DNS", "example.org", host="example.org")
HANDED = Request("network", "connect", "x", address=b"\xcb\0\x71\1", port=443, names=("example.com",))
INWARD = Request("network", "connect", "x", address=b"\x0a\0\0\1", port=443, names=("example.com",))
WRITE = Request("filesystem", "write", "/srv/x", path="/srv/x")
KEPT = Request("filesystem", "write", "/srv/kept", path="/srv/kept")
RUN = Request("subprocess", "start", "/bin/git", path="/bin/git")
FORK = Request("subprocess", "fork", "")
LOAD = Request("native", "import", "numpy", distribution="numpy")
CODE = Request("integrity", "write", "x")

DECISIONS = [
    *((request, "a 1.2", "") for request in (LOOK_UP, HANDED, WRITE, RUN, FORK)),
    *((request, "a 1.2", "network disabled") for request in (OTHER_NAME,)),
    (INWARD, "a 1.2", "network disabled: example.com leads to a private address"),
    (KEPT, "a 1.2", "protected"),
    (LOAD, "b 0", ""),
    (LOAD, "a 1.2", "native code disabled: allowed for b only, asked by a 1.2"),
    (LOOK_UP, "a 2.0", "network disabled: allowed for a 1.* (backups) only, asked by a 2.0"),
    (LOOK_UP, "b 0", "network disabled: allowed for a 1.* (backups) only, asked by b 0"),
    (WRITE, " ", "filesystem read-only: allowed for a 1.* (backups) only, asked by code of no distribution"),
    (LOOK_UP, "", ""),
    (HANDED, "", "network disabled on this port of example.com: allowed for a 1.* (backups) only, asked by code of no distribution"),
    (OTHER_NAME, "", "network disabled"),
    (CODE, "a 1.2", "guards stay in place"),
]


@pytest.mark.parametrize(("request_", "asked", "rule"), DECISIONS)
def test_decides(request_: Request, asked: str, rule: str) -> None:
    """asked: name and version; a blank for the user's own code, nothing for the standard library alone."""
    name, _, version = asked.partition(" ")
    decision = decide_for_packages(POLICY, views(POLICY), request_, ((name, version),) if asked else ())
    assert (decision.allowed, decision.rule) == (not rule, rule)


@pytest.mark.parametrize(
    ("request_", "asked", "hint"),
    [
        (LOOK_UP, ("a", "2.0"), '[package.a] approved = "2.0"'),
        (LOOK_UP, ("a", "1!2.1.post1+local"), '[package.a] approved = "1!2.1.*"'),
        (LOOK_UP, ("a", ""), ""),
        (LOOK_UP, ("b", "0"), "[package.b] network.allow-domain example.com"),
        (WRITE, ("b", "0"), "[package.b] filesystem.allow-write /srv/x"),
        (LOOK_UP, NOBODY, "--allow-domain example.com"),
        (OTHER_NAME, ("b", "0"), "--allow-domain example.org"),
        (KEPT, ("b", "0"), ""),
    ],
)
def test_what_would_allow_it(request_: Request, asked: tuple[str, str], hint: str) -> None:
    """Where packages may do it, it is not opened to all. What is said to be approved approves."""
    assert decide_for_packages(POLICY, views(POLICY), request_, (asked,)).hint == hint
    if "approved" in hint:
        given = Package(name="a", approved=(normalized_version(hint.split('"')[1]),), network=POLICY.packages[0].network)
        wider = POLICY.replaced(packages=(given,))
        assert decide_for_packages(wider, views(wider), request_, (asked,)).allowed


# Two policies.


def local(**fields: object) -> Policy:
    return Policy(network=Network(), packages=(Package(name="a", network=LOCAL, **fields),))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (local(), local(), local()),
        (local(), Policy(), local()),
        (local(), Policy(network=Network()), Policy(network=Network())),
        (local(), Policy(network=LOCAL), local()),
        (
            local(),
            Policy(network=Network(localhost=((80, 80),))),
            Policy(network=Network(), packages=(Package(name="a", network=Network(localhost=((80, 80),))),)),
        ),
        (local(approved=("1.*",)), local(approved=("1.2.*",)), local(approved=("1.2.*",))),
        (local(approved=("1.*",)), local(approved=("2.*",)), Policy(network=Network())),
        (local(through=("b", "c")), local(through=("c", "d")), local(through=("c",))),
        (local(expires="2999-01-01"), local(expires="2998-01-01"), local(expires="2998-01-01")),
        (local(reason="x"), local(reason="y"), local(reason="x; y")),
    ],
)
def test_together(one: Policy, other: Policy, expected: Policy) -> None:
    assert intersect(one, other) == intersect(other, one) == expected


def test_given_besides() -> None:
    found = packages.given(
        local(approved=("1.*",)), [Package(name="a", network=Network(listen=((80, 80),))), Package(name="b", native=Native())]
    )
    assert found.packages[0] == Package(name="a", approved=("1.*",), network=Network(localhost=ANY, listen=((80, 80),)))
    assert [package.name for package in found.packages] == ["a", "b"]


def test_the_kernel_gets_all() -> None:
    found = whole(POLICY)
    assert found.network == Network(domains=(("example.com", WEB),))
    assert (found.filesystem.write, found.filesystem.protect) == (("/srv",), ("/srv/kept",))
    assert (found.subprocess.run, found.native.distributions) == (("/bin/git",), ("numpy",))


def test_written() -> None:
    text = dump.write(dump.table(read("[package.'a.b']\nexpires = 2999-01-31\napproved = '1.*'\nnetwork.allow-listen = 80")))
    assert text.endswith('[package.a-b]\napproved = ["1.*"]\nexpires = 2999-01-31\n\n[package.a-b.network]\nallow-listen = "80"\n')


@pytest.mark.parametrize(
    ("package", "told"),
    [
        ("a", ["allowed  DNS(example.com): for a 1.* only", f"allowed  connect(example.com:443): for a 1.* only, {explain.INWARD}"]),
        ("A==1.7", ["allowed  DNS(example.com): for a 1.* only", f"allowed  connect(example.com:443): for a 1.* only, {explain.INWARD}"]),
        (
            "a==2",
            [
                'refused  DNS(example.com): network disabled: allowed for a 1.* (backups) only, asked by a 2  allow it  [package.a] approved = "2"'
            ],
        ),
        (
            "b",
            [
                "refused  DNS(example.com): network disabled: allowed for a 1.* (backups) only, asked by b  allow it  [package.b] network.allow-domain example.com"
            ],
        ),
        (None, ["refused  DNS(example.com): network disabled  allow it  --allow-domain example.com"]),
    ],
)
def test_explained(package: str | None, told: list[str]) -> None:
    assert [answer.told() for answer in explain.answers(POLICY, "net", "example.com:443", package=package)] == told


@pytest.mark.parametrize("package", ["a b", "a==", "a==x"])
def test_not_explained(package: str) -> None:
    with pytest.raises(UsageError, match="--package"):
        explain.answers(POLICY, "net", "example.com:443", package=package)


# What it costs.


def test_nobody_is_looked_for_in_vain() -> None:
    """Frames are walked only for what is refused to all, and only where something is said of packages."""
    looked: list[str] = []
    bare = POLICY.replaced(packages=())

    def asked() -> tuple[tuple[str, str], ...]:
        looked.append("looked")
        return (("a", "1.0"),)

    without, with_packages = (Enforcer(Scopes(policy), list, list, asked=asked) for policy in (bare, POLICY))
    reading = Request("filesystem", "read", "/srv/x", path="/srv/x")
    assert (without.allows(WRITE), without.allows(reading), with_packages.allows(reading), looked) == (False, True, True, [])
    assert with_packages.allows(WRITE)
    assert looked == ["looked"]


def test_whose_a_file_is(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    (site / "Boto_3-1.42.3.dist-info").mkdir(parents=True)
    (site / "Boto_3-1.42.3.dist-info/RECORD").write_text("boto3/__init__.py,sha256=x,1\n")
    owner = make_owner()
    assert owner(f"{site}/boto3/__init__.py") == ("boto-3", "1.42.3")
    for path in (
        f"{site}/boto3/other.py",
        f"{site}/x/../boto3/__init__.py",
        f"{tmp_path}/boto3/__init__.py",
        "boto3/__init__.py",
        "<string>",
        "",
    ):
        assert owner(path) == NOBODY
