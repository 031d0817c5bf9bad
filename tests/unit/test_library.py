"""Profiles in files: where a name is looked for, what extends what, and what is held to what would stand without the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Native, Network, Policy, Subprocess

from hermetic import options
from hermetic.errors import HermeticError, PolicyFileError, UsageError
from hermetic.policy import combine, discover, load, trust
from hermetic.policy.context import Known

pytestmark = pytest.mark.usefixtures("plain_default")

CLOSED, LOCAL = Policy(network=Network()), Policy(network=Network(localhost=ANY))


class Files:
    """Policy files in a directory `p/q` of a home directory, from where a run is."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        (place / "p/q").mkdir(parents=True)
        (place / "config/hermetic").mkdir(parents=True)
        monkeypatch.setenv("HOME", str(place))
        monkeypatch.setenv("XDG_CONFIG_HOME", f"{place}/config")

    def write(self, name: str, text: str) -> str:
        path = self.place / name
        path.write_text("version = 1\n" + text)
        path.chmod(0o644)
        return str(path)

    def trust(self, name: str) -> None:
        path = f"{self.place}/{name}"
        trust.store(os.environ).trust(load.Document(discover.read(path), path, discover.Found(path).table))

    def resolve(self, line: str = "", *names: str) -> combine.Resolved:
        """names: of the command, as target/names.py finds them"""
        invocation = options.parse([*line.split(), "--", "x"], {})
        assert invocation is not None
        return combine.resolve(invocation, f"{self.place}/p/q", Known(names=names))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(tmp_path, monkeypatch)


USER, OUTER, INNER = "config/hermetic/hermetic.toml", "p/hermetic.toml", "p/q/hermetic.toml"


# What stands at the top.


@pytest.mark.parametrize("name", [USER, OUTER, INNER])
def test_the_top_takes_away_in_every_run(files: Files, name: str) -> None:
    path = files.write(name, "[network]\nallow-localhost = 80\n[native]")
    assert files.resolve("--no-subprocess").policy == Policy(
        network=Network(localhost=((80, 80),)), subprocess=Subprocess(), native=Native()
    )
    assert files.resolve("--no-network --allow-localhost").policy.network == Network(localhost=((80, 80),))
    assert files.resolve("").policy == Policy(network=Network(), native=Native())
    assert files.resolve("").narrowing("native") == [path]
    assert files.resolve("--no-subprocess --no-policy").policy == Policy(subprocess=Subprocess())
    assert path in files.resolve("--no-policy").files or name == USER


def test_of_several_files_all_hold(files: Files) -> None:
    files.write(USER, "[network]\nallow-localhost = '80-90'\n[native]")
    files.write(OUTER, "[network]\nallow-localhost = '85-95'\n[filesystem]")
    files.write(INNER, "[network]\nallow-localhost = true\n[subprocess]")
    assert files.resolve("--no-network --allow-localhost").policy == Policy(
        network=Network(localhost=((85, 90),)), native=Native(), filesystem=Filesystem(), subprocess=Subprocess()
    )


def test_a_named_file_instead_of_the_projects(files: Files) -> None:
    files.write(USER, "[native]")
    files.write(OUTER, "[filesystem]")
    files.write("other.toml", "[subprocess]\n[profile.wide.network]\nallow-localhost = true")
    assert files.resolve("--policy ../../other.toml --no-network").policy.guards() == ("network", "subprocess", "native")
    resolved = files.resolve("--policy ../../other.toml --profile wide")
    assert (resolved.policy.network, resolved.notices) == (Network(localhost=ANY), [])
    with pytest.raises(PolicyFileError, match=r"none\.toml: cannot be read: No such file"):
        files.resolve("--policy none.toml")
    with pytest.raises(UsageError, match="--policy and --no-policy exclude each other"):
        files.resolve("--policy x --no-policy")


def test_in_pyproject(files: Files) -> None:
    (files.place / "p/pyproject.toml").write_text("[tool.other]\n[tool.hermetic]\nversion = 1\n[tool.hermetic.native]\n")
    assert files.resolve("--no-network").policy == Policy(network=Network(), native=Native())
    (files.place / "p/pyproject.toml").write_text("tool = {hermetic.version = 1, hermetic.native = {}}")
    assert files.resolve("--no-network").policy == Policy(network=Network(), native=Native())
    (files.place / "p/pyproject.toml").write_text("hermetic = {x = 1}")
    assert files.resolve("--no-network").policy == CLOSED
    with pytest.raises(PolicyFileError, match=r"there is no policy in it: it has no \[tool\.hermetic\]"):
        files.resolve(f"--policy {files.place}/p/pyproject.toml")


def test_paths_are_relative_to_the_file(files: Files) -> None:
    files.write(OUTER, "[filesystem]\nallow-write = 'q'\nhide = ['k', '$PROJECT/s', '$HOME/t']")
    (files.place / "p/q/setup.py").touch()
    place = files.place
    resolved = files.resolve("--fs-readonly --allow-write=/")
    assert resolved.policy.filesystem == Filesystem(write=(f"{place}/p/q",), hide=(f"{place}/p/k", f"{place}/p/q/s", f"{place}/t"))
    assert f"{place}/p/hermetic.toml: hide k: there is nothing there" in resolved.details
    assert resolved.notices == []


def test_a_place_that_is_not_there_yet(files: Files) -> None:
    files.write(OUTER, "[filesystem]\nallow-write = 'build'")
    resolved = files.resolve("--fs-readonly --allow-write=/")
    assert resolved.policy.filesystem == Filesystem()
    assert f"{files.place}/p/hermetic.toml: allow-write build: there is nothing there yet" in resolved.details


def test_what_leaves_nothing_to_read(files: Files) -> None:
    files.write(OUTER, "[filesystem]\nroot = '/usr'")
    with pytest.raises(UsageError, match=r"what /.*/p/hermetic\.toml allows leave nothing"):
        files.resolve("--fs-readonly=/proc")


# Names.


def test_a_profile_of_the_users(files: Files) -> None:
    files.write(USER, "[profile.web]\nextends = ['net-hermetic']\nnative = {}")
    resolved = files.resolve("--profile web")
    assert (resolved.policy, resolved.notices) == (LOCAL.replaced(native=Native()), [])
    with pytest.raises(UsageError, match=r"there is no profile wbe \(did you mean web\?\)"):
        files.resolve("--profile wbe")
    with pytest.raises(UsageError, match="there is no profile web"):
        files.resolve("--profile web --no-policy")


def test_a_profile_of_the_projects_needs_trust_to_widen(files: Files) -> None:
    path = files.write(OUTER, "[profile.web]\nextends = ['net-hermetic']\n[profile.tight]\nextends = ['block-all']")
    resolved = files.resolve("--profile web")
    assert resolved.policy == CLOSED
    assert resolved.notices == [
        f"{path} is not trusted, so its profile web allows no more than what stands without it, the built-in profile default (after reading it: hermetic policy trust)"
    ]
    resolved = files.resolve("--profile tight")
    assert (resolved.policy.guards(), resolved.notices) == (("network", "subprocess", "filesystem", "native"), [])
    files.trust(OUTER)
    resolved = files.resolve("--profile web")
    assert (resolved.policy, resolved.notices) == (LOCAL, [])


def test_an_empty_profile_of_the_projects_disarms_nobody(files: Files) -> None:
    files.write(OUTER, "[profile.tests]\n[profile.block-all]\n[profile.default]")
    assert files.resolve("--profile tests").policy == CLOSED
    assert files.resolve("--profile block-all").policy.guards() == ("network", "subprocess", "filesystem", "native")
    assert files.resolve("").policy == CLOSED
    assert any("is not trusted, so its profile default" in notice for notice in files.resolve("").notices)
    files.trust(OUTER)
    assert files.resolve("--profile tests").policy == Policy()


@pytest.mark.parametrize("change", ["[native]\n", "[profile.more]\n", "summary = 'x'\n"])
def test_trust_is_for_the_content(files: Files, change: str) -> None:
    text = "[profile.web]\nextends = ['net-hermetic']\n"
    files.write(OUTER, text)
    files.trust(OUTER)
    files.write(OUTER, "# a comment\n" + text)
    assert files.resolve("--profile web").policy == LOCAL
    files.write(OUTER, change + text)
    assert files.resolve("--profile web").policy.network == Network()


def test_trust_is_for_the_place(files: Files) -> None:
    text = "[profile.web]\nextends = ['net-hermetic']\n"
    files.write(OUTER, text)
    files.trust(OUTER)
    (files.place / OUTER).unlink()
    files.write(INNER, text)
    assert files.resolve("--profile web").policy == CLOSED


def test_trust_that_others_may_have_written(files: Files) -> None:
    files.write(OUTER, "[profile.web]\nextends = ['net-hermetic']\n")
    files.trust(OUTER)
    (entry,) = (files.place / "config/hermetic/trusted").iterdir()
    entry.chmod(0o666)
    assert files.resolve("--profile web").policy == CLOSED
    entry.chmod(0o600)
    assert files.resolve("--profile web").policy == LOCAL
    entry.rename(entry.with_name("x"))
    entry.symlink_to("x")
    assert files.resolve("--profile web").policy == CLOSED


def test_trust_can_be_taken_back(files: Files) -> None:
    path = files.write(OUTER, "[profile.web]\nextends = ['net-hermetic']\n")
    files.trust(OUTER)
    store = trust.store(os.environ)
    assert (store.forget(path), store.forget(path)) == (True, False)
    assert files.resolve("--profile web").policy == CLOSED


def test_what_a_run_leaves_below_does_not_take_the_place_of_what_stands_above(files: Files) -> None:
    files.write(OUTER, "[profile.tests]\nextends = ['block-all']\n[profile.web]\nextends = ['net-hermetic']")
    files.trust(OUTER)
    files.write(INNER, "[profile.tests.network]\n[profile.web]\n")
    assert files.resolve("--profile tests").policy.guards() == ("network", "subprocess", "filesystem", "native")
    assert files.resolve("--profile web").policy == LOCAL
    files.trust(INNER)
    assert files.resolve("--profile tests").policy == CLOSED


def test_what_is_extended_needs_trust_of_its_own(files: Files) -> None:
    files.write(OUTER, "[profile.base]\nextends = ['net-hermetic']")
    files.write(INNER, "[profile.web]\nextends = ['base']")
    files.trust(INNER)
    assert files.resolve("--profile web").policy == CLOSED
    files.trust(OUTER)
    assert files.resolve("--profile web").policy == LOCAL


def test_a_built_in_name(files: Files) -> None:
    path = files.write(USER, "[profile.default]\nextends = ['default']\nnetwork.allow-localhost = true\n[profile.exec-deny]\nnative = {}")
    resolved = files.resolve("")
    assert resolved.policy == LOCAL
    assert resolved.choice == f"no guard was asked for, so profile default of {path} stands: no network but localhost"
    assert resolved.notices == []
    resolved = files.resolve("--profile exec-deny")
    assert resolved.policy == Policy(native=Native())
    assert resolved.notices == [f"profile exec-deny is the one of {path}, not the built-in one"]


def test_extends_under_its_own_name_goes_on_to_the_next_file(files: Files) -> None:
    files.write(USER, "[profile.a]\nextends = ['default']\nnetwork.allow-listen = 1")
    files.write(OUTER, "[profile.a]\nextends = ['a']\nnetwork.allow-listen = 2\n[profile.b]\nextends = ['a']\nnetwork.allow-listen = 4")
    files.write(INNER, "[profile.a]\nextends = ['a']\nnetwork.allow-listen = 3")
    for name in (OUTER, INNER):
        files.trust(name)
    assert files.resolve("--profile a").policy == Policy(network=Network(listen=((1, 3),)))
    assert files.resolve("--profile b").policy == Policy(network=Network(listen=((1, 2), (4, 4))))


def test_extends_several(files: Files) -> None:
    files.write(USER, "[profile.a]\nextends = ['net-hermetic', 'default', 'exec-deny']\nsubprocess.allow-run = '/bin/sh'")
    assert files.resolve("--profile a").policy == Policy(network=Network(), subprocess=Subprocess(run=(os.path.realpath("/bin/sh"),)))


def test_commands_of_ones_own(files: Files) -> None:
    """The nearest file that says something of the command, in the most exact of its names, and then the built-in ones."""
    assert files.resolve("", "ruff format", "ruff").profiles == ("format",)
    assert files.resolve("", "tool").profiles == ("default",)
    files.write(USER, "[profile.mine]\ncommands = ['ruff', 'tool']\n[profile.other]\ncommands = ['ruff check']")
    assert files.resolve("", "ruff format", "ruff").profiles == ("mine",)
    assert files.resolve("", "ruff check", "ruff").profiles == ("other",)
    assert files.resolve("", "tool").profiles == ("mine",)
    assert files.resolve("", "pytest").profiles == ("pytest",)
    assert files.resolve("--no-policy", "tool").profiles == ("default",)


def test_a_project_does_not_choose_until_it_is_trusted(files: Files) -> None:
    files.write(OUTER, "[profile.http-client]\nextends = ['http-client']\ncommands = ['pytest', 'tool']")
    assert files.resolve("", "pytest").profiles == ("pytest",)
    assert files.resolve("", "tool").profiles == ("default",)
    files.trust(OUTER)
    assert files.resolve("", "pytest").profiles == files.resolve("", "tool").profiles == ("http-client",)


def test_what_is_not_trusted_is_held_to_what_the_command_would_get(files: Files) -> None:
    """As if the file were not there: `pytest` has localhost, `default` has not."""
    files.write(OUTER, "[profile.web]\nnetwork.allow-localhost = true")
    assert files.resolve("--profile web", "pytest").policy.network == Network(localhost=ANY)
    assert files.resolve("--profile web", "tool").policy.network == Network()


@pytest.mark.parametrize("key", ["commands = ['pytest']", "notice = 'x'"])
def test_what_is_for_a_command_is_not_at_the_top(files: Files, key: str) -> None:
    files.write(USER, key)
    name = key.partition(" ")[0]
    with pytest.raises(PolicyFileError, match=rf"line 2: {name}: what stands at the top holds for every command \(a profile has it\)"):
        files.resolve("")


def test_what_installs_and_runs_in_one_go(files: Files) -> None:
    assert files.resolve("", "uv run x", "uv run", "uv").profiles == ("install-and-run",)
    assert files.resolve("", "uvx").policy == files.resolve("--profile default", "uvx").policy


def test_notices(files: Files) -> None:
    """Of a profile that stands for a command, and of nobody's who is not asked."""
    files.write(USER, "[profile.old]\nextends = ['default']\ncommands = ['tool']\nnotice = \"ask \\u001b[31m Ada\"")
    assert told(files, "tool") == [f"{files.place}/{USER}: ask \\x1b[31m Ada"]
    assert told(files, "other") + [line for line in files.resolve("--profile old", "tool").notices if "Ada" in line] == []


@pytest.mark.parametrize("profile", ["[profile.old]\ncommands = ['tool']", "[profile.default]"])
def test_a_stranger_says_nothing(files: Files, profile: str) -> None:
    """In hermetic's lines, which are believed; and nothing is believed to be hermetic's that a file says."""
    files.write(OUTER, f"{profile}\nextends = ['default']\nnotice = 'ask Ada'")
    assert told(files, "tool") == []
    files.trust(OUTER)
    assert told(files, "tool") == [f"{files.place}/{OUTER}: ask Ada"]


def told(files: Files, command: str) -> list[str]:
    return [line for line in files.resolve("", command).notices if "Ada" in line]


BAD = [
    ("extends = ['a']\n[profile.a]\nextends = ['b']\n[profile.b]\nextends = ['a']", "line 4: profile.a.extends: a extends b extends a"),
    ("[profile.a]\nextends = ['nine']", "line 3: profile.a.extends: there is no profile nine"),
    ("[profile.a]\nextends = ['a']", "line 3: profile.a.extends: there is no profile a (there are default, "),
    ("extends = ['block-al']\n[profile.a]", "line 2: extends: there is no profile block-al (did you mean block-all?)"),
    (
        "[profile.x.filesystem]\nroot = '/usr'\n[profile.y.filesystem]\nroot = '/proc'\n[profile.a]\nextends = ['x', 'y']",
        "what a extends leaves nothing",
    ),
    ("[profile.a]\nfilesystem.allow-read = '/x'", "profile.a.filesystem.allow-read: everything may be read"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_refuses(files: Files, text: str, message: str) -> None:
    files.write(USER, text)
    with pytest.raises(HermeticError) as caught:
        files.resolve("--profile a")
    assert message in str(caught.value)
    assert str(files.place) in str(caught.value)


def test_what_is_not_trusted_and_leaves_nothing(files: Files) -> None:
    files.write(USER, "[profile.a.filesystem]\nroot = '/usr'")
    files.write(OUTER, "[profile.a.filesystem]\nroot = '/proc'")
    with pytest.raises(PolicyFileError, match="profile a is not trusted, and with what stands without it leaves nothing"):
        files.resolve("--profile a")


def test_where_the_working_directory_is_gone(files: Files) -> None:
    files.write(USER, "[native]\n[filesystem]\nhide = '$PROJECT/x'")
    invocation = options.parse(["--no-network", "x"], {})
    assert invocation is not None
    resolved = combine.resolve(invocation, None)
    assert resolved.policy == Policy(network=Network(), native=Native(), filesystem=Filesystem())
    invocation.values["policy"] = "x.toml"
    with pytest.raises(UsageError, match=r"--policy x\.toml: the working directory is gone"):
        combine.resolve(invocation, None)


def test_a_file_that_is_wrong_stops_every_run(files: Files) -> None:
    files.write(OUTER, "[profile.unused]\nx = 1")
    with pytest.raises(PolicyFileError, match="unknown key"):
        files.resolve("--no-network")
    assert files.resolve("--no-network --no-policy").policy == CLOSED


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody else can give files away")
def test_another_users_file(files: Files) -> None:
    path = files.write(OUTER, "[native]")
    os.chown(path, 12345, -1)
    resolved = files.resolve("--no-network")
    assert resolved.policy == CLOSED
    assert resolved.notices == [f"{path} is another user's, and not followed"]
    assert path in resolved.files
