"""Profiles: the ones that are shipped, and what is said of files that are no profile."""

import pytest
from hermetic_guard import policy, serialized
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Environment, Filesystem, Limits, Native, Network, Policy, Subprocess

from hermetic import options
from hermetic.errors import PolicyFileError, UsageError
from hermetic.policy import FIELDS, environment, load

SHIPPED = {
    "default": Policy(network=Network()),
    "net-hermetic": Policy(network=Network(localhost=ANY)),
    "exec-deny": Policy(subprocess=Subprocess()),
    "fs-readonly": Policy(filesystem=Filesystem()),
    "block-native": Policy(native=Native()),
    "block-all": Policy(network=Network(), subprocess=Subprocess(), filesystem=Filesystem(), native=Native()),
}


def read(text):
    data = text.encode() if isinstance(text, str) else text
    return load.read(data, "/x/p.toml", "p").policy


def test_shipped_names():
    assert load.names()[0] == "default"
    assert set(load.names()) == set(SHIPPED)


@pytest.mark.parametrize(("name", "expected"), SHIPPED.items(), ids=SHIPPED)
def test_shipped(name, expected):
    profile = load.profile(name)
    assert (profile.name, profile.policy) == (name, expected)
    assert profile.summary
    assert serialized.loads(serialized.dumps(profile.policy)) == expected


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("block-al", "did you mean block-all?"),
        ("net", "did you mean net-hermetic?"),
        ("zzz", "there are default,"),
        ("../profiles/default", "there are default,"),
        ("/etc/passwd", "there are default,"),
        ("default.toml", "did you mean default?"),
        ("", "there are default,"),
        ("a\x00b\n\udcff", "there are default,"),
    ],
)
def test_unknown_name(name, hint):
    with pytest.raises(UsageError, match="there is no profile") as caught:
        load.profile(name)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


def test_unreadable(tmp_path, monkeypatch):
    (tmp_path / "odd.toml").mkdir()
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    with pytest.raises(PolicyFileError, match=r"odd\.toml: cannot be read: Is a directory"):
        load.profile("odd")


GOOD = [
    ("", Policy()),
    ('summary = "x"', Policy()),
    ("[network]", Policy(network=Network())),
    ("network = {}", Policy(network=Network())),
    ('on-violation = "raise"\n[network]', Policy(network=Network(), on_violation="raise")),
    ("[network]\nallow-localhost = true", Policy(network=Network(localhost=ANY))),
    ("[network]\nallow-localhost = false", Policy(network=Network())),
    ("[network]\nallow-localhost = 80", Policy(network=Network(localhost=((80, 80),)))),
    ('[network]\nallow-localhost = "80,90-99"', Policy(network=Network(localhost=((80, 80), (90, 99))))),
    ('[network]\nallow-localhost = [80, "81"]', Policy(network=Network(localhost=((80, 81),)))),
    ("[network]\nallow-localhost = []", Policy(network=Network())),
    ('[filesystem]\nroot = "/srv"', Policy(filesystem=Filesystem(read=("/srv",)))),
    ("[environment]", Policy(environment=Environment(keep=tuple(sorted(environment.BASE))))),
    ('[environment]\nallow-env = ["AWS_*"]', Policy(environment=Environment(keep=tuple(sorted([*environment.BASE, "AWS_*"]))))),
    ('[limits]\ntimeout = 5\nmax-cpu = "1m"\nmax-memory = "1G"', Policy(limits=Limits(timeout=5, cpu=60, memory=1 << 30))),
    ("[limits]\nmax-cpu = 0.5\nmax-processes = 7", Policy(limits=Limits(cpu=0.5, processes=7))),
    ('tmp = "private"', Policy(tmp="private")),
    ("[subprocess]\n[native]", Policy(subprocess=Subprocess(), native=Native())),
]


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[row[0] for row in GOOD])
def test_reads(text, expected):
    assert read("version = 1\n" + text) == expected


BAD = [
    # not TOML, not text
    (b"version = 1\n\xff", "/x/p.toml: not UTF-8 text at byte 13"),
    ("version = ", "/x/p.toml: not TOML: "),
    ("version = 1\nversion = 1", "not TOML: Cannot overwrite a value"),
    ("[network", "not TOML"),
    ("version = 1\x00", "not TOML"),
    ("a = " + "[" * 20000, "nested too deeply"),
    # version
    ("", "version: this hermetic reads policies of version = 1"),
    ("version = 2", "/x/p.toml, line 1: version: this hermetic reads policies of version = 1"),
    ('version = "1"', "line 1: version"),
    # keys
    ("version = 1\nnetwrok = true", "/x/p.toml, line 2: netwrok: unknown key (did you mean network?)"),
    ("version = 1\n\n[netwrok]", "/x/p.toml, line 3: netwrok: unknown key (did you mean network?)"),
    ("version = 1\nzzz = 1", "zzz: unknown key (there are version, summary, on-violation, tmp, network, subprocess,"),
    ("version = 1\n[network]\nallow-localhots = true", "network.allow-localhots: unknown key (did you mean allow-"),
    (
        "version = 1\n[network]\nroot = '/'",
        "line 3: network.root: unknown key (there are allow-localhost, allow-domain, allow-address, deny-address, allow-listen, allow-unix)",
    ),
    ("version = 1\nallow-localhost = true", "line 2: allow-localhost: unknown key"),
    ("version = 1\n[native]\nx = 1", "line 3: native.x: unknown key (there are allow-native)"),
    ('version = 1\n"a\\nb" = 1', r"a\nb: unknown key"),
    (
        "version = 1\n[limits]\nx = 1",
        "limits.x: unknown key (there are timeout, max-memory, max-cpu, max-file-size, max-processes, max-output)",
    ),
    # values
    ("version = 1\ntmp = 1", "line 2: tmp: one of private, shared was expected"),
    ("version = 1\n[limits]\ntimeout = true", "line 3: limits.timeout: a time was expected"),
    ("version = 1\n[limits]\nmax-memory = -1", "limits.max-memory: a size was expected"),
    ("version = 1\n[limits]\nmax-memory = []", "limits.max-memory: a size was expected"),
    ("version = 1\n[environment]\nallow-env = 1", "environment.allow-env: the name of a variable, or a list of names, was expected"),
    ("version = 1\n[environment]\nallow-env = 'A='", "environment.allow-env: the name of a variable was expected"),
    ("version = 1\nsummary = 1", "line 2: summary: a text was expected"),
    ("version = 1\nnetwork = true", "line 2: network: a table was expected: write [network]"),
    ("version = 1\nnetwork = false", "a table was expected"),
    ("version = 1\n[[network]]", "a table was expected"),
    ("version = 1\non-violation = 'rase'", "line 2: on-violation: one of raise, refuse, kill was expected"),
    ("version = 1\non-violation = ['raise']", "one of raise, refuse, kill was expected"),
    ("version = 1\n[network]\nallow-localhost = '80,x'", "line 3: network.allow-localhost: 80,x, character 4: a"),
    ("version = 1\n[network]\nallow-localhost = 0", "0, character 1: a port is a number from 1 to 65535"),
    ("version = 1\n[network]\nallow-localhost = -1", "-1, character 1: a port number was expected"),
    ("version = 1\n[network]\nallow-localhost = 80.5", "line 3: network.allow-localhost: true, a port, a port list"),
    ("version = 1\n[network]\nallow-localhost = [[80]]", "true, a port, a port list"),
    ("version = 1\n[network]\nallow-localhost = {}", "true, a port, a port list"),
    ("version = 1\n[filesystem]\nroot = 'a'", "line 3: filesystem.root: an absolute path was expected"),
    ("version = 1\n[filesystem]\nroot = 1", "an absolute path was expected"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[row[1] for row in BAD])
def test_refuses(text, message):
    with pytest.raises(PolicyFileError) as caught:
        read(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("/x/p.toml")
    assert str(caught.value).isprintable()


def test_a_profile_can_say_what_options_say():
    """Every option with a key in profiles is read there, and no other key is."""
    said = {option.policy for option in options.OPTIONS if option.policy}
    inside = {key for key in said if "." in key}
    assert inside == set(load.VALUES)
    assert {key.partition(".")[0] for key in said} == {*policy.PARTS, *load.WORDS}
    for key in inside:
        guard, _, word = key.partition(".")
        assert FIELDS[word] in policy.PARTS[guard].__slots__


@pytest.mark.parametrize(
    ("key", "line"),
    [("a", 1), ("t", 3), ("t.a", 4), ("t.b c", 5), ("u.x", 7), ("t.u", 8), ("t.u.a", 9), ("b", None), ("t.x", None)],
)
def test_line_of(key, line):
    text = 'a = 1\n# [t]\n[t] # a table\n  a=2\n"b c" = 3\n[ u ]\nx = 1\n[t.u]\na = 1'
    assert load.line_of(text, key) == line
