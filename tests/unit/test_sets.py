"""Named sets: the data, and what is found of it here."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hermetic_guard.hosts import is_inward, is_loopback
from hermetic_guard.policy import DEEP

from hermetic import options, places
from hermetic.indexes import requirements
from hermetic.policy import WrongValue, addresses, sets
from hermetic.policy.context import VARIABLES, Context, Known

HIDE, RUN, DENY, PROTECT = (options.BY_NAME[name] for name in ("--hide", "--allow-run", "--deny-address", "--protect"))
PATHS = [
    (name, word)
    for name, table in sets.tables().items()
    if table["takes"] in ("PATH", "PROGRAM")
    for word in table["words"]
    if not word.startswith("@")
]


def test_tables_are_whole() -> None:
    for name, table in sets.tables().items():
        assert name.startswith("@")
        assert set(table) == {"takes", "summary", "words"}
        assert len(set(table["words"])) == len(table["words"]) > 0
        assert set(sets.kinds(table)) <= set(sets.FINDERS) | {"NAME"}
        assert all(sets.tables()[word]["takes"] == table["takes"] for word in table["words"] if word.startswith("@"))


@pytest.mark.parametrize(("name", "word"), PATHS)
def test_paths_begin_somewhere(name: str, word: str) -> None:
    assert "//" not in word
    if word.startswith("$") and word.partition("/")[0] not in sets.PLACES:
        assert word[1:].partition("/")[0] in VARIABLES
    elif sets.tables()[name]["takes"] == "PATH":
        assert word.startswith(("/", "$"))


def test_secrets_that_are_there(tmp_path: Path) -> None:
    for name in (".ssh/id_rsa", ".aws/credentials", ".netrc", ".pypirc", ".docker/config.json", ".kube/config", ".npmrc", ".git-credentials",
                 ".config/gcloud/x", ".gnupg/x", ".mozilla/x", ".config/google-chrome-beta/x", ".password-store/x", ".bash_history",
                 ".python_history", "p/.env", "p/.env.local", "p/notes", "unrelated"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "p/setup.py").touch()
    found = sets.words("@secrets", HIDE, Context(f"{tmp_path}/p", {"HOME": str(tmp_path)}))
    below = {path.removeprefix(f"{tmp_path}/") for path in found if path.startswith(f"{tmp_path}/")}
    assert below == {
        ".ssh", ".aws", ".netrc", ".pypirc", ".docker/config.json", ".kube", ".npmrc", ".git-credentials", ".config/gcloud", ".gnupg",
        ".mozilla", ".config/google-chrome-beta", ".password-store", ".bash_history", ".python_history", "p/.env", "p/.env.local",
    }  # fmt: skip
    assert not any("*" in path or "$" in path for path in found)


@pytest.mark.parametrize("option", [HIDE, PROTECT], ids=lambda option: option.key)
def test_places_of_an_installer(tmp_path: Path, option: options.Option) -> None:
    """There are none without one, for any option that takes paths."""
    assert sets.words("@installed", option, Context(str(tmp_path), {})) == []


def test_secrets_that_installers_need(tmp_path: Path) -> None:
    for name in (".claude/.credentials.json", ".codex/auth.json", ".config/pip/pip.conf", ".config/gh/hosts.yml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    found, others = ({*sets.words(name, HIDE, Context("/", {"HOME": str(tmp_path)}))} for name in ("@secrets", "@other-secrets"))
    below = {f"{tmp_path}/{name}" for name in (".claude/.credentials.json", ".codex/auth.json", ".config/gh")}
    assert {path for path in others if path.startswith(str(tmp_path))} == below
    assert found - others == {f"{tmp_path}/.config/pip/pip.conf"}


@pytest.mark.parametrize(("option", "name"), [(HIDE, "gh"), (PROTECT, "fish")], ids=["hide", "protect"])
def test_where_a_variable_says_that_it_lies(tmp_path: Path, option: options.Option, name: str) -> None:
    """As well as where it lies otherwise: not every program knows of the variable."""
    for place in (".config", "other*"):
        (tmp_path / place / name).mkdir(parents=True)
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": f"{tmp_path}/other*/"}
    found = sets.words("@secrets" if option is HIDE else "@startup", option, Context("/", environ))
    assert {f"{tmp_path}/.config/{name}", f"{tmp_path}/other*/{name}"} <= {*found}


def test_where_home_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in the user's own is a secret, and runs later, whatever HOME says."""
    for home in ("own", "said"):
        (tmp_path / home / ".ssh").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("own")
    monkeypatch.setattr(places, "account", lambda: f"{tmp_path}/own")
    for said, hidden in (("said", ["said", "own"]), ("own", ["own"]), ("linked", ["linked"])):
        context = Context(None, {"HOME": f"{tmp_path}/{said}"})
        found = [path for path in sets.words("@secrets", HIDE, context) if path.startswith(f"{tmp_path}/")]
        assert found == [f"{tmp_path}/{home}/.ssh" for home in hidden]
        startup = sets.words("@startup", PROTECT, context)
        assert [home for home in ("said", "own", "linked") if f"{tmp_path}/{home}/.bashrc" in startup] == sorted(hidden, reverse=True)


@pytest.mark.parametrize(
    ("made", "cwd"),
    [
        (".git", "a/b"),
        (".git a/pyproject.toml", "a/b"),
        (".git a/pyproject.toml", "a"),
        ("setup.py", "a/b"),
        ("a/b/.git a/setup.py", "a/b"),
        ("", "a/b"),
    ],
)
def test_env_files_upwards(tmp_path: Path, made: str, cwd: str) -> None:
    """From the working directory to below the home directory, and in that: no repository or project that a run makes or removes leaves any out."""
    (tmp_path / "p/a/b").mkdir(parents=True)
    for name in made.split():
        (tmp_path / "p" / name).mkdir()
    for place in (".", "p", "p/a", "p/a/b"):
        (tmp_path / place / ".env").touch()
    found = sets.words("@secrets", HIDE, Context(f"{tmp_path}/p/{cwd}", {"HOME": str(tmp_path)}))
    steps = {f"{tmp_path}", f"{tmp_path}/p", f"{tmp_path}/p/a", f"{tmp_path}/p/{cwd}"}
    assert {path for path in found if path.endswith("/.env")} == {f"{step}/.env" for step in steps}


@pytest.mark.parametrize("leads", ["/proc", "/", "/tmp", ".", "/dev/null", "/usr/bin/env", "nowhere", ".env"])
def test_links_that_are_no_secrets(tmp_path: Path, leads: str) -> None:
    """A project cannot have a run's own needs hidden; but a file elsewhere is one."""
    (tmp_path / "setup.py").touch()
    (tmp_path / "secret").touch()
    context = Context(str(tmp_path), {"HOME": "/h"})
    (tmp_path / ".env").symlink_to("secret")
    assert f"{tmp_path}/.env" in sets.words("@secrets", HIDE, context)
    assert context.notices == []
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").symlink_to(leads)
    assert f"{tmp_path}/.env" not in sets.words("@secrets", HIDE, context)
    assert context.notices[0].startswith(f"{tmp_path}/.env is a link to ")


def test_an_environment_of_that_name_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    (tmp_path / "setup.py").touch()
    context = Context(str(tmp_path), {"HOME": "/h"})
    assert f"{tmp_path}/.env" in sets.words("@secrets", HIDE, context)
    (tmp_path / ".env/pyvenv.cfg").touch()
    assert f"{tmp_path}/.env" not in sets.words("@secrets", HIDE, context)


def test_environments(tmp_path: Path) -> None:
    for name in ("env", "sub/env", ".tox/py", "other"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / ("x" if name == "other" else "pyvenv.cfg")).touch()
    (tmp_path / "setup.py").touch()
    context = Context(str(tmp_path), {"HOME": "/h"}, Known(f"{tmp_path}/.tox/py/bin/python"))
    assert sets.words("@environments", PROTECT, context) == [f"{tmp_path}/.tox/py", f"{tmp_path}/env"]
    (tmp_path / ".venv").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    assert f"{tmp_path}/.venv" in sets.words("@environments", PROTECT, context)


def test_a_home_with_a_star_in_its_name(tmp_path: Path) -> None:
    for name in ("a*", "ab"):
        (tmp_path / name / ".ssh").mkdir(parents=True)
    found = sets.words("@secrets", HIDE, Context("/", {"HOME": f"{tmp_path}/a*"}))
    assert [path for path in found if path.startswith(str(tmp_path))] == [f"{tmp_path}/a*/.ssh"]


def test_an_environment_with_a_pattern_for_a_name(tmp_path: Path) -> None:
    """It is protected by the name that it has."""
    prefix = tmp_path / "a[b]*"
    prefix.mkdir()
    (prefix / "pyvenv.cfg").touch()
    assert sets.words("@environments", PROTECT, Context(str(tmp_path), {"HOME": "/h"}, Known(f"{prefix}/bin/python"))) == [str(prefix)]


def test_startup_of_the_environment(tmp_path: Path) -> None:
    site = tmp_path / "venv/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    for name in ("a.pth", "b.start", "sitecustomize.py", "module.py"):
        (site / name).touch()
    (tmp_path / "venv/pyvenv.cfg").touch()
    found = sets.words("@startup", HIDE, Context("/", {}, Known(f"{tmp_path}/venv/bin/python")))
    names = {Path(path).name for path in found if path.startswith(str(tmp_path))}
    assert names == {"pyvenv.cfg", "a.pth", "b.start", "sitecustomize.py"}


def test_what_is_protected_need_not_be_there(tmp_path: Path) -> None:
    """But a directory whose name is a pattern; that of the last name is kept."""
    site = tmp_path / "v*/lib/python3.11/site-packages"
    site.mkdir(parents=True)
    (tmp_path / "v*/pyvenv.cfg").touch()
    (tmp_path / ".git").mkdir()
    found = sets.words("@startup", PROTECT, Context(str(tmp_path), {"HOME": "/home/x"}, Known(f"{tmp_path}/v*/bin/python")))
    assert {"/home/x/.bashrc", "/home/x/.config/autostart", f"{tmp_path}/.git/hooks", f"{tmp_path}/.envrc"} <= set(found)
    below = {path.removeprefix(f"{site}/") for path in found if path.startswith(f"{site}/")}
    assert {"*.pth", "*.start", "sitecustomize*", "usercustomize*"} == below
    assert not any("*" in Path(path).parent.as_posix().replace("v*", "").replace(DEEP.rstrip("/"), "") or "$" in path for path in found)
    assert f"{tmp_path}{DEEP}.git" in found


@pytest.mark.parametrize("name", ["clone", "a*", "a?", "a[b]", "[*]", "[[]"])
def test_startup_of_projects_that_an_installer_is_given(tmp_path: Path, name: str) -> None:
    """As of the one that it is run in, whatever it is called; behind a bracket stand extras."""
    place = tmp_path / name
    place.mkdir()
    (place / "setup.py").touch()
    named = [(tmp_path, [f"./{name}"]), (tmp_path, ["-e", f"./{name}"]), (Path("/"), [str(place)])] if "[" not in name else []
    for cwd, words in (*named, (place, ["other"])):
        found = sets.words("@startup", PROTECT, Context(str(cwd), {}, Known("", (), ["/python", "-m", "pip", "install", *words])))
        assert {f"{place}/.git", f"{place}/.envrc", f"{place}/*.code-workspace"} <= set(found)
    other = sets.words("@startup", PROTECT, Context("/", {}, Known("", (), ["/python", "-m", "other", "install", str(place)])))
    assert f"{place}/.git/hooks" not in other


def test_what_an_installer_is_given_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though half of the words ask for it."""
    read: list[str] = []
    monkeypatch.setattr(requirements, "read", lambda file, *_: read.append(file) or [])
    context = Context(str(tmp_path), {}, Known("", (), ["/python", "-m", "pip", "install", "-r", "x.txt"]))
    sets.words("@startup", PROTECT, context)
    assert read == [f"{tmp_path}/x.txt"]


def test_private_addresses() -> None:
    found = sets.words("@private", DENY, Context("/", {}))
    assert len(found) > 5
    for text in found:
        prefix, bits, _ = addresses.read(text)
        address = prefix + b"\0" * 0
        assert is_inward(address), text
        assert not is_loopback(None, address), text
        assert bits > 6
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"} <= set(found)
    assert socket.inet_aton("169.254.169.254")[:2] in {addresses.read(text)[0][:2] for text in found}


def test_programs_that_are_there(tmp_path: Path) -> None:
    for name in ("cc", "ld", "other"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "make").write_text("not executable")
    found = sets.words("@compilers", RUN, Context("/", {"PATH": str(tmp_path)}))
    assert [path for path in found if path.startswith(str(tmp_path))] == [f"{tmp_path}/cc", f"{tmp_path}/ld"]


@pytest.mark.parametrize(
    ("name", "option", "why"),
    [
        ("@secret", HIDE, "there is no such set"),
        ("@secrets", RUN, "this set does not go here"),
        ("@compilers", HIDE, "this set does not go here"),
        ("@private", HIDE, "this set does not go here"),
    ],
)
def test_refuses(name: str, option: options.Option, why: str) -> None:
    with pytest.raises(WrongValue, match=why):
        sets.words(name, option, Context("/", {}))
