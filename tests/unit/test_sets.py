"""Named sets: the data, and what is found of it here."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hermetic_guard.hosts import is_inward, is_loopback
from hermetic_guard.policy import DEEP

from hermetic import options
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


def test_a_home_with_a_star_in_its_name(tmp_path: Path) -> None:
    for name in ("a*", "ab"):
        (tmp_path / name / ".ssh").mkdir(parents=True)
    found = sets.words("@secrets", HIDE, Context("/", {"HOME": f"{tmp_path}/a*"}))
    assert [path for path in found if path.startswith(str(tmp_path))] == [f"{tmp_path}/a*/.ssh"]


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
