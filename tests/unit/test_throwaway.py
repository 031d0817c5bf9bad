"""Environments that `--with` makes: what is asked for, and how they are kept."""

from __future__ import annotations

import os
import time

import pytest

from hermetic.errors import HermeticError, UsageError
from hermetic.launch import beforehand
from hermetic.options import parse
from hermetic.throwaway import asked, making, store
from hermetic.throwaway.asked import FILE, NAME, PATH

WORDS = [
    # word, kind, path, requirement
    ("six", NAME, "", "six"),
    ("six[a, b] >= 1.0, < 2; python_version > '3.8'", NAME, "", None),
    ("six @ https://example.com/six-1.0.tar.gz", NAME, "", None),
    ("six @ file:///dist/six-1.0.tar.gz ; x", NAME, "/dist/six-1.0.tar.gz", None),
    ("six[a] @ file:///a%20b/six", NAME, "/a b/six", None),
    ("six @ file://elsewhere/six", NAME, "", None),
    ("./six", PATH, "/work/six", "/work/six"),
    (".", PATH, "/work", "/work"),
    (".[tests]", PATH, "/work", "/work[tests]"),
    ("../six[a]", PATH, "/six", "/six[a]"),
    ("~/six", PATH, "/home/me/six", "/home/me/six"),
    ("dist/six.whl", PATH, "/work/dist/six.whl", "/work/dist/six.whl"),
    ("six-1.0-py3-none-any.whl", PATH, "/work/six-1.0-py3-none-any.whl", "/work/six-1.0-py3-none-any.whl"),
    ("six-1.0.tar.gz[a]", PATH, "/work/six-1.0.tar.gz", "/work/six-1.0.tar.gz[a]"),
    ("/a b/six.zip", PATH, "/a b/six.zip", "/a b/six.zip"),
    ("requirements.txt", FILE, "/work/requirements.txt", "/work/requirements.txt"),
    ("@more/needed", FILE, "/work/more/needed", "/work/more/needed"),
    ("@~/needed", FILE, "/home/me/needed", "/home/me/needed"),
]


@pytest.mark.parametrize(("given", "kind", "path", "requirement"), WORDS, ids=[row[0] for row in WORDS])
def test_words(given, kind, path, requirement):
    [word] = asked.read([given], "/work", "/home/me")
    assert (word.kind, word.path, word.requirement) == (kind, path, given if requirement is None else requirement)


WRONG = [
    (
        "six==1 0",
        "--with 'six==1 0': expected comma (within version specifier), semicolon (after version specifier) or end, at character 8",
    ),
    ("=x", "--with =x: expected package name at the start of dependency specifier, at character 1"),
    ("six[", "at its end"),
    ("six;;", "at character 5"),
    ("-r x", "at character 1"),
    ("six\x1b[2J", r"six\x1b[2J: "),
    ("https://example.com/six.whl", "at character 6"),
    ("./nothing", "--with ./nothing: there is no such file or directory"),
    ("./folder", "--with ./folder: there is no pyproject.toml or setup.py in this directory"),
    ("./file", "(for requirements: --with @./file)"),
    ("@nothing", "--with @nothing: there is no such file"),
    ("nothing.txt", "--with nothing.txt: there is no such file"),
    ("@/", "--with @/: there is no such file"),
    ("@/dev/zero", "--with @/dev/zero: there is no such file"),
    ("sparse.txt", "--with sparse.txt: it has more than 4194304 bytes, so it is no requirements file"),
]


def check(given, directory):
    words = asked.read(given, str(directory), "/home/me")
    asked.check_local(words)
    asked.check(words)


@pytest.mark.parametrize(("given", "message"), WRONG, ids=[ascii(row[0]) for row in WRONG])
def test_what_nobody_could_install(given, message, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.truncate(os.open(tmp_path / "sparse.txt", os.O_CREAT | os.O_WRONLY), 200 << 30)
    with pytest.raises(UsageError) as raised:
        check([given], tmp_path)
    assert message in str(raised.value)
    assert str(raised.value).startswith("--with ")


def test_what_can_be_installed(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project/setup.py").touch()
    (tmp_path / "six-1.0.zip").touch()
    (tmp_path / "needed.txt").touch()
    given = ["six", "six[a,b]>=1,<2; python_version>'3.8'", "a @ https://example.com/a.zip", "./project[x]", "six-1.0.zip", "needed.txt"]
    check(given, tmp_path)


def test_contents_count(tmp_path):
    """Of a project its sources, and not what a build leaves; of requirements all that they name here."""
    project = tmp_path / "project"
    (project / "build/lib").mkdir(parents=True)
    (project / "setup.py").touch()
    (tmp_path / "all.txt").write_text("-r more.txt\n./project\nsix\n")
    (tmp_path / "more.txt").write_text("-c all.txt\n")

    def digests(*given):
        return asked.digests(asked.read(given, str(tmp_path), "/home/me"), str(tmp_path), {})

    before = digests("./project"), digests("@all.txt")
    (project / "build/lib/made").touch()
    (project / "x.egg-info").mkdir()
    (project / "x.egg-info/made").touch()
    assert (digests("./project"), digests("@all.txt")) == before
    (project / "module.py").touch()
    changed = digests("./project"), digests("@all.txt")
    assert changed[0] != before[0]
    assert changed[1] != before[1]
    (tmp_path / "more.txt").write_text("-c all.txt\nsix\n")
    assert digests("@all.txt") != changed[1]
    assert digests("six") != digests("six==1")
    (project / "module.py").unlink()
    os.symlink("nowhere", project / "module.py")
    assert digests("./project") not in (before[0], changed[0])


@pytest.mark.parametrize("path", ["build/x.py", "src/dist/x.py", "src/venv/x.py", "linked.py", "linked/x.py", "src/build/lib/x.py"])
def test_what_a_build_may_pack_counts(tmp_path, path):
    """Also by a link, and under names that builds use for other things."""
    project = tmp_path / "project"
    (project / "src/.tox/inner").mkdir(parents=True)
    (project / "src/.tox/x.py").touch()
    (project / "linked.py").symlink_to("src/.tox/x.py")
    (project / "linked").symlink_to("src/.tox/inner")
    (project / "loop").symlink_to(".")
    (project / "endless").symlink_to("/dev/zero")
    (project / "above").symlink_to(tmp_path)
    before = asked.content(str(project))
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("changed")
    assert asked.content(str(project)) != before


@pytest.mark.parametrize("path", [".git/x", "__pycache__/x.pyc", "src/env/x.py", "../x.py"])
def test_what_no_build_packs_does_not_count(tmp_path, path):
    project = tmp_path / "project"
    (project / "src/env").mkdir(parents=True)
    (project / "src/env/pyvenv.cfg").touch()
    before = asked.content(str(project))
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    (project / path).write_text("changed")
    assert asked.content(str(project)) == before


@pytest.mark.usefixtures("patience")
def test_what_has_no_content_or_no_end(tmp_path):
    """A FIFO that somebody holds open, a device, a file of which most is a hole."""
    os.mkfifo(tmp_path / "fifo")
    held = os.open(tmp_path / "fifo", os.O_RDWR)
    (tmp_path / "zero").symlink_to("/dev/zero")
    file = os.open(tmp_path / "sparse", os.O_CREAT | os.O_WRONLY)
    os.truncate(file, 200 << 30)
    before = asked.content(str(tmp_path))
    os.write(file, b"x")
    assert asked.content(str(tmp_path)) != before
    os.close(held)
    assert asked.content("/dev/zero") == asked.content("/dev/null") == ""


@pytest.mark.usefixtures("patience")
def test_requirements_that_name_each_other_are_read_once(tmp_path):
    for name in "abcdefghijklmnopqrstuvwx":
        (tmp_path / f"{name}.txt").write_text("".join(f"-r {other}.txt\n" for other in "abcdefghijklmnopqrstuvwx"))
    assert len(asked.digests(asked.read(["a.txt"], str(tmp_path), "/home/me"), str(tmp_path), {})) == 26


# What is kept.


@pytest.fixture
def kept(tmp_path):
    found = store.Store(str(tmp_path))
    found.prepare()
    return found


def made(kept, holds="something", request="request"):
    environment = kept.create()
    environment.complete(holds, 2)
    kept.keep(request, environment)
    environment.close()
    return environment


def swept(kept):
    for _ in kept.sweep():
        pass
    return sorted(os.listdir(kept.place))


def test_found_again(kept):
    environment = made(kept)
    found = kept.find("request")
    assert (found.path, found.holds, found.blocked) == (environment.path, "something", 2)
    assert kept.find("another") is None
    assert swept(kept) == sorted([os.path.basename(environment.folder), "request"])


def test_not_for_ever(kept, monkeypatch):
    made(kept)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + store.RESOLVED_S - 5)
    kept.find("request").close()
    for moment in (now + store.RESOLVED_S + 5, now - 100):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        assert kept.find("request") is None


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_not_what_others_can_write(kept, mode):
    os.chmod(made(kept).folder, mode)
    assert kept.find("request") is None


def test_a_place_that_others_can_write(kept):
    os.chmod(kept.place, 0o777)
    with pytest.raises(HermeticError, match="can be written by others"):
        kept.prepare()


def test_not_what_is_incomplete(kept):
    environment = kept.create()
    kept.keep("request", environment)
    assert kept.find("request") is None  # locked by who makes it
    assert swept(kept) == sorted([os.path.basename(environment.folder), "request"])
    environment.close()
    assert kept.find("request") is None
    assert swept(kept) == ["request"]


@pytest.mark.parametrize("words", ["", "../x 1", "x 1 2", "abcdefabcdef -1", "abcdefabcdef 1.5"])
def test_requests_that_make_no_sense(kept, words):
    from hermetic import kept as cache

    cache.write(f"{kept.place}/request", "request", words.split(), b"")
    assert kept.find("request") is None


def test_removed_by_age_and_not_while_it_is_used(kept):
    environment = made(kept)
    old = time.time() - store.UNUSED_S - 5
    user = kept.find("request")
    os.utime(environment.folder, (old, old))
    assert swept(kept) == sorted([os.path.basename(environment.folder), "request"])
    user.close()
    os.utime(f"{kept.place}/request", (old, old))
    assert swept(kept) == []


def test_a_use_counts(kept):
    environment = made(kept)
    old = time.time() - store.UNUSED_S - 5
    os.utime(environment.folder, (old, old))
    user = kept.find("request")
    user.touch()
    user.close()
    assert os.path.basename(environment.folder) in swept(kept)


def test_another_that_holds_the_same(kept):
    first, other = made(kept), kept.create()
    found = kept.same("something", other)
    assert found.path == first.path
    assert kept.same("something else", other) is None
    found.close()
    other.remove()
    assert not os.path.exists(other.folder)


def test_forgotten(kept):
    made(kept)
    kept.forget()
    assert kept.find("request") is None
    assert swept(kept) == []


# The runs that make it.


def test_options_of_the_installation(kept):
    """What the network may reach and how builds are held counts for it; what the command may write, or is limited by, does not."""
    line = (
        "run --with six --with @needed.txt --no-network --allow-domain a.test --deny-address 10.0.0.1 --allow-write /tmp --timeout 5 --builds alike"
        " --log L --strict --set-env A=B -- x"
    )
    invocation = parse(line.split(), {})
    words = asked.read(invocation.values["with"], "/work", "/home/me")
    step = making.installation(store.Environment("/e", -1), words, invocation)
    assert step.target[-4:] == ["--requirement", "/work/needed.txt", "--", "six"]
    assert {*step.values} == {"log", "builds", "allow_domain", "deny_address", "profile", "python", "set_env"}
    assert step.values["profile"] == ("pip-install",)


def test_a_part_of_the_cache_can_be_filled(tmp_path, monkeypatch):
    """Of hermetic's cache all is protected but that."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    cache = tmp_path / ".cache/hermetic"
    for name in ("interpreters", "environments/one/venv/lib", "environments/two"):
        (cache / name).mkdir(parents=True)
    (cache / "guard").touch()
    found = set(beforehand.protected_paths(str(cache / "environments/one/venv"))) - {*beforehand.protected_paths()}
    assert found == {str(cache / name) for name in ("interpreters", "environments/two", "guard")}
