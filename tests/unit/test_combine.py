"""Flags and profiles, made into one policy."""

import itertools
import sys

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.intersection import intersect
from hermetic_guard.policy import Environment, Filesystem, Limits, Native, Network, Policy, Subprocess

from hermetic import options
from hermetic.errors import PolicyFileError, UsageError
from hermetic.launch import finding
from hermetic.policy import combine, described, environment, load


def resolve(line, cwd="/work"):
    return combine.resolve(options.parse([*line.split(), "--", "x"], {}), cwd)


CLOSED = Network()
LOCAL = Network(localhost=ANY)
BASE = tuple(sorted(environment.BASE))
ALL = Policy(network=CLOSED, subprocess=Subprocess(), filesystem=Filesystem(), native=Native())

GOOD = [
    # flags
    ("--no-network", Policy(network=CLOSED)),
    ("--no-subprocess", Policy(subprocess=Subprocess())),
    ("--block-native", Policy(native=Native())),
    ("--fs-readonly", Policy(filesystem=Filesystem())),
    ("--fs-readonly=/", Policy(filesystem=Filesystem(read=("/",)))),
    ("--no-network --no-subprocess --fs-readonly --block-native", ALL),
    ("--no-network --on-violation raise", Policy(network=CLOSED, on_violation="raise")),
    ("--no-network --trace --log f --strict -v", Policy(network=CLOSED)),
    # adjusting
    ("--no-network --allow-localhost", Policy(network=LOCAL)),
    ("--no-network --allow-localhost=80,443", Policy(network=Network(localhost=((80, 80), (443, 443))))),
    ("--no-network --allow-localhost=80 --allow-localhost=81", Policy(network=Network(localhost=((80, 81),)))),
    ("--no-network --allow-localhost=80 --allow-localhost", Policy(network=LOCAL)),
    ("--no-network --allow-unix /run/a --allow-unix b", Policy(network=Network(unix=("/run/a", "/work/b")))),
    (
        "--fs-readonly --allow-write /usr/lib/.. --allow-write /usr/share --hide k",
        Policy(filesystem=Filesystem(write=("/usr",), hide=("/work/k",))),
    ),
    ("--fs-readonly=/usr --allow-read lib", Policy(filesystem=Filesystem(read=("/usr", "/work/lib")))),
    ("--block-native --allow-native NumPy --allow-native my_lib.x", Policy(native=Native(distributions=("my-lib-x", "numpy")))),
    # environment and limits
    ("--no-network --clean-env", Policy(network=CLOSED, environment=Environment(keep=BASE))),
    (
        "--no-network --clean-env --allow-env AWS_* --allow-env PATH",
        Policy(network=CLOSED, environment=Environment(keep=tuple(sorted({*BASE, "AWS_*"})))),
    ),
    ("--no-network --tmp private --set-env A=b", Policy(network=CLOSED, tmp="private")),
    ("--no-network --timeout 1m --max-cpu 0.5", Policy(network=CLOSED, limits=Limits(timeout=60, cpu=0.5))),
    (
        "--no-network --max-memory=1G --max-file-size 2K --max-processes 3 --max-output 4",
        Policy(network=CLOSED, limits=Limits(memory=1 << 30, file_size=2048, processes=3, output=4)),
    ),
    # profiles
    ("--profile block-all", ALL),
    ("--profile net-hermetic", Policy(network=LOCAL)),
    ("--profile net-hermetic --profile default", Policy(network=CLOSED)),
    ("--profile net-hermetic --profile exec-deny", Policy(network=LOCAL, subprocess=Subprocess())),
    ("--profile exec-deny --profile exec-deny", Policy(subprocess=Subprocess())),
    ("--profile fs-readonly --fs-readonly=/", Policy(filesystem=Filesystem(read=("/",)))),
    # flags and profiles: what both allow, then what adjusts
    ("--profile net-hermetic --no-network", Policy(network=CLOSED)),
    ("--profile net-hermetic --block-native", Policy(network=LOCAL, native=Native())),
    ("--profile default --allow-localhost", Policy(network=LOCAL)),
    ("--profile net-hermetic --allow-localhost", Policy(network=LOCAL)),
    ("--profile net-hermetic --no-network --allow-localhost=80", Policy(network=Network(localhost=((80, 80),)))),
    ("--profile default --on-violation raise", Policy(network=CLOSED, on_violation="raise")),
]


@pytest.mark.usefixtures("plain_default")
@pytest.mark.parametrize(("line", "expected"), GOOD, ids=[row[0] for row in GOOD])
def test_resolves(line, expected):
    resolved = resolve(line)
    assert resolved.policy == expected
    assert [notice for notice in resolved.notices if "there is nothing there" not in notice] == []


@pytest.mark.usefixtures("plain_default")
@pytest.mark.parametrize(
    ("line", "expected", "words"),
    [
        ("", Policy(network=CLOSED), "profile default stands: no network"),
        ("--trace", Policy(network=CLOSED), "profile default stands: no network"),
        ("--allow-localhost", Policy(network=LOCAL), "profile default stands: no network but localhost"),
        ("--allow-localhost=80", Policy(network=Network(localhost=((80, 80),))), "no network but localhost port 80"),
        ("--on-violation raise", Policy(network=CLOSED, on_violation="raise"), "profile default stands: no network"),
        # neither is a guard
        ("--timeout 5", Policy(network=CLOSED, limits=Limits(timeout=5)), "profile default stands: no network, timeout 5 s"),
        ("--clean-env", Policy(network=CLOSED, environment=Environment(keep=BASE)), "stands: no network, a clean environment"),
        ("--tmp private", Policy(network=CLOSED, tmp="private"), "profile default stands: no network, private /tmp"),
    ],
)
def test_default_stands_where_no_guard_is_asked_for(line, expected, words):
    resolved = resolve(line)
    assert resolved.policy == expected
    assert resolved.profiles == ("default",)
    assert resolved.choice.startswith("no guard was asked for, so ")
    assert resolved.choice.endswith(words)
    assert resolved.notices == []


class Find:
    """What profile is chosen for a command, in a directory with these executables on PATH."""

    def __init__(self, place, monkeypatch):
        self.place = place
        monkeypatch.setenv("PATH", str(place))
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)
        (place / "python3").symlink_to(sys.executable)
        (place / "env").symlink_to("/usr/bin/env")
        for name in (
            "pytest",
            "py.test",
            "pip",
            "pip3.11",
            "black",
            "isort",
            "flake8",
            "codespell",
            "http",
            "jupyter-lab",
            "tool",
            "pytest-3",
        ):
            self.write(name, f"#!{place}/python3 -E\n")
        for name in ("ruff", "uv", "curl"):
            (place / name).symlink_to("/bin/true")
        self.write("pylint", "#!/bin/sh\n")

    def write(self, name, text):
        (self.place / name).write_text(text)
        (self.place / name).chmod(0o755)

    def __call__(self, line):
        invocation = options.parse(line.split(), {})
        sought = finding.Sought(invocation, str(self.place))
        return combine.resolve(invocation, str(self.place), sought).profiles


@pytest.fixture
def chosen(tmp_path, monkeypatch):
    return Find(tmp_path, monkeypatch)


CHOSEN = {
    "run pytest -q": "pytest",
    "run -- pytest": "pytest",
    "-v -- pytest": "pytest",
    "run ./pytest": "pytest",
    "run py.test": "pytest",
    "run pytest-3": "pytest",
    "run python3 -m pytest": "pytest",
    "run python3 -Im pytest -m slow": "pytest",
    "exec -- -m pytest": "pytest",
    "exec -m pytest": "pytest",
    "exec -- -m unittest": "pytest",
    "exec pytest": "pytest",
    "run env CI=1 pytest": "pytest",
    "run ruff check .": "lint",
    "run ruff": "lint",
    "run ruff format": "format",
    "run ruff -q format": "format",
    "exec -- -m ruff format .": "format",
    "run ruff check format": "lint",
    "run ruff check --fix .": "format",
    "run ruff check . --fix --unsafe-fixes": "format",
    "run ruff --config x check --fix": "format",
    "run ruff check --no-fix --output-file=--fix": "lint",
    "run ruff check -- --fix": "lint",
    "run ruff format --check .": "lint",
    "exec -- -m black -q --check .": "lint",
    "run black . --diff": "lint",
    "run black -- --check": "format",
    "run isort --check-only .": "lint",
    "run codespell": "lint",
    "run codespell -w .": "format",
    "run flake8": "lint",
    "run pylint": "lint",
    "exec -- -m mypy": "lint",
    "run black .": "format",
    "run isort .": "format",
    "exec -- -m build": "build",
    "run uv build": "build",
    "run http :8000": "http-client",
    "run curl": "http-client",
    "run jupyter-lab": "notebook",
    "exec -- -m ipykernel_launcher": "notebook",
    # nothing of these
    "run tool": "default",
    "run tool pytest": "default",
    "run uv": "default",
    "run python3": "default",
    "exec -- -c pytest": "default",
    "exec -": "default",
    "exec -- --version": "default",
    "shell": "default",
    # something is asked for
    "--no-subprocess -- pytest": None,
    "--profile block-all -- pytest": "block-all",
}


@pytest.mark.parametrize(("line", "profile"), CHOSEN.items())
def test_chosen_by_command(chosen, line, profile):
    assert chosen(line) == ((profile,) if profile else ())


def test_a_limit_is_no_choice(chosen):
    """What is not a guard adjusts the profile that is chosen."""
    assert chosen("--timeout 5 --allow-localhost -- pytest") == ("pytest",)


BAD = [
    ("--no-subprocess --allow-localhost", "--allow-localhost has nothing to adjust: the network is not guarded"),
    ("--profile exec-deny --allow-localhost=80", "--allow-localhost has nothing to adjust"),
    ("--no-network --allow-localhost=80,x", "--allow-localhost=80,x: a port number was expected (at character 4)"),
    ("--no-network --allow-localhost=80 --allow-localhost=x", "--allow-localhost=x: a port number was expected (at character 1)"),
    ("--no-network --allow-localhost=\udcff", r"--allow-localhost=\udcff: a port number was expected (at character 1)"),
    ("--profile net-hermetic --allow-localhost=80", "--allow-localhost=80: it adds nothing: a profile allows"),
    ("--no-network --allow-write /x", "--allow-write has nothing to adjust: the filesystem is not guarded (it goes with --fs-readonly)"),
    ("--fs-readonly --allow-read /x", "--allow-read: everything may be read (it goes with --fs-readonly=ROOT)"),
    (
        "--fs-readonly --allow-write /usr/new",
        "--allow-write /usr/new: there is nothing there yet (make it first, or allow the directory it is to be in: /usr)",
    ),
    ("--fs-readonly --allow-write /no-such", "--allow-write /no-such: there is nothing there yet (make it first)"),
    (
        "--fs-readonly --allow-write /usr/new/er/x",
        "--allow-write /usr/new/er/x: there is nothing there yet (make it first, or allow the directory it is to be in: /usr)",
    ),
    ("--fs-readonly=/usr/new", "--fs-readonly=/usr/new: there is no such directory"),
    ("--fs-readonly=/usr/new --fs-readonly=/usr/new", "there is no such directory"),
    ("--no-network --allow-run ls", "--allow-run has nothing to adjust: the start of processes is not guarded"),
    ("--no-subprocess --allow-run no-such-program", "--allow-run no-such-program: command not found"),
    ("--block-native --allow-native a/b", "--allow-native a/b: the name of a distribution was expected"),
    ("--no-network --allow-env X", "--allow-env has nothing to adjust: the environment is not cleaned (it goes with --clean-env)"),
    ("--no-network --hide /x", "(it goes with --fs-readonly; where all else is to be written: --fs-readonly --allow-write /)"),
    ("--no-network --protect /x", "(it goes with --fs-readonly; where all else is to be written: --fs-readonly --allow-write /)"),
    ("--clean-env --allow-env A=b", "--allow-env A=b: the name of a variable was expected"),
    ("--timeout soon", "--timeout soon: a time was expected: seconds, or with ms, s, m, h or d (as in 90, 90s, 1h30m)"),
    ("--max-memory 12Q", "--max-memory 12Q: a size was expected: a number of bytes, or with K, M, G or T (as in 512M, 1.5G)"),
    ("--max-processes 0", "--max-processes 0: it would leave nothing (as in 64)"),
    ("--tmp mine", "--tmp cannot be mine, only private or shared"),
    ("--profile nine", "there is no profile nine"),
    ("--profile block-al --no-network", "did you mean block-all?"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[ascii(row[0]) for row in BAD])
def test_refuses(line, message):
    with pytest.raises(UsageError) as caught:
        resolve(line)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_root_is_a_real_absolute_path(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for value in ("link", "./link/", "real/../link", f"{tmp_path}/link", "link/."):
        resolved = resolve(f"--fs-readonly={value}", str(tmp_path))
        assert resolved.policy.filesystem.read == (str((tmp_path / "real").resolve()),)


def test_a_program_is_found_on_path(tmp_path, monkeypatch):
    program = tmp_path / "real"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (tmp_path / "tool").symlink_to("real")
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("tool", "./tool", str(program)):
        assert resolve(f"--no-subprocess --allow-run {name}", str(tmp_path)).policy.subprocess.run == (str(program),)


def test_root_where_there_is_no_working_directory():
    assert resolve("--fs-readonly=/", None).policy.filesystem.read == ("/",)
    assert resolve("--fs-readonly", None).policy.filesystem.read is None
    with pytest.raises(UsageError, match="the working directory is gone"):
        resolve("--fs-readonly=a", None)


def test_root_that_cannot_be_a_path(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for value in ("a\x00b", "loop"):
        with pytest.raises(UsageError, match="--fs-readonly="):
            resolve(f"--fs-readonly={value}", str(tmp_path))


def test_roots_that_leave_nothing(tmp_path, monkeypatch):
    (tmp_path / "usr.toml").write_text('version = 1\n[filesystem]\nroot = "/usr"\n')
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    assert resolve("--profile usr --fs-readonly=/usr/bin").policy.filesystem.read == ("/usr/bin",)
    with pytest.raises(UsageError, match="leave nothing"):
        resolve("--profile usr --fs-readonly=/proc")


def test_what_names_nothing_is_said(tmp_path):
    (tmp_path / "there").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    line = "--fs-readonly=. --allow-read there --allow-read no --hide there --hide no/thing --hide dangling"
    assert resolve(line, str(tmp_path)).notices == [
        "--allow-read no: there is nothing there",
        "--hide no/thing: there is nothing there",
        "--hide dangling: there is nothing there",
    ]


def test_a_limit_of_a_profile_cannot_be_raised(tmp_path, monkeypatch):
    (tmp_path / "small.toml").write_text('version = 1\ntmp = "private"\n[network]\n[limits]\ntimeout = "5s"\nmax-memory = 1024\n')
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    assert resolve("--profile small --timeout 9 --max-cpu 1").policy.limits == Limits(timeout=5, memory=1024, cpu=1)
    assert resolve("--profile small --tmp shared --timeout 1").policy == Policy(
        network=CLOSED, tmp="private", limits=Limits(timeout=1, memory=1024)
    )


def test_a_profile_that_is_none(tmp_path, monkeypatch):
    (tmp_path / "bad.toml").write_text("version = 1\n[netwrok]\n")
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    with pytest.raises(PolicyFileError, match=r"bad\.toml, line 2: netwrok"):
        resolve("--profile bad")


def test_an_explicit_manner_beats_a_profiles(tmp_path, monkeypatch):
    (tmp_path / "loud.toml").write_text('version = 1\non-violation = "raise"\n[network]\n')
    monkeypatch.setattr(load, "DIRECTORY", tmp_path)
    assert resolve("--profile loud").policy.on_violation == "raise"
    assert resolve("--profile loud --no-network").policy.on_violation == "raise"
    assert resolve("--profile loud --on-violation refuse").policy.on_violation == "refuse"


GUARDS = ("--no-network", "--no-subprocess", "--fs-readonly", "--block-native")


def test_more_guards_and_profiles_never_allow_more():
    asked = [*GUARDS, *(f"--profile={name}" for name in load.names())]
    for one, other in itertools.combinations_with_replacement(asked, 2):
        both = resolve(f"{one} {other}").policy
        for alone in (resolve(one).policy, resolve(other).policy):
            assert intersect(both, alone) == both
        assert both == resolve(f"{other} {one}").policy


def test_exactly_the_guards_given_stand():
    for count in range(1, 5):
        for chosen in itertools.combinations(GUARDS, count):
            stands = resolve(" ".join(chosen)).policy.guards()
            assert stands == tuple(options.BY_NAME[flag].policy.partition(".")[0] for flag in chosen)


def test_a_run_with_flags_alone_reads_no_profile(monkeypatch):
    def fail(name):
        raise AssertionError(name)

    monkeypatch.setattr(load, "built_in", fail)
    assert resolve("--no-network").policy == Policy(network=CLOSED)


@pytest.mark.parametrize(
    ("line", "hint", "given"),
    [
        ("--no-network", "--allow-localhost", False),
        ("--no-network --allow-localhost", "--allow-localhost", True),
        ("--no-network --allow-localhost", "--allow-localhost=80", True),
        ("--no-network --allow-localhost=80", "--allow-localhost=81", False),
        ("--no-network --allow-domain=*.a.test", "--allow-domain b.a.test", True),
        ("--no-network --allow-domain=a.test:443", "--allow-domain a.test:80", False),
        ("--fs-readonly --allow-write=/usr", "--allow-write '/usr/a b'", True),
        ("--fs-readonly", "--allow-read /usr", True),
        ("--no-network", "--allow-run /bin/true", False),
        ("--no-network", "--builds alike", False),
        # what no guard says, and a target may
        ("--no-network", "", False),
        ("--no-network", "--bogus", False),
        ("--no-network", "'", False),
        ("--fs-readonly", "--allow-write a\0b", True),
        ("--no-network", "--allow-localhost=x", True),
    ],
)
def test_what_is_given_already(line, hint, given):
    resolved = combine.resolve(options.parse([*line.split(), "--", "x"], {}), "/usr")
    assert resolved.allows_already(hint) is given


def test_describes_what_is_forbidden():
    assert described.describe(ALL) == "no network, no new process, no writing, no native code"
    assert described.describe(Policy(filesystem=Filesystem(read=("/a b",)))) == "no writing, reads only in '/a b'"
    assert described.describe(Policy()) == "nothing is forbidden"
    reachable = Network(
        localhost=((80, 81),), domains=(("*", ((1, 65535),)), ("a.test", ((443, 443),)), ("b.test", ((80, 80), (443, 443))))
    )
    assert described.describe(Policy(network=reachable)) == (
        "no network but localhost ports 80-81, any host, a.test port 443 and b.test ports 80,443"
    )
