"""Policy files as users meet them: what they take away, that no run changes them, who is trusted, and what `hermetic policy` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from launch.environments import Environments
from launch.jobs import Jobs
from unit.test_load import BAD

PYTHON = sys.executable
WRITE = "import sys; open(sys.argv[1], 'w').write('x')"


@pytest.fixture
def project(jobs: Jobs) -> Path:
    """A project with a home of its own."""
    place = jobs.directory / "home/project"
    (place / "sub").mkdir(parents=True)
    return place


@pytest.fixture
def env(jobs: Jobs, project: Path) -> dict[str, str]:
    jobs.acquaint(project.parent, PYTHON)
    return jobs.environ(HOME=project.parent)


def lay(project: Path, text: str, name: str = "hermetic.toml") -> Path:
    (project / name).write_text(text if name == "pyproject.toml" else f"version = 1\n{text}")
    return project / name


# What a file takes away.


@pytest.mark.parametrize("name", ["hermetic.toml", "pyproject.toml", "../.config/hermetic/hermetic.toml"])
def test_holds_in_every_run(jobs: Jobs, project: Path, env: dict[str, str], name: str) -> None:
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(
        "[tool.hermetic]\nversion = 1\n[tool.hermetic.filesystem]\n" if "pyproject" in name else "version = 1\n[filesystem]\n"
    )
    run = ("--", PYTHON, "-c", WRITE, "new")
    done = jobs.guarded("--no-network", *run, env=env, cwd=project / "sub")
    assert (done.code, done.refused) == (77, [f"write({project}/sub/new)"])
    assert re.search(rf"  allow it  in \S*{Path(name).name}: allow-write \S*/sub\n", done.err), done.err
    assert not (project / "sub/new").exists()
    done = jobs.guarded("--no-network", "--no-policy", *run, env=env, cwd=project / "sub")
    assert (done.code, done.err) == (0, "")
    assert (project / "sub/new").exists()


def test_what_would_allow_it(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Each hint is followed until it is allowed."""
    lay(project, "[filesystem]\n")
    run = ("--", PYTHON, "-c", WRITE, f"{project}/sub/new")
    done = jobs.guarded("--fs-readonly", *run, env=env, cwd=project / "sub")
    assert f"  allow it  --allow-write {project}/sub (so must {project}/hermetic.toml)\n" in done.err
    lay(project, f"[filesystem]\nallow-write = '{project}/sub'")
    assert jobs.guarded("--fs-readonly", *run, env=env, cwd=project / "sub").code == 77
    lay(project, "[filesystem]\n")
    done = jobs.guarded("--fs-readonly", f"--allow-write={project}", *run, env=env, cwd=project / "sub")
    assert f"  allow it  in {project}/hermetic.toml: allow-write {project}/sub\n" in done.err
    lay(project, f"[filesystem]\nallow-write = '{project}/sub'")
    assert jobs.guarded("--fs-readonly", f"--allow-write={project}/sub", *run, env=env, cwd=project / "sub").code == 0
    assert jobs.guarded("--no-network", *run, env=env, cwd=project / "sub").code == 0


def test_says_so(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    file = lay(project, "[native]\n[filesystem]\nallow-write = ['build']")
    done = jobs.guarded("-v", "--no-network", "--", PYTHON, "-c", "", env=env, cwd=project)
    assert f"hermetic: {file} holds in every run: no writing, no native code\n" in done.err
    assert f"hermetic: {file}: allow-write build: there is nothing there yet\n" in done.err


def test_a_guard_that_cannot_stand(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    lay(project, "[native]")
    done = jobs.guarded("--no-network", "--", "true", env=env, cwd=project)
    assert done.code == 125
    assert done.err.endswith("(the kernel cannot tell a library from data) (asked for by hermetic.toml); it starts with --best-effort\n")
    assert "asked for by" not in jobs.guarded("--block-native", "--", "true", env=env, cwd=project).err


def test_of_an_environment(jobs: Jobs, project: Path, env: dict[str, str], environments: Environments) -> None:
    lay(project, "[filesystem]\nallow-write = ['$VENV', '$PROJECT/sub']")
    python = environments.get("3.9").python
    (project / "setup.py").touch()
    for path, code in ((environments.get("3.9").path / "new", 0), (project / "sub/new", 0), (project / "new", 77)):
        done = jobs.guarded("--fs-readonly", "--allow-write=/", "--", python, "-c", WRITE, path, env=env, cwd=project)
        assert done.code == code, done.err
        assert path.exists() is not bool(code)
        path.unlink(missing_ok=True)


def test_of_environment_and_limits(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """What is no guard holds in every run as well."""
    lay(project, "tmp = 'private'\n[environment]\nallow-env = 'KEPT'\n[limits]\ntimeout = 1")
    code = "import os, time; print(os.environ.get('TOKEN'), os.environ['KEPT'], os.listdir('/tmp'), flush=True); time.sleep(60)"
    done = jobs.guarded("--no-network", "--timeout=90", "--", PYTHON, "-c", code, env={**env, "TOKEN": "x", "KEPT": "y"}, cwd=project)
    assert done.code == 124, done.err
    assert done.out.startswith("None y ")


def test_secrets_are_hidden(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    (project.parent / ".ssh").mkdir()
    (project.parent / ".ssh/id_rsa").write_text("secret")
    (project / ".env").write_text("secret")
    (project / "setup.py").touch()
    read = "import os, sys\nfor path in ('~/.ssh/id_rsa', '.env'):\n try: print(open(os.path.expanduser(path)).read())\n except OSError as e: print(e.errno)"
    assert jobs.native(PYTHON, "-c", read, env=env, cwd=project).out == "secret\nsecret\n"
    lay(project, "[filesystem]\nhide = ['@secrets']\nallow-write = ['/']")
    for words in (["--no-network"], ["--fs-readonly", "--allow-write=/"]):
        assert jobs.guarded(*words, "--", PYTHON, "-c", read, env=env, cwd=project).out == "2\n2\n"
    assert jobs.guarded("--fs-readonly", "--hide=@secrets", "--no-policy", "--", "cat", ".env", env=env, cwd=project).code == 1


STARTUP = (".bashrc", "project/.git/hooks/pre-commit", ".config/autostart/x.desktop", "project/AGENTS.md")
"""Two that are there, the first by a link, and two that are not."""


@pytest.fixture
def startup(project: Path) -> Path:
    """The home directory, with things in it that run later."""
    (project / ".git/hooks").mkdir(parents=True)
    (project.parent / ".config").mkdir()
    (project.parent / "dotfiles").mkdir()
    (project.parent / "dotfiles/bashrc").touch()
    (project.parent / ".bashrc").symlink_to("dotfiles/bashrc")
    return project.parent


@pytest.mark.parametrize("path", STARTUP)
def test_what_runs_later_is_protected(jobs: Jobs, startup: Path, env: dict[str, str], path: str) -> None:
    lay(startup / "project", "[filesystem]\nallow-write = ['/']\nprotect = ['@startup']")
    write = "import os, sys; os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True); open(sys.argv[1], 'w').write('x')"
    run = ("--", PYTHON, "-c", write, startup / path)
    for words in (
        ["--no-network"],
        ["--fs-readonly", "--allow-write=/"],
        ["--fs-readonly", "--allow-write=/", "--protect=@startup", "--no-policy"],
    ):
        done = jobs.guarded(*words, *run, env=env, cwd=startup / "project")
        place = (startup / path).resolve() if path == ".bashrc" else startup / path
        assert done.code == 77
        assert done.refused[-1].partition("(")[2] in (f"{place})", f"{place.parent})")
        assert re.search(r"^hermetic: blocked action: protected: \w+\(", done.err, re.MULTILINE)
        assert "allow it" not in done.err
    assert jobs.guarded("--fs-readonly", "--allow-write=/", "--no-policy", *run, env=env, cwd=startup / "project").code == 0
    assert (startup / path).read_text() == "x"


SHELL_WAYS = {
    "echo x > {0}/.bashrc": "Read-only file system",
    "ln -sf /dev/null {0}/.bashrc": "Device or resource busy",
    "echo x > {0}/project/.git/hooks/pre-commit": "Read-only file system",
    "mv {0}/project/.git {0}/project/moved": "Device or resource busy",
    "mv {0}/project/.git/hooks {0}/project/moved": "Device or resource busy",
}


@pytest.mark.parametrize("way", SHELL_WAYS)
def test_what_runs_later_is_protected_from_programs_that_are_not_python(jobs: Jobs, startup: Path, env: dict[str, str], way: str) -> None:
    run = ("--", "sh", "-c", way.format(startup))
    for words in (["--allow-write=/"], [f"--allow-write={startup}"]):
        done = jobs.guarded("--fs-readonly", *words, "--protect=@startup", *run, env=env, cwd=startup / "project")
        assert done.code != 0
        assert SHELL_WAYS[way] in done.err
    assert jobs.guarded("--fs-readonly", "--allow-write=/", *run, env=env, cwd=startup / "project").code == 0


@pytest.mark.parametrize("path", [".git", ".git/commondir", ".git/config.worktree", ".git/modules/lib/foo/config", "lib/foo/.git"])
def test_what_git_is_led_by_is_protected(jobs: Jobs, project: Path, env: dict[str, str], path: str) -> None:
    """In Python also where it is not there yet; all else in `.git` can be written."""
    below = project / ".git/modules/lib/foo"
    if path == ".git":
        (project / "setup.py").touch()
    else:
        below.mkdir(parents=True)
        (below / "HEAD").touch()
        (below / "config").write_text("[core]\n\tworktree = ../../../../lib/foo\n")
    (project / path).parent.mkdir(parents=True, exist_ok=True)
    run = ("--profile=default", "--no-policy", "--", PYTHON, "-c", WRITE, path)
    assert jobs.guarded(*run, env=env, cwd=project).refused == [f"write({project}/{path})"]
    (project / path).touch()
    assert jobs.guarded(*run, env=env, cwd=project).refused == [f"write({project}/{path})"]
    shell = ("--profile=default", "--no-policy", "--", "sh", "-c")
    assert "Read-only file system" in jobs.guarded(*shell, f"echo x > {path}", env=env, cwd=project).err
    assert jobs.guarded(*shell, f"mv {path} moved", env=env, cwd=project).code != 0
    if path != ".git":
        assert jobs.guarded(*shell, "echo x > .git/index; echo x > .git/modules/lib/foo/index", env=env, cwd=project).code == 0
    assert jobs.guarded("--fs-readonly", "--allow-write=.", "--no-policy", *run[2:], env=env, cwd=project).code == 0


def test_protect_where_nothing_is(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """It may be a slip. Names with a star may come later."""
    (project / "site").mkdir()
    words = ("--fs-readonly", "--allow-write=.", "--protect=absent", "--protect=site/*.pth", "--protect=absent/*.pth")
    done = jobs.guarded(*words, "--", PYTHON, "-c", WRITE, "site/x.pth", env=env, cwd=project)
    notes = [line for line in done.err.splitlines() if "there is nothing there" in line]
    assert notes == [f"hermetic: --protect {name}: there is nothing there" for name in ("absent", "absent/*.pth")]
    assert done.refused == [f"write({project}/site/x.pth)"]


@pytest.mark.parametrize("row", range(len(BAD)), ids=lambda index: ascii(BAD[index][1]))
def test_a_file_that_is_wrong(jobs: Jobs, project: Path, env: dict[str, str], row: int) -> None:
    """Nothing is run, and one line says where it is wrong."""
    text = BAD[row][0]
    (project / "hermetic.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = jobs.guarded("--no-network", "--", "touch", "ran", env=env, cwd=project, log=False)
    assert (done.code, done.out, done.err.count("\n")) == (125, "", 1)
    assert done.err.startswith(f"hermetic: {project}/hermetic.toml")
    assert not (project / "ran").exists()


# No run changes them.

ATTEMPTS = {
    "written": "open({file}, 'a').write('#')",
    "emptied": "open({file}, 'w')",
    "removed": "import os; os.remove({file})",
    "moved": "import os; os.rename({file}, {file} + '.old')",
    "replaced": "import os; open({file} + '.new', 'w').close(); os.replace({file} + '.new', {file})",
    "linked": "import os; os.link({file}, {file} + '.link'); open({file} + '.link', 'a').write('#')",
    "open to others": "import os; os.chmod({file}, 0o666)",
}
WIDEST = (["--no-network"], ["--no-network", "--no-policy"], ["--fs-readonly", "--allow-write=/"], ["--fs-readonly", "--allow-write=."])


@pytest.fixture(scope="module")
def one_layer() -> str:
    return str(ROOT / "tests/containment/one_layer.py")


@pytest.mark.parametrize("words", WIDEST, ids=" ".join)
@pytest.mark.parametrize("layer", ["both", "python", "kernel"])
def test_no_run_changes_them(jobs: Jobs, project: Path, env: dict[str, str], one_layer: str, layer: str, words: list[str]) -> None:
    files = [lay(project, "[native]"), lay(project, "[tool.hermetic]\nversion = 1", "pyproject.toml")]
    config = project.parent / ".config/hermetic"
    config.mkdir(parents=True)
    files.append(lay(config, "summary = 'mine'"))
    before = [(file.read_bytes(), file.stat().st_mode) for file in files]
    task = "import sys\nfor code in sys.argv[1:]:\n try: exec(code); print('done', code)\n except OSError: pass\n"
    rows = [code.format(file=repr(str(file))) for file in files for code in ATTEMPTS.values()]
    rows += [f"open({str(config)!r} + '/new', 'w')", f"import os; os.mkdir({str(config)!r} + '/trusted')"]
    command = [jobs.hermetic] if layer == "both" else [PYTHON, "-IS", one_layer, layer]
    done = jobs.native(*command, "-q", *words, "--", PYTHON, "-c", task, *rows, env=env, cwd=project)
    assert (done.code, done.out) == (0, ""), done
    assert [(file.read_bytes(), file.stat().st_mode) for file in files] == before
    assert list(config.iterdir()) == [files[-1]]


def test_without_a_run_all_of_that_is_done(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    for name, code in ATTEMPTS.items():
        file = lay(project, "[native]", f"{name}.toml")
        assert jobs.native(PYTHON, "-c", code.format(file=repr(str(file))), env=env, cwd=project).code == 0


def test_a_directory_is_made_for_what_is_kept(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Whoever made it could fill it for the next run."""
    forge = "import os; os.makedirs(os.path.expanduser('~/.config/hermetic/trusted'), exist_ok=True)"
    assert jobs.guarded("-q", "--no-network", "--", PYTHON, "-c", forge, env=env, cwd=project).code == 77
    assert jobs.guarded("-q", "--no-network", "--", "mkdir", project.parent / ".config/hermetic/trusted", env=env, cwd=project).code == 1
    assert list((project.parent / ".config/hermetic").iterdir()) == []


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"])
def test_what_a_variable_names_is_made_too(jobs: Jobs, project: Path, env: dict[str, str], variable: str) -> None:
    """Also where it is not there: in the project it may be written, but for hermetic's own."""
    named = project / "named"
    forge = f"mkdir -p {named}/hermetic && echo version = 1 > {named}/hermetic/hermetic.toml"
    for words in ([PYTHON, "-c", f"import os; os.system({forge!r}); open({str(named)!r} + '/hermetic/x', 'w')"], ["sh", "-c", forge]):
        done = jobs.guarded("-q", "--fs-readonly", f"--allow-write={project}", "--", *words, env={**env, variable: str(named)}, cwd=project)
        assert done.code != 0, done
        assert list((named / "hermetic").glob("*.*")) + list((named / "hermetic").glob("x")) == []
    assert jobs.native("sh", "-c", forge, env=env, cwd=project).code == 0


@pytest.mark.parametrize("variable", ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"])
def test_what_a_project_has_is_not_the_users_own(jobs: Jobs, project: Path, env: dict[str, str], variable: str) -> None:
    """Where a variable names a directory of a repository, whoever made that has laid something there, or could."""
    (project / ".git").mkdir()
    (project / "named/hermetic").mkdir(parents=True)
    lay(project / "named/hermetic", "[profile.default]\nsummary = 'mine'")
    env = {**env, variable: f"{project}/named"}
    done = jobs.guarded("--", PYTHON, "-c", WRITE, f"{project.parent}/new", env=env, cwd=project)
    if variable == "XDG_CONFIG_HOME":
        assert (done.code, f"{project}/named/hermetic/hermetic.toml: it lies in a project" in done.err) == (125, True), done
    else:
        assert (done.code, done.refused) == (77, [f"write({project.parent}/new)"])
        assert [path.name for path in (project / "named/hermetic").iterdir()] == ["hermetic.toml"]


# Trust.


def test_trust(jobs: Jobs, project: Path, env: dict[str, str], loopback_server) -> None:
    file = lay(project, "[profile.local]\nextends = ['net-hermetic']\n")
    code = f"import socket; socket.create_connection(('127.0.0.1', {loopback_server.port}))"
    run = ("--profile", "local", "--", PYTHON, "-c", code)
    done = jobs.guarded(*run, env=env, cwd=project)
    assert done.code == 77
    assert done.err.startswith(f"hermetic: {file} is not trusted, so its profile local allows no more than what stands without it")
    gives = "# + once it is trusted, - until then; what allows more comes first\nprofile local:\n  + network.allow-localhost = true\n"
    gives += "".join(f"  - [{guard}], and all that it says\n" for guard in ("filesystem", "environment"))
    done = jobs.native(jobs.hermetic, "policy", "trust", "--dry-run", env=env, cwd=project / "sub")
    assert (done.code, done.out) == (0, f"{gives}{file}: nothing was changed\n")
    assert not (project.parent / ".config/hermetic/trusted").exists()
    assert jobs.guarded(*run, env=env, cwd=project).code == 77
    done = jobs.native(jobs.hermetic, "policy", "trust", env=env, cwd=project / "sub")
    assert (done.code, done.out) == (0, f"{gives}{file}: trusted, as it is now\n")
    done = jobs.guarded(*run, env=env, cwd=project / "sub")
    assert (done.code, done.err) == (0, "")
    lay(project, "[profile.local]\nextends = ['net-hermetic']\nnetwork.allow-domain = 'example.com'")
    assert jobs.guarded(*run, env=env, cwd=project).code == 77
    jobs.native(jobs.hermetic, "policy", "trust", "hermetic.toml", env=env, cwd=project)
    assert jobs.guarded(*run, env=env, cwd=project).code == 0
    assert jobs.native(jobs.hermetic, "policy", "trust", "--forget", env=env, cwd=project).out == f"{file}: no longer trusted\n"
    assert jobs.guarded(*run, env=env, cwd=project).code == 77


def test_what_would_not_be_given(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    file = lay(project, "[profile.local]\nextends = ['default']\n")
    done = jobs.native(jobs.hermetic, "policy", "trust", "--dry-run", env=env, cwd=project)
    assert done.out == f"{file}: nothing in it allows more than what stands without it\n{file}: nothing was changed\n"
    done = jobs.native(jobs.hermetic, "policy", "trust", "--dry-run", "--forget", env=env, cwd=project)
    assert (done.code, done.err) == (125, "hermetic: --forget and --dry-run exclude each other\n")


NOTHING = {
    "pyproject.toml": "[project]\nname = 'x'\n",
    "requirements.txt": "six==1.17.0\n-r other.txt\n",
    "empty.toml": "",
}


@pytest.mark.parametrize("name", [*NOTHING, "wide.txt"])
@pytest.mark.parametrize("words", [(), ("--dry-run",)], ids=str)
def test_where_there_is_nothing_to_trust(jobs: Jobs, project: Path, env: dict[str, str], name: str, words: tuple[str, ...]) -> None:
    (project / name).write_text(NOTHING.get(name, "-i http://*/simple\n"))
    done = jobs.native(jobs.hermetic, "policy", "trust", *words, name, env=env, cwd=project)
    said = done.out + done.err
    if name == "wide.txt":
        assert said == f"hermetic: {project}/wide.txt names an index at *:80, which is no host and port\n"
    elif name == "empty.toml":
        assert "it is missing, and has to be 1" in said
    else:
        assert f"{project}/{name}: there is nothing in it to trust: it " in said
    assert not (project.parent / ".config/hermetic/trusted").exists()


def test_no_run_trusts_anything(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    lay(project, "[profile.local]\n")
    inside = jobs.native(jobs.hermetic, "--no-network", "--", jobs.hermetic, "policy", "trust", env=env, cwd=project)
    assert inside.code == 125
    assert "cannot be written" in inside.err
    assert jobs.native(jobs.hermetic, "policy", "trust", env=env, cwd=project).code == 0


# hermetic policy.


def test_init_check_show(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    def policy(*words: str) -> tuple[int, str]:
        done = jobs.native(jobs.hermetic, "policy", *words, env=env, cwd=project)
        assert "Traceback" not in done.err
        return done.code, done.out + done.err

    file = project / "hermetic.toml"
    assert policy("check") == (0, "there is no policy file here, and none of your own (to begin one: hermetic policy init)\n")
    assert policy("init") == (0, f"{file}: begun\n")
    assert policy("init") == (125, f"hermetic: {file} is there already\n")
    assert policy("check") == (
        0,
        f"{file}: good\n{file}: profile tests allows more than what stands without it, the built-in profile default, and is held to that\n",
    )
    code, shown = policy("show", "--no-subprocess", "--allow-run=true")
    assert code == 0
    assert f"# {file}: in every run\n[filesystem]  # python, kernel\n" in shown
    assert '# the command line\n[subprocess]  # python, kernel\nallow-run = ["true"]  # python, kernel but: other programs can be' in shown
    assert 'hide = ["@secrets"]' in shown
    code, shown = policy("show", "--resolved", "--block-native")
    assert "[native]  # python; no kernel: the kernel cannot tell a library from data" in shown
    assert "@" not in shown.partition("version")[2]
    file.write_text('version = 1\n[profile."\\u001b[31m"]')
    assert policy("check")[1].splitlines()[1].startswith(rf"{file}: profile \x1b[31m allows more")
    file.write_text("version = 1\n[netwrok]")
    assert policy("check") == (1, f"{file}, line 2: netwrok: unknown key (did you mean network?)\n")
    assert policy("check", "/dev/null")[0] == 1


def test_check_tells_of_each_file(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Also of those that stand beside one that is wrong, and of that once."""
    good, wrong = lay(project, "[network]"), lay(project, "[tool.hermetic]\nversion = 1\nnetwrok = 1", "pyproject.toml")
    done = jobs.native(jobs.hermetic, "policy", "check", env=env, cwd=project)
    assert done.out == f"{good}: good\n{wrong}, line 3: tool.hermetic.netwrok: unknown key (did you mean network?)\n"
    assert done.code == 1


def test_what_has_expired(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    said = "reason = 'a try'\nnetwork.allow-localhost = true\n"
    file = lay(project, f"[package.old]\nexpires = 2020-01-31\n{said}[package.'new.er']\nexpires = 2999-01-31\n{said}")
    done = jobs.native(jobs.hermetic, "policy", "show", "--no-network", f"--policy={file}", env=env, cwd=project)
    expired = "  # expired on 2020-01-31, given to nobody"
    old, new = done.out.partition("[package.old]")[2].split("[package.new-er]" if "[package.new-er]" in done.out else '[package."new.er"]')
    assert old.startswith(f"{expired}\n")
    assert f"[package.old.network]{expired}\nallow-localhost = true{expired}\n" in old
    assert "allow-localhost = true  # python: for this package alone, advisory" in new
    assert "expired" not in new
    done = jobs.native(jobs.hermetic, "policy", "check", env=env, cwd=project)
    assert (done.code, done.out) == (0, f"{file}: good\n{file}: what package old may do (a try) has expired on 2020-01-31\n")


def test_show_says_what_comes_of_a_profile(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """Of one that extends others, or is not trusted, its words say little."""
    file = lay(project, "[profile.local]\nextends = ['net-hermetic']\n[package.boto3]\nnetwork.allow-listen = 80")

    def comes() -> str:
        done = jobs.native(jobs.hermetic, "policy", "show", "--profile", "local", env=env, cwd=project)
        assert ("allows no more than what stands without it, the built-in profile default" in done.out) is (not trusted)
        assert ("allow-listen = 80  # not trusted, given to nobody" in done.out) is (not trusted)
        return done.out.splitlines()[-1]

    trusted = False
    assert comes().startswith("# what comes of it: no network, no writing but in ")
    assert comes().endswith(" (--resolved shows each rule)")
    jobs.native(jobs.hermetic, "policy", "trust", str(file), env=env, cwd=project)
    trusted = True
    assert comes() == "# what comes of it: no network but localhost, more for boto3 alone (--resolved shows each rule)"


def test_show_for_programs(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    file = lay(project, "[filesystem]\nallow-write = ['$VENV']")
    done = jobs.native(jobs.hermetic, "policy", "show", "--json", "--no-network", "--", PYTHON, env=env, cwd=project)
    found = json.loads(done.out)
    assert (found["policy"]["network"], found["policy"]["on-violation"]) == ({}, "refuse")
    assert found["policy"]["filesystem"] == {"allow-write": [str(Path(PYTHON).parent.parent)]}
    assert {guard: layers["kernel"] for guard, layers in found["layers"].items()} == {"network": "full", "filesystem": "full"}
    assert found["files"] == [str(file)]
    assert [source["from"] for source in found["sources"]] == ["the command line", f"{file}: in every run"]


def test_resolved_is_a_policy_file(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    lay(project, "[network]\nallow-localhost = '80-90'\n[filesystem]\nhide = 'sub'\nallow-write = '.'")
    options = ("--no-network", "--allow-localhost", "--fs-readonly", "--allow-write=/")
    shown = jobs.native(jobs.hermetic, "policy", "show", "--resolved", *options, env=env, cwd=project).out
    (project.parent / "again.toml").write_text(shown)
    done = jobs.native(jobs.hermetic, "policy", "diff", "hermetic.toml", "../again.toml", env=env, cwd=project)
    tops = "".join(f"# {name}: what stands at its top\n" for name in ("hermetic.toml", "../again.toml"))
    assert (done.code, done.out) == (0, f"{tops}they allow the same\n")


def test_diff(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    def diff(one: str, other: str) -> tuple[int, str]:
        done = jobs.native(jobs.hermetic, "policy", "diff", one, other, env=env, cwd=project)
        return done.code, done.out + done.err

    code, text = diff("default", "net-hermetic")
    legend = "# + in net-hermetic alone, - in default alone; what allows more comes first\n"
    gone = "".join(f"- [{guard}], and all that it says\n" for guard in ("filesystem", "environment"))
    assert (code, text) == (1, f"{legend}+ network.allow-localhost = true\n{gone}net-hermetic allows more\n")
    assert re.search(r"\n\+ filesystem.protect = @startup \(\d+ places\)\n", diff("net-hermetic", "default")[1])
    assert diff("net-hermetic", "block-all")[1].endswith("block-all allows less\n")
    assert diff("exec-deny", "block-native")[1].partition("\n")[2] == (
        "- [subprocess], and all that it says\n+ [native]\neach allows something that the other does not\n"
    )
    assert diff("default", "defualt") == (125, "hermetic: there is no profile defualt (did you mean default?)\n")


def test_schema(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    done = jobs.native(jobs.hermetic, "policy", "schema", env=env, cwd=project)
    assert json.loads(done.out)["properties"]["version"] == {"const": 1, "description": "Of this language."}


def test_why_knows_them(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    lay(project, "[network]\nallow-domain = 'example.com'")
    ask = ("why", "--no-network", "--allow-domain=example.com", "--allow-domain=example.org", "net")
    assert [jobs.native(jobs.hermetic, *ask, f"{name}:443", env=env, cwd=project).code for name in ("example.com", "example.org")] == [0, 1]
    said = jobs.native(jobs.hermetic, *ask, "example.org:443", env=env, cwd=project).out
    assert said.endswith("allow it  in hermetic.toml: allow-domain example.org\n")
    said = jobs.native(jobs.hermetic, *ask, "example.net:443", env=env, cwd=project).out
    assert said.endswith("allow it  --allow-domain example.net (so must hermetic.toml)\n")


def test_why_by_the_profile_of_a_command(jobs: Jobs, project: Path, env: dict[str, str], environments: Environments) -> None:
    (project / "setup.py").touch()
    venv = environments.get("3.9")

    def why(*words: object) -> tuple[int, str]:
        done = jobs.native(jobs.hermetic, "why", *words, env=env, cwd=project)
        return done.code, done.out + done.err

    module = (venv.python, "-m", "pytest")
    assert why("write", "setup.py")[0] == 0
    code, said = why("write", "setup.py", "--", *module)
    assert (code, "profile pytest stands" in said, "filesystem read-only" in said) == (1, True, True)
    assert why("write", "setup.py", "x") == (125, "hermetic: what comes behind setup.py is -- and a command, not x\n")
    missing = "no distribution no-such is installed for"
    assert missing in why("--block-native", "native", "no-such", "--", *module)[1]
    assert missing not in why("--block-native", "native", "pip", "--", *module)[1]
    assert missing not in why("--block-native", "native", "no-such")[1]
    assert "with -- COMMAND behind it" in why("--block-native", "native", "no-such")[1]
    assert "--allow-native" not in why("--block-native", "native", "no-such", "--", *module)[1]
    assert why("--block-native", "native", "pip", "--", *module) == (0, "allowed  import(pip), for nothing of it is compiled\n")
    assert "--allow-native ctypes" in why("--block-native", "native", "ctypes", "--", *module)[1]


def test_why_knows_what_is_said_of_packages(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    file = lay(project, "[package.boto3]\napproved = '1.42.*'\nnetwork.allow-domain = 'example.com'")

    def hint(package: str, *options: str) -> str:
        ask = ("why", "--no-network", *options, "--package", package, "net", "example.com:443")
        return jobs.native(jobs.hermetic, *ask, env=env, cwd=project).out.partition("allow it  ")[2]

    told = "--allow-domain example.com (or for a package alone, as hermetic.toml may say: after reading it, hermetic policy trust)\n"
    assert hint("boto3==1.43") == told
    assert hint("boto3==1.43", f"--policy={file}") == 'in hermetic.toml: [package.boto3] approved = "1.43"\n'
    assert hint("evil", f"--policy={file}") == "in hermetic.toml: [package.evil] network.allow-domain example.com\n"
    assert hint("boto3==1.42.3", f"--policy={file}") == ""


def test_a_run_without_policy_files_loads_nothing_for_them(hermetic_command: str, tmp_path: Path) -> None:
    """A pyproject.toml that does not speak of hermetic is none."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'hermetic-like'\n")
    words = [sys.executable, "-I", "-S", "-X", "importtime", hermetic_command, "--no-network", "--", "true"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "tomllib" not in done.stderr
    assert "hermetic.policy.load" not in done.stderr
    (tmp_path / "hermetic.toml").write_text("version = 1\n")
    assert "tomllib" in subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True).stderr


def test_a_clone_does_not_answer_to_an_installers_name(jobs: Jobs, project: Path, env: dict[str, str]) -> None:
    """python looks for the module in the working directory first."""
    command = ("-v", "--", PYTHON, "-m", "pip", "--version")
    assert "profile pip-install stands" in jobs.guarded(*command, env=env, cwd=project).err
    (project / "pip.py").write_text("print('clone')")
    done = jobs.guarded(*command, env=env, cwd=project)
    assert (done.code, done.out) == (0, "clone\n")
    assert "profile default stands" in done.err
    assert f"{project}/pip.py is loaded by this command, so it does not get what pip gets (python -P leaves it out)" in done.err
