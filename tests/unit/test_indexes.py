"""What installers are told, read as they read it, and whose word it is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from hermetic import options, policies
from hermetic.errors import UsageError
from hermetic.indexes import command, defaults, found, pip, requirements, urls, uv, words
from hermetic.policy import sets, trust
from hermetic.policy.context import Context, Known

DOMAIN, ADDRESS, LOCALHOST, WRITE = (
    options.BY_NAME[name] for name in ("--allow-domain", "--allow-address", "--allow-localhost", "--allow-write")
)

INDEX_PY = """
class PackageIndex: pass
raise SystemExit("this is data")
PyPI = PackageIndex("https://index.example/", file_storage_domain="files.example")
TestPyPI = PackageIndex("https://test.example/", file_storage_domain="test-files.example")
"""
OPTIONS_PY = "index_url = partial(Option, '-i', default=PyPI.simple_url)\nother = partial(Option, default=SOMETHING.simple_url)\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing in it, an environment with a pip, and a machine without a configuration for installers."""
    for name in ("home", "work", "venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "venv/bin/python").symlink_to(tmp_path / "base/bin/python3.13")
    bundled = tmp_path / "base/lib/python3.13/ensurepip/_bundled"
    bundled.mkdir(parents=True)
    write_pip(bundled)
    (tmp_path / "work/setup.py").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(pip, "files", lambda environ, prefix: [one for one in FILES(environ, prefix) if one.startswith(str(tmp_path))])
    return tmp_path


FILES = pip.files


def write_pip(folder: Path, index: str = INDEX_PY) -> None:
    with zipfile.ZipFile(folder / "pip-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(defaults.INDEX, index)
        wheel.writestr(defaults.OPTIONS, OPTIONS_PY)


def context(home: Path, *arguments: str, program: str = "venv/bin/python venv/bin/pip", **environ: str) -> Context:
    path, *script = [str(home / word) for word in program.split()]
    own = {"HOME": f"{home}/home", "VIRTUAL_ENV": f"{home}/venv", **environ}
    return Context(f"{home}/work", own, Known(path if script else "", words=[path, *script, *arguments]), begins=True)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return path


def names(made: Context) -> list[str]:
    return sets.words("@pypi", DOMAIN, made)


# URLs.


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://index.example/simple", ("HOST", "index.example:443")),
        ("http://me:secret@index.example:8080/simple/", ("HOST", "index.example:8080")),
        ("git+https://forge.example/x@main#egg=x", ("HOST", "forge.example:443")),
        ("git+ssh://git@forge.example/x", ("HOST", "forge.example:22")),
        ("http://localhost:3141/root", ("PORTS", "3141")),
        ("http://127.0.0.1/simple", ("PORTS", "80")),
        ("http://[::1]:3141/", ("PORTS", "3141")),
        ("http://192.0.2.7:3141/", ("ADDRESS", "192.0.2.7:3141")),
        ("https://[2001:db8::1]/", ("ADDRESS", "[2001:db8::1]:443")),
        ("file:///srv/simple", None),
        ("/srv/simple", None),
        ("https://", None),
        ("http://[", None),
        ("https://index.example:port/", None),
        ("http://*/simple", None),
        ("http://*.example/simple", None),
        ("http://index.example:0/simple", None),
        ("http://localhost:0/simple", None),
        ("http://\udcff/simple", None),
        ("http://%s/simple" % ("x" * 70000), None),
        ("http://[fe80::1%eth0]/simple", None),
    ],
)
def test_what_a_url_takes(url: str, expected: tuple[str, str] | None) -> None:
    assert urls.grant(url) == expected


IMPOSSIBLE = ["http://*/simple", "http://*.example", "http://a\udcff", "http://a:0/", "http://%s/" % ("x" * 70000)]


@pytest.mark.parametrize("url", IMPOSSIBLE, ids=range(len(IMPOSSIBLE)))
def test_a_host_that_there_cannot_be(home: Path, url: str) -> None:
    """Of whoever counts it is an error that names them; of others there is nothing to allow."""
    for made, who in (
        (context(home, "install", "-i", url, "x"), "the command line or environment"),
        (context(home, "install", "x", PIP_INDEX_URL=url), "the command line or environment"),
    ):
        with pytest.raises(UsageError, match=f"^{who} names an index at ") as raised:
            names(made)
        assert len(str(raised.value)) < 400
    write(home / "work/r.txt", f"-i {url}\n" if url.isascii() else "")
    assert "*" not in "".join(names(context(home, "install", "-r", "r.txt")))


# Words.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("install -i U x", [("", "install"), ("--index-url", "U"), ("", "x")]),
        ("install -iU --extra-index-url=V", [("", "install"), ("--index-url", "U"), ("--extra-index-url", "V")]),
        ("--index U --default-index V", [("--index", "U"), ("--default-index", "V")]),
        ("--index-u U --pypi-url V", [("--index-url", "U"), ("--index-url", "V")]),
        ("-qUi U", [("--index-url", "U")]),
        ("-qUr file -- -i", [("--requirement", "file"), ("", "-i")]),
        ("--proxy -i -f U", [("--proxy", "-i"), ("--find-links", "U")]),
        ("--quiet --no-index", [("--no-index", "")]),
        ("-i", []),
    ],
)
def test_words(given: str, expected: list[tuple[str, str]]) -> None:
    assert list(words.options(given.split())) == expected


# The default.


def test_the_default_is_read_and_not_run(home: Path) -> None:
    assert names(context(home, "install", "x")) == ["index.example:443", "files.example:443"]


def test_files_of_an_index_that_is_known(home: Path) -> None:
    made = context(home, "install", "-i", "https://test.example/simple", "x")
    assert names(made) == ["test.example:443", "test-files.example:443"]


def test_an_installed_pip_with_another_default_is_a_strangers_word(home: Path) -> None:
    folder = home / "venv/lib/python3.13/site-packages"
    write(folder / defaults.OPTIONS, OPTIONS_PY)
    write(folder / defaults.INDEX, INDEX_PY)
    assert context_notices(home) == []
    index = write(folder / defaults.INDEX, INDEX_PY.replace("https://index.example", "https://evil.example"))
    (notice,) = context_notices(home)
    assert "evil.example:443" in notice
    assert str(index) in notice


def context_notices(home: Path) -> list[str]:
    made = context(home, "install", "x")
    assert names(made) == ["index.example:443", "files.example:443"]
    return made.notices


def test_uv_has_the_same_default_or_none(home: Path) -> None:
    for content, expected in (("..https://index.example/simple..", ["index.example:443", "files.example:443"]), ("nothing", [])):
        write(home / "bin/uv", content)
        assert names(context(home, "pip", "install", "x", program="bin/uv")) == expected


def test_an_environment_with_a_copy_of_its_interpreter(home: Path) -> None:
    """What looks like the interpreter's library there is what packages have brought: the default of hermetic's own counts."""
    (home / "venv/bin/python").unlink()
    write(home / "venv/bin/python", "")
    bundled = home / "venv/lib/python3.13/ensurepip/_bundled"
    bundled.mkdir(parents=True)
    write_pip(bundled, INDEX_PY.replace("https://index.example", "https://evil.example"))
    bundled.chmod(0o555)
    made = context(home, "install", "x")
    own = defaults.find("")
    assert own is not None
    assert found.default_for(made) == own
    assert "evil.example:443" not in names(made)
    without = defaults.find(str(home / "venv/bin/python"))
    assert without is not None
    assert without.url == "https://evil.example/simple"


def test_no_copy_of_pip(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "copies", lambda interpreter, written: iter([{defaults.INDEX: "not (Python", defaults.OPTIONS: ""}]))
    assert defaults.find("/x") is None
    assert names(context(home, "install", "x")) == []


# What pip is told.


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ("install x", {"PIP_INDEX_URL": "https://a.example/simple"}, ["a.example:443"]),
        ("install x", {"PIP_EXTRA_INDEX_URL": "http://a.example http://b.example:81"}, ["a.example:80", "b.example:81", "index.example:443", "files.example:443"]),
        ("install x", {"PIP_FIND_LINKS": "https://a.example/links /srv"}, ["a.example:443", "index.example:443", "files.example:443"]),
        ("install x", {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "https://a.example/links"}, ["a.example:443"]),
        ("install x", {"PIP_NO_INDEX": "0"}, ["index.example:443", "files.example:443"]),
        ("install --no-index -f https://a.example/ x", {}, ["a.example:443"]),
        ("install --index-url=https://a.example/simple x", {}, ["a.example:443"]),
        ("install -i https://a.example/simple https://b.example/x.whl", {}, ["a.example:443", "b.example:443"]),
        ("install -i https://a.example/simple -e git+https://b.example/x", {}, ["a.example:443", "b.example:443"]),
        ("install -i file:///srv/simple x", {}, []),
        ("install -i http://localhost:3141/simple x", {}, []),
    ],
)  # fmt: skip
def test_pip(home: Path, arguments: str, environ: dict[str, str], expected: list[str]) -> None:
    assert names(context(home, *arguments.split(), **environ)) == expected


def test_addresses_and_ports_of_this_machine(home: Path) -> None:
    made = context(home, "install", "-i", "http://localhost:3141/simple", "--extra-index-url", "http://192.0.2.7:81/", "x")
    assert (sets.words("@pypi", LOCALHOST, made), sets.words("@pypi", ADDRESS, made)) == (["3141"], ["192.0.2.7:81"])


def test_configuration_files_of_the_user(home: Path) -> None:
    write(
        home / "home/.config/pip/pip.conf",
        "[global]\nindex-url = https://a.example/simple\n[install]\nextra-index-url =\n  http://b.example\n  http://c.example:8\n",
    )
    assert names(context(home, "install", "x")) == ["a.example:443", "b.example:80", "c.example:8"]
    named = write(home / "elsewhere/pip.ini", "[global]\nindex_url = https://d.example/\n")
    assert names(context(home, "install", "x", PIP_CONFIG_FILE=str(named))) == ["d.example:443"]
    assert names(context(home, "install", "x", PIP_CONFIG_FILE="/dev/null")) == ["index.example:443", "files.example:443"]


def test_configuration_that_others_may_write_does_not_count(home: Path) -> None:
    file = write(home / "home/.pip/pip.conf", "[global]\nextra-index-url = https://a.example/simple\n")
    assert "a.example:443" in names(context(home, "install", "x"))
    file.chmod(0o666)
    assert "a.example:443" not in names(context(home, "install", "x"))


def test_configuration_that_an_earlier_run_may_have_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(home / "venv/pip.conf", "[global]\nindex-url = https://evil.example/simple\n")
    made = context(home, "install", "x")
    assert names(made) == ["index.example:443", "files.example:443"]
    assert made.notices == [f"{file} is not trusted, so evil.example:443 is not allowed (after reading it: hermetic policy trust {file})"]
    text, code = policies.trust_files(str(file), f"{home}/work", forget=False, dry_run=True)
    assert (text.startswith(f"{file}: would be trusted, with the indexes it names now: "), code) == (True, 0)
    assert policies.trust_files(str(file), f"{home}/work", forget=True)[0] == f"{file}: was not trusted\n"
    text, code = policies.trust_files(str(file), f"{home}/work", forget=False)
    assert (text, code) == (f"{file}: trusted, with the indexes it names now: evil.example:443\n", 0)
    assert names(context(home, "install", "x")) == ["evil.example:443"]
    write(file, "[global]\nindex-url = https://worse.example/simple\n")
    assert names(context(home, "install", "x")) == ["index.example:443", "files.example:443"]
    write(file, "[global]\nindex-url = https://evil.example/simple\n")
    assert policies.trust_files(str(file), f"{home}/work", forget=True)[0] == f"{file}: no longer trusted\n"
    assert names(context(home, "install", "x")) == ["index.example:443", "files.example:443"]


def test_requirements_files_are_a_projects(home: Path) -> None:
    file = write(
        home / "work/requirements.txt",
        "-i https://a.example/simple  # ours\n-r more/others.txt\nx @ https://b.example/x.whl\ny==1 \\\n --hash=sha256:00\n",
    )
    other = write(home / "work/more/others.txt", "--extra-index-url https://${WHICH}.example/\nz\n")
    made = context(home, "install", "-rrequirements.txt", WHICH="c")
    assert names(made) == ["index.example:443", "files.example:443"]
    assert [notice.partition(" is not allowed")[0] for notice in made.notices] == [
        f"{file} is not trusted, so a.example:443, b.example:443",
        f"{other} is not trusted, so c.example:443",
    ]
    store = trust.store({"HOME": f"{home}/home"})
    store.trust_urls(str(file), found.in_file(str(file), made))
    assert names(context(home, "install", "-rrequirements.txt", WHICH="c")) == ["a.example:443", "b.example:443"]


def test_requirements_that_name_each_other(home: Path) -> None:
    file = write(home / "work/a.txt", "-r a.txt\n-i https://a.example/\n")
    assert len(list(requirements.read(str(file), {}))) == 1


@pytest.mark.usefixtures("patience")
def test_requirements_without_end(home: Path) -> None:
    """Names of files that are not there, more than anybody has; and files that name each other in all ways."""
    write(home / "work/a.txt", "-r " * 20000)
    assert names(context(home, "install", "-r", "a.txt")) == ["index.example:443", "files.example:443"]
    write(home / "work/b.txt", "".join(f"-r {number}.txt\n" for number in range(20000)))
    assert len(list(requirements.read(f"{home}/work/b.txt", {}))) == requirements.MOST
    write(home / "work/c.txt", "".join(f"-i https://host{number}.example\n" for number in range(1000)))
    made = context(home, "install", "-r", "c.txt")
    names(made)
    assert "host9.example:443 and 990 more is not allowed" in made.notices[0]
    assert len(made.notices[0]) < 1000


# What uv is told.


@pytest.mark.parametrize(
    ("arguments", "environ", "expected"),
    [
        ("pip install x", {"UV_INDEX": "mine=https://a.example/simple https://b.example/"}, ["a.example:443", "b.example:443", "index.example:443", "files.example:443"]),
        ("pip install x", {"UV_DEFAULT_INDEX": "https://a.example/simple"}, ["a.example:443"]),
        ("pip install x", {"UV_INDEX_URL": "https://a.example/simple", "UV_EXTRA_INDEX_URL": "http://b.example"}, ["a.example:443", "b.example:80"]),
        ("pip install --default-index mine=https://a.example/?x=y x", {}, ["a.example:443"]),
        ("pip install x", {"PIP_INDEX_URL": "https://a.example/simple"}, ["index.example:443", "files.example:443"]),
    ],
)  # fmt: skip
def test_uv(home: Path, arguments: str, environ: dict[str, str], expected: list[str]) -> None:
    write(home / "bin/uv", "https://index.example/simple")
    assert names(context(home, *arguments.split(), program="bin/uv", **environ)) == expected


def test_files_of_uv(home: Path) -> None:
    write(home / "bin/uv", "https://index.example/simple")
    write(
        home / "home/.config/uv/uv.toml",
        '[[index]]\nurl = "https://a.example/simple"\ndefault = true\n[pip]\nextra-index-url = ["http://b.example"]\n',
    )
    project = write(
        home / "work/pyproject.toml",
        '[tool.uv]\nindex = [{ name = "x", url = "https://evil.example/simple" }]\n[tool.uv.sources]\nx = { git = "https://c.example/x" }\n',
    )
    made = context(home, "sync", program="bin/uv")
    assert names(made) == ["a.example:443", "b.example:80"]
    assert [notice.partition(" is not trusted")[0] for notice in made.notices] == [str(project)]
    assert policies.trust_files(str(project), f"{home}/work", forget=False)[1] == 0
    assert names(context(home, "sync", program="bin/uv")) == ["a.example:443", "b.example:80", "evil.example:443", "c.example:443"]
    assert names(context(home, "pip", "install", "x", program="bin/uv", UV_NO_CONFIG="1")) == ["index.example:443", "files.example:443"]


@pytest.mark.parametrize("name", ["uv.toml", "pyproject.toml"])
def test_files_above_another_project(home: Path, name: str) -> None:
    """uv reads them wherever the nearest project begins."""
    write(home / "bin/uv", "https://index.example/simple")
    table = "tool.uv.pip" if name == "pyproject.toml" else "pip"
    file = write(home / "work" / name, f'[{table}]\nindex-url = "https://evil.example/simple"\n')
    write(home / "work/sub/pyproject.toml", "")
    made = context(home, "pip", "install", "x", program="bin/uv")
    made.cwd = f"{home}/work/sub"
    assert made.value("PROJECT") == f"{home}/work/sub"
    assert names(made) == ["index.example:443", "files.example:443"]
    assert made.notices == [f"{file} is not trusted, so evil.example:443 is not allowed (after reading it: hermetic policy trust {file})"]
    policies.trust_files(str(file), f"{home}/work/sub", forget=False)
    made = context(home, "pip", "install", "x", program="bin/uv")
    made.cwd = f"{home}/work/sub"
    assert names(made) == ["evil.example:443"]


def test_another_program_may_start_either(home: Path) -> None:
    made = context(home, program="venv/bin/python venv/bin/tox", PIP_INDEX_URL="https://a.example/", UV_INDEX="https://b.example/")
    assert names(made) == ["a.example:443", "b.example:443"]


# The command.


@pytest.mark.parametrize(
    ("given", "installer", "arguments"),
    [
        ("/v/bin/python /v/bin/pip install x", "pip", ["install", "x"]),
        ("/v/bin/python -I /v/bin/pip3.11 install x", "pip", ["install", "x"]),
        ("/v/bin/python -m pip install x", "pip", ["install", "x"]),
        ("/v/bin/uv pip install x", "uv", ["pip", "install", "x"]),
        ("/v/bin/python /v/bin/pipx install x", "pipx", ["install", "x"]),
        ("/v/bin/python -m pipx install x", "pipx", ["install", "x"]),
        ("/v/bin/python -c pip", "", []),
        ("", "", []),
    ],
)
def test_which_installer(given: str, installer: str, arguments: list[str]) -> None:
    made = command.of(given.split())
    assert (made.installer, made.arguments) == (installer, arguments)


def test_the_environment_that_uv_installs_into(home: Path) -> None:
    uv_bin = {"program": "bin/uv"}
    uv_bin["VIRTUAL_ENV"] = ""
    assert context(home, "pip", "install", "x", **uv_bin).value("PREFIX") is None
    write(home / ".venv/bin/python", "")
    write(home / ".venv/pyvenv.cfg", "")
    assert context(home, "pip", "install", "x", **uv_bin).value("PREFIX") == f"{home}/.venv"
    assert context(home, "pip", "install", "x", program="bin/uv").value("PREFIX") == f"{home}/venv"
    assert context(home, "pip", "install", "--python", f"{home}/venv", "x", **uv_bin).value("PREFIX") == f"{home}/venv"
    assert context(home, "sync", "--python", f"{home}/venv/bin/python", program="bin/uv").value("PREFIX") == f"{home}/.venv"
    assert context(home, "sync", program="bin/uv", UV_PROJECT_ENVIRONMENT="../venv").value("VENV") == f"{home}/work/../venv"
    assert context(home, "pip", "install", "--python", "3.13", "x", program="bin/uv").value("PREFIX") == f"{home}/venv"
    assert context(home, "--python", f"{home}/.venv/bin/python", "install", "x").value("PREFIX") == f"{home}/.venv"


def of_venv(home: Path) -> list[str]:
    return [f"{home}/venv", f"{home}/venv/bin"]


def test_uv_that_an_interpreter_starts(home: Path) -> None:
    """It installs into that one's environment, and without one into the active one; local projects are written as otherwise."""
    python = str(write(home / "other/bin/python", ""))
    (home / "other/pyvenv.cfg").touch()
    for expected in (home / "other", home / "venv"):
        words = [python, "-m", "uv", "pip", "install", f"{home}/work"]
        made = Context(f"{home}/work", {"HOME": f"{home}/home", "VIRTUAL_ENV": f"{home}/venv"}, Known(python, words=words), begins=True)
        assert (made.installer.installer, made.value("VENV")) == (command.UV, str(expected))
        assert sets.words("@installed", WRITE, made)[-1] == f"{home}/work"
        (home / "other/pyvenv.cfg").unlink(missing_ok=True)


def test_what_is_written(home: Path) -> None:
    write(home / "work/sub/pyproject.toml", "")
    write(home / "work/named/setup.py", "")
    write(home / "home/setup.py", "")
    made = context(home, "install", "-t", "out", "-e", "sub[extra]", ".", "named", f"{home}/home", "six", "https://a.example/x.whl")
    assert sets.words("@installed", WRITE, made) == [
        *of_venv(home), f"{home}/work/out", f"{home}/work/sub", f"{home}/work",
    ]  # fmt: skip
    assert sets.words("@installed", WRITE, context(home, "install", "six")) == of_venv(home)
    assert sets.words("@installed", WRITE, context(home, "sync", program="bin/uv")) == [f"{home}/work"]


def test_files_that_the_command_line_names(home: Path) -> None:
    """They are made, for what is not there cannot be allowed; of a directory all would be, and a link leads anywhere."""
    (home / "work/link").symlink_to(home / "nowhere")
    words = "install --log pip.log --report=- --report ../report.json --log link --log . --log no/where six"
    assert sets.words("@installed", WRITE, context(home, *words.split()))[2:] == [f"{home}/work/pip.log", f"{home}/report.json"]
    assert sorted(path.name for path in (home / "work").iterdir()) == ["link", "pip.log", "setup.py"]
    assert not (home / "nowhere").exists()


@pytest.mark.parametrize(
    ("word", "path"),
    [
        ("it @ file://{}/sub", "work/sub"),
        ("it[a,b]@file://{}/sub", "work/sub"),
        ("it @ file://localhost{}/sub ; python_version > '3'", "work/sub"),
        ("it @ file://{}/a%20b#egg=it", "work/a b"),
        ("file://{}/sub[a]", "work/sub"),
        ("it @ ./sub", "work/sub"),
        ("it @ file://elsewhere{}/sub", ""),
        ("it @ git+file://{}/sub", ""),
        ("it @ https://a.example{}/sub", ""),
        ("it @ file://{}/none", ""),
        ("it @ file://{}/sub%00", ""),
        ("it @ file://[/sub", ""),
    ],
)
def test_a_local_project_behind_a_name_is_written_as_one_given_by_its_path(home: Path, word: str, path: str) -> None:
    write(home / "work/sub/pyproject.toml", "")
    write(home / "work/a b/setup.py", "")
    for made in (
        context(home, "install", word.format(home / "work")),
        context(home, "pip", "install", word.format(home / "work"), program="bin/uv"),
    ):
        assert command.written(made) == ([f"{home}/{path}"] if path else [])


def test_local_projects_of_requirements_files_count_when_these_are_trusted(home: Path) -> None:
    """For exactly those that the file names then."""
    for name in ("sub", "other", "third"):
        write(home / f"work/{name}/pyproject.toml", "")
    file = write(home / "elsewhere/needed.txt", f"it @ file://{home}/work/sub\n-e ./other\nsix\n./none\n")
    made = context(home, "install", "-r", str(file), "./third")
    assert command.written(made) == [f"{home}/work/third"] == command.written(made)
    assert made.notices == [
        f"{file} is not trusted, so builds may not write in {home}/work/sub, {home}/work/other (after reading it: hermetic policy trust {file})"
    ]
    text, code = policies.trust_files(str(file), f"{home}/work", forget=False)
    assert (text, code) == (f"{file}: trusted, with the local projects it names now: ./none, ./other, {home}/work/sub\n", 0)
    made = context(home, "install", "-r", str(file))
    assert (command.written(made), made.notices) == ([f"{home}/work/sub", f"{home}/work/other"], [])
    write(file, f"it @ file://{home}/work/sub\n-e ./third\n")
    assert command.written(context(home, "install", "-r", str(file))) == []


def test_the_base_interpreters_library_is_not_written(home: Path) -> None:
    (home / "base/bin").mkdir()
    (home / "base/lib/python3.13/site-packages").mkdir()
    made = context(home, "install", "six", program="base/bin/python3.13 base/bin/pip")
    assert sets.words("@installed", WRITE, made) == [f"{home}/base/lib/python3.13/site-packages", f"{home}/base/bin"]


def test_what_is_installed_for_the_user(home: Path) -> None:
    (home / "base/lib/python3.13/site-packages").mkdir()
    base = {"program": "base/bin/python3.13 base/bin/pip"}
    own = [f"{home}/home/.local/lib/python3.13/site-packages", f"{home}/home/.local/bin"]
    assert [path in sets.words("@installed", WRITE, context(home, "install", "--user", "six", **base)) for path in own] == [True, True]
    assert [path in sets.words("@installed", WRITE, context(home, "install", "six", **base)) for path in own] == [False, False]
    assert [path in sets.words("@installed", WRITE, context(home, "install", "--user", "six")) for path in own] == [False, False]


def test_caches_are_made_for_a_run_alone(home: Path) -> None:
    made = context(home, "install", "six")
    made.begins = False
    assert sets.words("@installer-caches", WRITE, made) == []
    assert sets.words("@installer-caches", WRITE, context(home, "install", "six")) == [f"{home}/home/.cache/pip"]
    assert sets.words("@installer-caches", WRITE, context(home, "install", "six", PIP_CACHE_DIR="/dev/null/x")) == []
    assert sets.words("@installer-caches", WRITE, context(home, program="venv/bin/python tox")) == [f"{home}/home/.cache/pip"]
    assert uv.unnamed("https://a.example/?b=c") == "https://a.example/?b=c"


@pytest.mark.parametrize("arguments", ["install --target other x", "install --prefix=other x", "install -t ../work/other x", "list"])
def test_packages_elsewhere(home: Path, arguments: str) -> None:
    site = home / "work/other/lib/python3.13/site-packages"
    site.mkdir(parents=True)
    expected = [] if arguments == "list" else [f"{home}/work/other", str(site)]
    assert command.sites_elsewhere(context(home, *arguments.split())) == expected


@pytest.mark.parametrize("breach", ["", "link", "no mark", "bin", "site"])
def test_an_environment_that_a_project_brings(home: Path, breach: str) -> None:
    """It may lead to what is none of the project's."""
    write(home / "bin/uv", "")
    (home / "elsewhere/bin").mkdir(parents=True)
    venv = home / ("other" if breach == "link" else "work/.venv")
    (venv / "lib/python3.13").mkdir(parents=True)
    (venv / "lib64").symlink_to("lib")
    (home / "elsewhere/bin/python").symlink_to("/usr/bin/python3")
    if breach == "bin":
        (venv / "bin").symlink_to(home / "elsewhere/bin")
    else:
        write(venv / "bin/python", "")
    if breach == "site":
        (venv / "lib/python3.13/site-packages").symlink_to(home / "elsewhere")
    if breach != "no mark":
        (venv / "pyvenv.cfg").touch()
    if breach == "link":
        (home / "work/.venv").symlink_to(venv)
    made = context(home, "sync", program="bin/uv")
    found = sets.words("@installed", WRITE, made)
    assert found == ([f"{home}/work"] if breach else [f"{home}/work/.venv", f"{home}/work/.venv/bin", f"{home}/work"])
    told = [f"{home}/work/.venv is no environment by itself, so nothing that it leads to may be written"] if breach else []
    assert list(dict.fromkeys(made.notices)) == told
