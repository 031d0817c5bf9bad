"""Policy files: the built-in profiles, what files can say, and what is said of those that are wrong."""

import os

import pytest
from hermetic_guard import policy, serialized
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Environment, Filesystem, Limits, Native, Network, Policy, Subprocess

from hermetic import options
from hermetic.errors import PolicyFileError, UsageError
from hermetic.policy import FIELDS, WrongValue, adjust, environment, load
from hermetic.policy.context import Context
from hermetic.policy.lines import line_of
from hermetic.policy.reader import Reader

CLOSED, LOCAL = Network(), Network(localhost=ANY)
CACHES = [".ruff_cache", ".mypy_cache"]


def shipped(home, project):
    """What each built-in profile comes to, but for what it hides and protects, which variables it leaves, and the indexes there are."""
    made = Filesystem(write=(project,))
    tests = Filesystem(write=(f"{project}/.hypothesis", f"{project}/.pytest_cache"))
    lint = Filesystem(write=tuple(sorted(f"{project}/{name}" for name in CACHES)))
    write = {
        "build": [f"{home}/.cache/pip"],
        "format": [],
        "notebook": [f"{home}/.cache/matplotlib", f"{home}/.jupyter/migrated", f"{home}/.local/share/jupyter/runtime"],
        "http-client": [f"{home}/.config/httpie/sessions"],
    }
    wide = {name: Filesystem(write=tuple(sorted([*paths, project]))) for name, paths in write.items()}
    alone = {"subprocess": Subprocess(), "network": CLOSED, "kernel": "required", "tmp": "private"}
    short = Limits(timeout=30, cpu=10, memory=512 << 20, file_size=16 << 20, processes=16, output=1 << 20)
    longer = Limits(timeout=300, cpu=300, memory=2 << 30, file_size=512 << 20, processes=64, output=16 << 20)
    return {
        "default": Policy(network=CLOSED, filesystem=made),
        "net-hermetic": Policy(network=LOCAL),
        "exec-deny": Policy(subprocess=Subprocess()),
        "fs-readonly": Policy(filesystem=Filesystem()),
        "block-native": Policy(native=Native()),
        "block-all": Policy(network=CLOSED, subprocess=Subprocess(), filesystem=Filesystem(), native=Native()),
        "pytest": Policy(network=LOCAL, filesystem=tests),
        "lint": Policy(network=CLOSED, filesystem=lint),
        "format": Policy(network=CLOSED, filesystem=wide["format"]),
        "build": Policy(network=CLOSED, filesystem=wide["build"], builds="confined"),
        "notebook": Policy(network=LOCAL, filesystem=wide["notebook"]),
        "http-client": Policy(network=Network(localhost=ANY, domains=(("*", ((1, 65535),)),)), filesystem=wide["http-client"]),
        "llm-code": Policy(filesystem=Filesystem(read=(project,), write=(project,)), limits=longer, **alone),
        "grader": Policy(filesystem=Filesystem(read=(project,)), limits=short, **alone),
    }


SEED = ("net-hermetic", "exec-deny", "fs-readonly", "block-native", "block-all")
"""Profiles that are guards and nothing else."""


def document(text, inside=()):
    return load.Document(text.encode() if isinstance(text, str) else text, "/x/p.toml", inside)


def read(text, name="", base=None, environ=None):
    reader = Reader("/x", Context("/usr", environ or {}))
    return document(text).policy(name, base or Policy(), reader)


def test_shipped_names():
    assert load.names()[0] == "default"
    assert set(load.names()) == {
        *shipped("", ""),
        "install-and-run",  # as default: test_library.py
        "pip-install",  # what these two allow depends on the run: tests/launch/test_pip_install.py, test_tool_install.py
        "tool-install",
        "project-install",  # what these are for: tests/unit/test_names.py, tests/launch/test_project_tools.py
        "managed-install",
        "project-run",
        "project-install-and-run",
    }


@pytest.mark.parametrize("name", shipped("", ""))
def test_shipped(name, tmp_path):
    """In a project below a home with secrets in it."""
    project = tmp_path / "home/project"
    (tmp_path / "home/.ssh").mkdir(parents=True)
    (project / ".git").mkdir(parents=True)
    profile = load.built_in(name)
    found = profile.policy("", Policy(), Reader("/x", Context(str(project), {"HOME": str(tmp_path / "home")}), ours=True))
    hidden = found.filesystem.hide if found.filesystem else ()
    assert (f"{tmp_path}/home/.ssh" in hidden) is (name not in SEED)
    assert (found.environment is not None) is (name not in SEED)
    protected = found.filesystem.protect if found.filesystem else ()
    assert (f"{project}/.git/hooks" in protected) is (name not in SEED)
    bare = found.replaced(environment=None, filesystem=found.filesystem and found.filesystem.replaced(hide=(), protect=()))
    if name == "build":
        bare = bare.replaced(network=CLOSED)  # the machine's configuration may name indexes
    assert bare == shipped(f"{tmp_path}/home", str(project))[name]
    assert profile.top["summary"]
    assert profile.profiles == {}
    assert serialized.loads(serialized.dumps(found)) == found


@pytest.mark.parametrize("cwd", ["home", ""])
def test_no_home_is_a_project(cwd, tmp_path):
    """Where a run is in the home directory, or above it, nothing of it may be written."""
    (tmp_path / "home").mkdir()
    context = Context(str(tmp_path / cwd).rstrip("/"), {"HOME": str(tmp_path / "home")})
    for name in ("default", "format", "build", "notebook", "http-client"):
        write = load.built_in(name).policy("", Policy(), Reader("/x", context, ours=True)).filesystem.write
        assert not {str(tmp_path), str(tmp_path / "home")} & set(write)
    for name in ("llm-code", "grader"):
        with pytest.raises(PolicyFileError, match=r"\$WORK: there is no \$WORK here"):
            load.built_in(name).policy("", Policy(), Reader("/x", context, ours=True))


def test_each_command_has_one_profile():
    commands = [command for name in load.names() for command in load.built_in(name).top.get("commands", ())]
    assert len(set(commands)) == len(commands) > 50
    assert all(load.for_command([command]) for command in commands)
    assert (load.for_command([]), load.for_command(["no-such"]), load.for_command(['a"b'])) == ("", "", "")
    assert load.for_command(["no-such", "pytest", "ruff"]) == "pytest"
    assert (load.for_command(["uv run --no-cache", "uv run"]), load.for_command(["uv run"])) == ("default", "install-and-run")
    assert {load.for_command([f"pip {command}", "pip"]) for command in ("install", "wheel", "download")} == {"pip-install"}
    assert (load.for_command(["uv pip", "uv"]), load.for_command(["uv build", "uv"]), load.for_command(["uv"])) == (
        "pip-install",
        "build",
        "",
    )


def test_no_link_leads_out_of_the_project(tmp_path):
    """Whoever wrote the project may have put it there."""
    (tmp_path / "p").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "p/.pytest_cache").symlink_to("../elsewhere")
    (tmp_path / "p/.hypothesis").symlink_to("../new")
    (tmp_path / "p/build").symlink_to("dist")
    (tmp_path / "p/dist").mkdir()
    reader = Reader("/x", Context(f"{tmp_path}/p", {}), ours=True)
    assert load.built_in("pytest").policy("", Policy(), reader).filesystem.write == ()
    assert [note.partition(": it leads out of ")[0] for note in reader.notes] == [
        "--allow-write $PROJECT/.pytest_cache/",
        "--allow-write $PROJECT/.hypothesis/",
    ]
    text = "version = 1\n[filesystem]\nallow-write = ['$PROJECT/build', '$PROJECT/.hypothesis']\nhide = '$PROJECT/.pytest_cache'"
    rules = document(text).policy("", Policy(), Reader("/x", Context(f"{tmp_path}/p", {}))).filesystem
    assert (rules.write, rules.hide) == ((f"{tmp_path}/p/dist",), (f"{tmp_path}/elsewhere",))


@pytest.mark.parametrize(("leads", "may"), [("/usr", False), ("..", False), (".", True), ("dist", True)])
def test_no_link_beside_a_file_leads_elsewhere(tmp_path, leads, may):
    """What it means to allow there; what it denies is denied wherever that is."""
    (tmp_path / "p/dist").mkdir(parents=True)
    (tmp_path / "p/link").symlink_to(leads)
    made = load.Document(b"version = 1\n[filesystem]\nallow-write = 'link'\nhide = 'link'", f"{tmp_path}/p/hermetic.toml")
    reader = Reader(made.directory, Context("/x", {}))
    rules, real = made.policy("", Policy(), reader).filesystem, os.path.realpath(f"{tmp_path}/p/link")
    assert (rules.write, real in rules.hide) == ((real,) if may else (), True)
    assert [note for note in reader.notes if "by a link" in note] == (
        [] if may else [f"--allow-write link: it leads out of {tmp_path}/p by a link"]
    )
    rooted = load.Document(b"version = 1\n[filesystem]\nroot = 'link'", f"{tmp_path}/p/hermetic.toml")
    if may:
        assert real in rooted.policy("", Policy(), reader).filesystem.read
    else:
        with pytest.raises(PolicyFileError, match=r"line 3: filesystem\.root: link: it leads elsewhere by a link"):
            rooted.policy("", Policy(), reader)


def test_only_built_in_profiles_have_directories_made(tmp_path):
    text = "version = 1\n[filesystem]\nallow-write = ['$PROJECT/new/', '$PROJECT/new2', '/new3/']"
    context = Context(str(tmp_path), {"HOME": "/proc/nowhere"})
    ours, others = (document(text).policy("", Policy(), Reader("/x", context, ours=ours)).filesystem.write for ours in (True, False))
    assert (ours, others) == ((f"{tmp_path}/new",), ())


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
        load.built_in(name)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


def test_unreadable(tmp_path, monkeypatch):
    (tmp_path / "odd.toml").mkdir()
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    with pytest.raises(PolicyFileError, match=r"odd\.toml: cannot be read: Is a directory"):
        load.built_in("odd")


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
    ("network.allow-localhost = true", Policy(network=Network(localhost=ANY))),
    ("[network]\nallow-listen = [8000, '8002-8003']", Policy(network=Network(listen=((8000, 8000), (8002, 8003))))),
    ("[network]\nallow-domain = 'EXAMPLE.com'", Policy(network=Network(domains=(("example.com", ((80, 80), (443, 443))),)))),
    ("[filesystem]\nallow-write = ['/usr/lib/..', '/usr/lib']", Policy(filesystem=Filesystem(write=("/usr",)))),
    ("[filesystem]\nhide = 'k'", Policy(filesystem=Filesystem(hide=("/x/k",)))),
    ("[filesystem]\nallow-read = '/usr'\nroot = '/srv'", Policy(filesystem=Filesystem(read=("/srv", "/usr")))),
    ("[native]\nallow-native = ['My_Lib', 'numpy']", Policy(native=Native(distributions=("my-lib", "numpy")))),
    ("summary = 'x'\nextends = []\n[profile.a]\n[profile.b.native]", Policy()),
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


WORDS = (
    "version, summary, notice, commands, extends, kernel, on-violation, builds, tmp, "
    "network, subprocess, filesystem, native, environment, limits, package, profile"
)
BAD = [
    # not TOML, not text
    (b"version = 1\n\xff", "/x/p.toml, line 2: not UTF-8 text at byte 13"),
    ("version = ", "/x/p.toml: not TOML: Invalid value (at end of document)"),
    ("version = 1\nversion = 1", "not TOML: Cannot overwrite a value (at "),
    ("[network", "not TOML"),
    ("version = 1\x00", "not TOML"),
    ("\ufeffversion = 1", "not TOML: it begins with a byte order mark (save it as UTF-8 without one)"),
    ("a = " + "[" * 20000, "nested too deeply"),
    ("version = 1\n[network]\n[network]", "not TOML: Cannot declare ('network',) twice (at line 3, column 9)"),
    ("version = 1\nnetwork.allow-listen = 1\n[network]", "not TOML"),
    ("version = " + "1" * 5000, "not TOML: Exceeds the limit"),
    # version
    ("", "version: it is missing, and has to be 1 (version = 1)"),
    ("version = 2", "/x/p.toml, line 1: version: this hermetic reads policies of version = 1"),
    ('version = "1"', "line 1: version"),
    ("version = true", "line 1: version"),
    ("version = 1.0", "line 1: version"),
    # keys
    ("version = 1\nnetwrok = true", "/x/p.toml, line 2: netwrok: unknown key (did you mean network?)"),
    ("version = 1\n\n[netwrok]", "/x/p.toml, line 3: netwrok: unknown key (did you mean network?)"),
    ("version = 1\nzzz = 1", f"zzz: unknown key (there are {WORDS})"),
    ("version = 1\n[network]\nallow-localhots = true", "network.allow-localhots: unknown key (did you mean allow-"),
    ("version = 1\nnetwork.allow-localhots = true", "line 2: network.allow-localhots: unknown key (did you mean allow-"),
    ("version = 1\nnetwork = {'allow-localhots' = true}", "line 2: network.allow-localhots: unknown key"),
    (
        "version = 1\n[network]\nroot = '/'",
        "line 3: network.root: unknown key (there are allow-localhost, allow-domain, allow-address, deny-address, allow-listen, allow-unix)",
    ),
    ("version = 1\nallow-localhost = true", "line 2: allow-localhost: unknown key"),
    ("version = 1\n[native]\nx = 1", "line 3: native.x: unknown key (there are allow-native)"),
    ('version = 1\n"a\\nb" = 1', r"a\nb: unknown key"),
    ("version = 1\n[network]\nallow_localhost = true", "did you mean allow-localhost?"),
    (
        "version = 1\n[limits]\nx = 1",
        "limits.x: unknown key (there are timeout, max-memory, max-cpu, max-file-size, max-processes, max-output)",
    ),
    # values
    ("version = 1\ntmp = 1", "line 2: tmp: one of private, shared was expected"),
    ("version = 1\n[limits]\ntimeout = true", "line 3: limits.timeout: a time was expected"),
    ("version = 1\n[limits]\nmax-memory = -1", "limits.max-memory: -1: a size was expected"),
    ("version = 1\n[limits]\nmax-memory = []", "limits.max-memory: a size was expected"),
    ("version = 1\n[environment]\nallow-env = 1", "environment.allow-env: the name of a variable, or a list of these was expected"),
    ("version = 1\n[environment]\nallow-env = 'A='", "environment.allow-env: A=: the name of a variable was expected"),
    ("version = 1\nsummary = 1", "line 2: summary: a text was expected"),
    ("version = 1\nnetwork = true", "line 2: network: a table was expected: write [network]"),
    ("version = 1\nnetwork = false", "a table was expected"),
    ("version = 1\n[[network]]", "line 2: network: a table was expected"),
    ("version = 1\non-violation = 'rase'", "line 2: on-violation: one of raise, refuse, kill was expected"),
    ("version = 1\non-violation = ['raise']", "one of raise, refuse, kill was expected"),
    (
        "version = 1\n[network]\nallow-localhost = '80,x'",
        "line 3: network.allow-localhost: 80,x: a port number was expected (at character 4)",
    ),
    ("version = 1\n[network]\nallow-localhost = 0", "0: a port is a number from 1 to 65535 (at character 1)"),
    ("version = 1\n[network]\nallow-localhost = -1", "-1: a port number was expected (at character 1)"),
    ("version = 1\n[network]\nallow-localhost = 80.5", "line 3: network.allow-localhost: true, a port, a port list"),
    ("version = 1\n[network]\nallow-localhost = [[80]]", "true, a port, a port list"),
    ("version = 1\n[network]\nallow-localhost = {}", "true, a port, a port list"),
    (
        "version = 1\n[network]\nallow-listen = true",
        "network.allow-listen: a port, a port list as in '8000,9000-9010', or a list of these was",
    ),
    ("version = 1\n[network]\nallow-listen = '*'", "*: all ports are written 1-65535 (at character 1)"),
    ("version = 1\n[network]\nallow-domain = 80", "network.allow-domain: a name, or a list of these was expected"),
    ("version = 1\n[network]\nallow-domain = 'https://a.example'", "https://a.example: a name alone was expected, not a URL"),
    ("version = 1\n[network]\nallow-domain = 'localhost'", "this machine itself goes with --allow-localhost"),
    ("version = 1\n[network]\nallow-address = '10.0.0.1/8'", "line 3: network.allow-address: 10.0.0.1/8: bits are set behind the prefix"),
    ("version = 1\n[network]\nallow-unix = ''", "network.allow-unix: '': a value cannot be empty"),
    ("version = 1\n[filesystem]\nroot = 'a'", "line 3: filesystem.root: a: there is no such directory"),
    ("version = 1\n[filesystem]\nroot = 1", "filesystem.root: a path was expected"),
    ("version = 1\n[filesystem]\nroot = ['/']", "filesystem.root: a path was expected"),
    ("version = 1\n[filesystem]\nroot = true", "filesystem.root: a path was expected"),
    ("version = 1\n[filesystem]\nroot = '$VENV'", "filesystem.root: $VENV: there is no $VENV here"),
    ("version = 1\n[filesystem]\nallow-read = '/usr'", "filesystem.allow-read: everything may be read (it goes with root)"),
    ("version = 1\n[filesystem]\nallow-write = 1979-05-27", "filesystem.allow-write: a path, or a list of these was expected"),
    ("version = 1\n[filesystem]\nallow-write = ''", "filesystem.allow-write: '': a value cannot be empty"),
    ("version = 1\n[filesystem]\nhide = ['a', '']", "filesystem.hide: '': a value cannot be empty"),
    ('version = 1\n[filesystem]\nhide = "a\\u0000b"', r"filesystem.hide: a\x00b: embedded null byte"),
    ("version = 1\n[subprocess]\nallow-run = {git = true}", "subprocess.allow-run: a program, or a list of these was expected"),
    ("version = 1\n[native]\nallow-native = 'a/b'", "native.allow-native: a/b: the name of a distribution was expected"),
    # variables and sets
    ("version = 1\n[filesystem]\nhide = '$PROJET/x'", "filesystem.hide: $PROJET/x: there is no variable $PROJET (did you mean $PROJECT?)"),
    ("version = 1\n[filesystem]\nhide = '$home'", "there is no variable $home (did you mean $HOME?)"),
    ("version = 1\n[filesystem]\nhide = '$'", "there is no variable $ (there are $PROJECT, $WORK, $HOME,"),
    ("version = 1\n[filesystem]\nhide = '${HOME}'", "there is no variable ${HOME} (did you mean $HOME?)"),
    ("version = 1\n[filesystem]\nhide = '@secret'", "filesystem.hide: @secret: there is no such set (did you mean @secrets?)"),
    ("version = 1\n[filesystem]\nhide = '@'", "there is no such set (did you mean @"),
    ("version = 1\n[filesystem]\nhide = '*.pem'", "line 3: filesystem.hide: *.pem: a * stands for nothing else here (name the directory)"),
    ("version = 1\n[filesystem]\nprotect = 'a/*/b'", "line 3: filesystem.protect: a/*/b: a * is allowed in the last name alone"),
    ("version = 1\n[filesystem]\nhide = '@private'", "@private: this set does not go here (it goes with --allow-address, --deny-address)"),
    ("version = 1\n[network]\nallow-domain = '@secrets'", "@secrets: this set does not go here (it goes with --allow-unix, --allow-write,"),
    ("version = 1\n[filesystem]\nroot = '@secrets'", "@secrets: this set does not go here"),
    # profiles
    ("version = 1\nprofile = 1", "line 2: profile: a table was expected: write [profile]"),
    ("version = 1\n[profile]\na = 1", "line 3: profile.a: a table was expected: write [profile.a]"),
    ("version = 1\n[[profile.a]]", "line 2: profile.a: a table was expected"),
    ("version = 1\n[profile.a]\nversion = 1", "line 3: profile.a.version: unknown key"),
    ("version = 1\n[profile.a.profile.b]", "profile.a.profile: unknown key"),
    ("version = 1\n[profile.a]\nnetwrok = {}", "line 3: profile.a.netwrok: unknown key (did you mean network?)"),
    ("version = 1\n[profile.a.network]\nallow-listen = [true]", "line 3: profile.a.network.allow-listen: a port"),
    ("version = 1\n[profile.a]\ncommands = 'a'", "line 3: profile.a.commands: a list of names of commands was expected"),
    ("version = 1\nextends = 'a'", "line 2: extends: a list of names of profiles was expected"),
    ("version = 1\n[profile.a]\nextends = [1]", "line 3: profile.a.extends: a list of names of profiles was expected"),
]


def test_there_are_enough():
    assert len({row[0] for row in BAD}) == len(BAD) > 60


@pytest.mark.parametrize(("text", "message"), BAD, ids=[ascii(row[1]) for row in BAD])
def test_refuses(text, message):
    with pytest.raises(PolicyFileError) as caught:
        read(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith("/x/p.toml")
    assert str(caught.value).isprintable()


def test_all_is_read_whatever_is_used():
    """A slip in a policy that this run does not use is said all the same."""
    with pytest.raises(PolicyFileError, match=r"profile\.other\.native\.x"):
        document("version = 1\n[profile.used]\n[profile.other.native]\nx = 1")


def test_inside_another_file():
    text = "[project]\nname = 'x'\n[tool.hermetic]\nversion = 1\n[tool.hermetic.native]\n"
    found = document(text, ("tool", "hermetic"))
    assert (found.is_there, found.top) == (True, {"native": {}})
    assert not document("[tool.other]", ("tool", "hermetic")).is_there
    assert not document("tool = 1", ("tool", "hermetic")).is_there
    with pytest.raises(PolicyFileError, match=r"line 6: tool\.hermetic\.native\.x: unknown key"):
        document(text + "x = 1", ("tool", "hermetic"))
    with pytest.raises(PolicyFileError, match=r"line 2: tool\.hermetic: a table was expected: write \[tool\.hermetic\]"):
        document("[tool]\nhermetic = 1", ("tool", "hermetic"))


BASE = Policy(network=Network(localhost=((80, 80),)), filesystem=Filesystem(read=("/usr",)), on_violation="raise")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", BASE),
        ("[network]", BASE),
        ("[native]", BASE.replaced(native=Native())),
        ("[network]\nallow-localhost = 81", BASE.replaced(network=Network(localhost=((80, 81),)))),
        ("[network]\nallow-localhost = false", BASE),
        ("[filesystem]\nroot = '/usr/lib'", BASE.replaced(filesystem=Filesystem(read=("/usr/lib",)))),
        ("[filesystem]\nallow-read = '/srv'", BASE.replaced(filesystem=Filesystem(read=("/srv", "/usr")))),
        ("on-violation = 'kill'", BASE.replaced(on_violation="kill")),
    ],
)
def test_added_to_what_is_extended(text, expected):
    assert read("version = 1\n" + text, base=BASE) == expected


def test_a_root_that_leaves_nothing():
    with pytest.raises(PolicyFileError, match="nothing would be left to read"):
        read("version = 1\n[filesystem]\nroot = '/etc'", base=BASE)


def test_a_policy_can_say_what_options_say():
    """Every option with a key in policies is read there, and no other key is."""
    said = {option.policy: option for option in options.OPTIONS if option.policy}
    inside = {key: option for key, option in said.items() if "." in key}
    assert {option.key for option in inside.values()} == set(adjust.ADJUSTERS)
    assert {key.partition(".")[0] for key in said} == {*policy.PARTS, *load.WORDS}
    for key in inside:
        guard, _, word = key.partition(".")
        assert FIELDS[word] in policy.PARTS[guard].__slots__


@pytest.mark.parametrize("option", [option for option in options.OPTIONS if "." in option.policy], ids=lambda option: option.policy)
def test_what_is_expected_is_said(option):
    with pytest.raises(WrongValue, match="was expected") as caught:
        load.given(option, {})
    assert load.WHAT[option.metavar] in str(caught.value)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("a", 1), ("t", 3), ("t.a", 4), ("t.b c", 5), ("u.x", 7), ("t.u", 8), ("t.u.a", 9), ("b", None), ("t.x", 3), ("v.w.x", 11), ("v.w", 11),
        ("y.z", 13), ("n", 14), ("n.inner", 14),
    ],
)  # fmt: skip
def test_line_of(key, line):
    text = "a = 1\n# [t]\n[t] # a table\n  a=2\n\"b c\" = 3\n[ u ]\nx = 1\n[t.u]\na = 1\n[v]\n'w' . x = 1\n[y]\nz = 1\n[[n]]"
    assert line_of(text, tuple(key.split("."))) == line
