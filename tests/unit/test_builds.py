"""Command lines that build packages, as installers write them, and what those may write."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hermetic_guard import builds, cmdline
from hermetic_guard.decide import Request, decide
from hermetic_guard.policy import ALIKE, BUILD, CONFINED, Filesystem, Network, Policy
from hermetic_guard.scopes import Scopes

UV = """import sys

if sys.path[0] == "":
    sys.path.pop(0)

sys.path = [__import__("os").fsdecode(b"/project/backend")] + sys.path

import demo as backend

wheel_filename = backend.build_wheel(__import__("os").fsdecode(b"/cache/builds/.tmp1"), {}, None)
with open(__import__("os").fsdecode(b"/cache/builds/.tmp2/build_wheel.txt"), "w") as fp:
    fp.write(wheel_filename)
"""
FORGED = UV.replace("import demo as", 'import x as backend\nwith open("/environment/x") as backend\nimport demo as')
SETUP = "import sys, setuptools, tokenize; sys.argv[0] = '/s/setup.py'; __file__='/s/setup.py'; exec(compile(open(__file__).read(), __file__, 'exec'))"


METADATA = UV.replace("{}, None", '{"a": "/x"}, "/metadata"')
PREPARE = UV.replace("= backend.build_wheel(", "= prepare_metadata_for_build(")


@pytest.mark.parametrize(
    ("words", "directories", "files"),
    [
        (["/v/pip/_vendor/pyproject_hooks/_in_process/_in_process.py", "build_wheel", "/tmp/c"], ["/tmp/c"], []),
        (["/v/pip/_vendor/pep517/_in_process.py", "build_wheel", "/tmp/c"], ["/tmp/c"], []),
        (["/tmp/tmpab12_in_process.py", "build_wheel", "/tmp/c"], ["/tmp/c"], []),
        *((["-c", script], ["/cache/builds/.tmp1"], ["/cache/builds/.tmp2/build_wheel.txt"]) for script in (UV, FORGED, METADATA, PREPARE)),
        (["-u", "-c", SETUP, "bdist_wheel", "-d", "/tmp/w"], ["/tmp/w"], []),
    ],
)
def test_which_are_builds(words: list[str], directories: list[str], files: list[str]) -> None:
    asked = builds.asked_of(cmdline.parse(["python", *words]))
    assert asked is not None
    assert (asked.directories, asked.files, asked.environment) == (directories, files, [])


COMPILING = "/c/.tmp1/pip_compileall.py"


@pytest.mark.parametrize(
    "words",
    [["_in_process.py"], ["-c", "import this"], ["-m", "pip", "install", "setup.py"], ["/v/bin/pip", "install", "x"], []],
)
def test_which_are_not(words: list[str]) -> None:
    assert builds.asked_of(cmdline.parse(["python", *words])) is None


def test_installing_the_old_way_writes_into_the_environment() -> None:
    for command in ("install", "develop"):
        asked = builds.asked_of(cmdline.parse(["python", "-c", SETUP, command, "--record", "/tmp/r/record.txt"]))
        assert asked is not None
        assert asked.files == ["/tmp/r/record.txt"]
        assert asked.environment == [os.path.dirname(os.path.dirname(sys.executable)), sys.prefix]


@pytest.mark.parametrize(
    ("hook", "argument"),
    [
        ("build_wheel", "wheel_directory"),
        ("build_editable", "wheel_directory"),
        ("build_sdist", "sdist_directory"),
        ("prepare_metadata_for_build_wheel", "metadata_directory"),
        ("prepare_metadata_for_build_editable", "metadata_directory"),
        ("get_requires_for_build_wheel", None),
    ],
)
@pytest.mark.parametrize("place", ["/tmp/w", "/tmp/\u00e4\U0001f600", "/tmp/a\\b"])
def test_what_pip_leaves_for_the_hook(tmp_path: Path, hook: str, argument: str | None, place: str) -> None:
    """Of the arguments the one that the hook fills; `build_wheel` only reads the metadata."""
    kwargs = {name: f"/{name}" for name in ("wheel_directory", "sdist_directory", "metadata_directory")}
    kwargs |= {argument: place} if argument else {}
    kwargs["config_settings"] = {"wheel_directory": "/settings", "x": "/y"}  # type: ignore[assignment]
    (tmp_path / "input.json").write_text(json.dumps({"kwargs": kwargs}, indent=2))
    asked = builds.asked_of(cmdline.parse(["python", "_in_process.py", hook, str(tmp_path)]))
    assert asked is not None
    assert asked.directories == [str(tmp_path), *([place] if argument else [])]


RUN = Policy(network=Network(localhost=((80, 80),)), filesystem=Filesystem(write=("/tmp", "/env")), builds=CONFINED)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    found: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execve", lambda path, words, environment: found.append([path, *words]))
    return found


def test_a_build_is_started_anew_once(started: list[list[str]], tmp_path: Path) -> None:
    words = ["python", "-I", "_in_process.py", "hook", str(tmp_path)]
    scopes = Scopes(RUN)
    builds.confine(scopes, lambda: words, ["/hermetic", "-I"], os.execve)
    options = ["exec", "--no-policy", "--quiet", "--builds=build", "--no-network", "--fs-readonly", "--protect=@other-startup"]
    options += ["--hide=@index-logins", "--hide=@installer-configuration", f"--allow-write={tmp_path}"]
    assert started == [["/hermetic", "/hermetic", "-I", *options, f"--python={sys.executable}", "--", *words[1:]]]
    scopes.push(Policy(builds=BUILD))
    builds.confine(scopes, lambda: words, ["/hermetic", "-I"], os.execve)
    assert len(started) == 1


def test_its_scratch_directory_is_its_own(started: list[list[str]], tmp_path: Path) -> None:
    """A new one each time, and nothing else of that which the run has."""
    scratch, control = tmp_path / "scratch", tmp_path / "scratch/control"
    control.mkdir(parents=True)
    for _ in range(2):
        builds.confine(Scopes(RUN, str(scratch)), lambda: ["python", "_in_process.py", "hook", str(control)], ["/hermetic"], os.execve)
    made = {path for path in scratch.iterdir() if path != control}
    assert len(made) == 2
    written = [{word.partition("=")[2] for word in words if word.startswith("--allow-write=")} for words in started]
    assert {path for one in written for path in one} == {str(path) for path in (control, *made)}
    assert written[0] & written[1] == {str(control)}
    inside = Scopes(RUN, str(scratch))
    inside.push(Policy(filesystem=Filesystem(write=(str(control),)), builds=BUILD))
    assert inside.current.filesystem is not None
    assert inside.current.filesystem.write == (str(control),)


def test_what_compiles_is_started_without_site_once(started: list[list[str]]) -> None:
    builds.confine(Scopes(RUN), lambda: ["/env/bin/python", COMPILING], ["/hermetic"], os.execve)
    assert started == [[sys.executable, "/env/bin/python", "-S", COMPILING]]
    builds.confine(Scopes(RUN), lambda: ["/env/bin/python", "-S", COMPILING], ["/hermetic"], os.execve)
    assert len(started) == 1


def test_files_that_variables_name_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "netrc").touch()
    named = {"NETRC": f"{tmp_path}/netrc", "PIP_CONFIG_FILE": os.devnull, "UV_CONFIG_FILE": "", "UV_CREDENTIALS_DIR": str(tmp_path)}
    assert builds.named_logins(named) == [f"{tmp_path}/netrc", str(tmp_path)]


@pytest.mark.parametrize("words", [["python", "-c", "pass"], ["python", "-m", "pip"]])
def test_nothing_else_is(started: list[list[str]], words: list[str]) -> None:
    builds.confine(Scopes(RUN), lambda: words, ["/hermetic"], os.execve)
    assert started == []


def test_nor_where_builds_are_let_alone(started: list[list[str]]) -> None:
    builds.confine(Scopes(RUN.replaced(builds=ALIKE)), lambda: ["python", "_in_process.py", "hook", "/tmp"], ["/hermetic"], os.execve)
    assert started == []


def test_variables() -> None:
    """What leads to indexes goes, whatever else there is stays."""
    kept = {"PATH": "/bin", "CFLAGS": "-O", "PIPX": "x", "MINE": "x", "UV": "/bin/uv"}
    gone = {"PIP_INDEX_URL": "x", "UV_INDEX_A_PASSWORD": "x", "HTTPS_PROXY": "x", "no_proxy": "x", "NETRC": "x", "KEYRING_SERVICE": "x"}
    assert builds.environment_of(kept | gone) == kept


def test_a_hint_says_what_would_have_to_be_allowed_first() -> None:
    """Nothing else helps: what is allowed to the installer is not to its builds."""
    request = Request("network", "DNS", "x.example", host="x.example")
    assert decide(Policy(network=Network()), request).hint == "--allow-domain x.example"
    assert decide(Policy(network=Network(), builds=BUILD), request).hint == "--builds alike"


def deeply(levels: int) -> str:
    return '{"x": ' + "[" * levels + "]" * levels + ', "return_val": "/bin/wanted"}'


ANSWERS: dict[str, tuple[str | None, bool]] = {
    "a name": ('{"return_val": "demo-1.whl"}', False),
    "nothing": ('{"return_val": null}', False),
    "elsewhere": ('{"return_val": "/bin/wanted"}', True),
    "upwards": ('{"return_val": "../wanted"}', True),
    "no JSON": ("{", False),
    "too deep for this stack": (deeply(100_000), True),
    "too long to be looked through": (" " * builds.LARGEST + "{}", True),
    "a pipe": (None, True),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_of_hooks(tmp_path: Path, name: str) -> None:
    content, refused = ANSWERS[name]
    file = tmp_path / "output.json"
    if content is None:
        os.mkfifo(file)
    else:
        file.write_text(content)
    asked: list[object] = []
    on_open = builds.make_on_open(asked.append)
    on_open(str(file), "r", None)
    on_open(str(tmp_path / "none/output.json"), "r", None)
    on_open(str(file), "w", None)
    assert len(asked) == refused
