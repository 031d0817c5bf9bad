"""Built-in profiles on the tools that they are for, and on a program that tries what they forbid: in both layers, and in each alone."""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from launch.environments import UV
from launch.namespaces import private_mounts
from launch.packages import write_packages
from launch.profile_rows import ALLOWED, ATTEMPT, EVERYTHING, FOR_PYTHON_ALONE, INSIDE, PROJECT, ROWS, Inside

from hermetic.policy import load

HERE = Path(__file__).resolve().parent
ONE_LAYER = str(HERE.parent / "containment/one_layer.py")
LAYERS = ("both", "python", "kernel")
ALONE = LAYERS[1:]
VERSIONS = ("3.9", "3.13")
COULD = re.compile(r"could: (\w+)")
SUITE = re.compile(r"(\d+) passed")


class Work:
    """A home, with something in it, and projects in it; what is run there, and under which layers."""

    def __init__(self, jobs, directory, environment, **more):
        self.jobs = jobs
        self.home = directory / "home"
        for name, text in {".ssh/id_rsa": "a key", "notes.txt": "a note"}.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(text)
        self.env = jobs.environ(
            environment, HOME=self.home, SERVICE_TOKEN="a token", HTTPIE_CONFIG_DIR=self.home / ".config/httpie", **more
        )
        jobs.acquaint(self.home, environment.python)
        (self.home / ".config/httpie").mkdir(parents=True)
        (self.home / ".config/httpie/config.json").write_text('{"disable_update_warnings": true}')

    def project(self, name, **more):
        """more: files, by name"""
        place = self.home / name
        place.mkdir()
        for file, text in (PROJECT | more).items():
            (place / file).write_text(text)
        return place

    def bare(self, place, *command, before=()):
        return self.jobs.native(*command, env=self.env, cwd=place, before=before)

    def run(self, layers, place, options, *command, before=()):
        words = ("run", *options, "--", *command)
        if layers == "both":
            return self.jobs.guarded(*words, env=self.env, cwd=place, before=before)
        return self.jobs.native(sys.executable, "-IS", ONE_LAYER, layers, *words, env=self.env, cwd=place, before=before)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def work(version, jobs, elsewhere, environments):
    return Work(jobs, elsewhere, environments.get(f"profiles {version}"))


@pytest.fixture(scope="module")
def once():
    """Gives what a function gave for the same key before: a control is needed once, not for each layer."""
    known = {}

    def once(key, function):
        if key not in known:
            known[key] = function()
        return known[key]

    return once


@pytest.fixture
def elsewhere():
    """A directory outside of /tmp, of which some profiles make one of their own: only by mounts, not by the Python layer."""
    with tempfile.TemporaryDirectory(dir="/var/lib") as directory:
        yield Path(directory)


def shared(rows):
    """Each in one of the versions; in the others it takes its time."""
    for place, (name, row) in enumerate(rows.items()):
        for turn, version in enumerate(VERSIONS):
            marks = [pytest.mark.soak] if (place + turn) % len(VERSIONS) else []
            yield pytest.param(version, row, marks=marks, id=f"{version}-{name}")


def under_layers(params):
    """Under both, and under one of them alone, by turns: what goes on under both is let by each. The other takes its time."""
    for place, param in enumerate(params):
        for layers in LAYERS:
            marks = [pytest.mark.soak] if layers == ALONE[place // len(VERSIONS) % len(ALONE)] else []
            yield pytest.param(*param.values, layers, marks=[*param.marks, *marks], id=f"{param.id}-{layers}")


TOOLS = [*under_layers(shared({f"{row.profile}-{row.command}": row for row in ROWS}))]


@pytest.mark.parametrize(("version", "row", "layers"), TOOLS, indirect=["version"])
def test_tools(work, version, once, loopback_server, tools, tmp_path, row, layers):
    """They do what they do without, and nobody is told anything but which profile stands."""
    (tmp_path / "served/data.csv").write_text(PROJECT["data.csv"])
    write_packages(tmp_path / "served", tools)
    work.env |= {"PIP_INDEX_URL": f"{loopback_server.url}/simple", "UV_DEFAULT_INDEX": f"{loopback_server.url}/simple"}
    command = row.command.replace("PORT", str(loopback_server.port)).replace("UV", UV).split()
    bare = once((row, version), lambda: without(work, row, command))
    place = work.project("guarded")
    done = work.run(layers, place, row.options, *command)
    assert row.prints in done.out + done.err, done
    assert done.code == bare.code, done
    assert not row.changes or is_changed(place, row)
    assert {what.replace(str(work.home), "~") for what in done.refused} <= row.refused
    if not row.options and layers != "python":
        assert f"hermetic: no guard was asked for, so profile {row.profile} stands: " in done.err
    assert not [name for name in (".hypothesis", ".mypy_cache", ".ruff_cache", ".pytest_cache") if is_empty(place / name)]
    assert not is_empty(work.home / ".cache/pylint")
    assert not (work.home / ".jupyter").exists()


def without(work, row, command):
    """What the tool does without hermetic."""
    place = work.project("bare")
    bare = work.bare(place, *command)
    shutil.rmtree(work.home / ".jupyter", ignore_errors=True)
    assert row.prints in bare.out + bare.err, bare
    assert not row.changes or is_changed(place, row)
    return bare


def is_changed(place, row):
    return PROJECT.get(row.changes, "") != content(place / row.changes) != ""


def content(path):
    if path.is_dir():
        return " ".join(file.name for file in path.iterdir() if file.name != ".gitignore")
    return path.read_bytes().decode("latin-1") if path.exists() else ""


def is_empty(directory):
    return directory.is_dir() and not list(directory.iterdir())


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize(("version", "profile"), [*shared({name: name for name in load.names()})], indirect=["version"])
def test_what_is_allowed(work, version, once, profile, layers):
    """To what a project has the tool run, or else to a program. And without a profile everything is."""
    inside = INSIDE.get(profile, Inside("python attempt.py", {}))
    place = work.project("project", **{"attempt.py": ATTEMPT, **inside.files})
    (place / ".pytest_cache").mkdir()
    (place / ".git/hooks").mkdir(parents=True)
    world = (*private_mounts(), "--net", sys.executable, HERE / "attempt_world.py")
    bare = once((inside.command, version), lambda: work.bare(place, *inside.command.split(), before=world))
    assert set(COULD.findall(bare.out)) == EVERYTHING, bare
    done = work.run(layers, place, ("-q", f"--profile={profile}"), *inside.command.split(), before=world)
    allowed = ALLOWED[profile] | (FOR_PYTHON_ALONE if layers == "kernel" else set())
    assert (done.code, set(COULD.findall(done.out))) == (0, allowed), done


EXTENDING = 'version = 1\n[profile.mine]\nextends = ["{}"]\nfilesystem.allow-write = ["."]\n'


@pytest.mark.parametrize("profile", [name for name in load.names() if {"filesystem", "environment"} <= {*load.built_in(name).top}])
def test_what_runs_later_stays_where_more_may_be_written(one, profile):
    """Be that by an option, or by a profile that extends this one. Where nobody says so it does not."""
    place = one.project("project", **{"attempt.py": ATTEMPT, "mine.toml": EXTENDING.format(profile)})
    (place / ".git/hooks").mkdir(parents=True)
    command = ("python", "attempt.py")
    written = {"project", "hook"}
    plain = one.run("both", place, ("-q", "--fs-readonly", "--allow-write=."), *command)
    assert written <= {*COULD.findall(plain.out)}, "control"
    for options in ((f"--profile={profile}", "--allow-write=."), ("--policy=mine.toml", "--profile=mine")):
        done = one.run("both", place, ("-q", *options), *command)
        assert written & {*COULD.findall(done.out)} == {"project"}, done


@pytest.mark.parametrize("layers", LAYERS)
@pytest.mark.parametrize("version", [pytest.param("3.9", marks=pytest.mark.soak), "3.13"], indirect=True)
def test_a_real_suite(jobs, tmp_path, environments, source, version, once, layers):
    """From its source distribution."""
    work = Work(jobs, tmp_path, environments.get(f"profiles {version}"), PYTHONPATH="src")
    place = source("itsdangerous", environments.get("profiles 3.13"))
    command = ("pytest", "-q", "tests")
    passed = once(version, lambda: SUITE.search(work.bare(place, *command).out)[1])
    assert int(passed) > 290
    done = work.run(layers, place, (), *command)
    assert (done.code, SUITE.search(done.out)[1]) == (0, passed), done
    assert done.refused == []


@pytest.mark.parametrize("profile", ["default", "pytest", "http-client", "notebook"])
def test_kernels_that_run_already(one, profile):
    """What reaches localhost cannot have code run by them; and a kernel of its own it may start."""
    place, runtime = one.project("project"), one.home / ".local/share/jupyter/runtime"
    runtime.mkdir(parents=True)
    (runtime / "kernel-1.json").write_text("a key")
    for command in (("cat", runtime / "kernel-1.json"), ("python", "-c", f"print(open('{runtime}/kernel-1.json').read())")):
        assert one.bare(place, *command).out.strip() == "a key"
        done = one.run("both", place, ("-q", f"--profile={profile}"), *command)
        assert (done.code, "No such file or directory" in done.err) == (1, True), done
    write = f"open('{runtime}/kernel-2.json', 'w').write('x'); print(open('{runtime}/kernel-2.json').read())"
    assert one.run("both", place, ("-q", f"--profile={profile}"), "python", "-c", write).out == ("x\n" if profile == "notebook" else "")


def told(work, *options, command=("python", "-c", "")):
    return work.run("both", work.project("project"), options, *command).err


@pytest.fixture
def one(jobs, elsewhere, environments):
    return Work(jobs, elsewhere, environments.get("profiles 3.13"))


def test_the_line(one):
    """Which profile, what it grants, which layers hold it."""
    place = one.home / "project"
    assert re.fullmatch(
        rf"hermetic: no guard was asked for, so profile default stands: no network, no writing but in {place}, "
        r"(\d+ places|\S+) hidden, a clean environment; held in Python and the kernel \((there .*; )?-v says more\)\n",
        line := told(one),
    )
    assert len(line.replace(str(place), "")) < 230


def test_the_rest_of_the_line(one):
    """Where it is asked for: all places, as far as they can be listed, and the gaps."""
    said = told(one, "-v")
    assert re.search(
        rf"(?m)^hermetic: profile default: no network, no writing but in {one.home}/project, \d+ places protected, .* hidden, a clean environment "
        r"\(all places: hermetic policy show --resolved -- COMMAND\)$",
        said,
    )
    assert re.search(r"(?m)^hermetic: network: python stands, kernel full", said)


def test_the_line_of_a_program_that_is_not_python(one):
    assert re.fullmatch(
        r"hermetic: no guard was asked for, so profile default stands: no network, .*; "
        r"true is not Python, so the kernel alone holds it \((there .*; )?-v says more\)\n",
        told(one, command=("/bin/true",)),
    )


def test_the_rest_of_that_line(one):
    assert "holds it (Python programs that it starts get the guards as well): network: full; " in told(one, "-v", command=("/bin/true",))


def test_the_line_of_what_the_command_line_adds(one):
    text = told(one, "--allow-localhost=80", "--timeout=1m")
    assert "so profile default stands: no network but localhost port 80, no writing" in text
    assert "timeout 60 s; held in " in text


@pytest.mark.parametrize("options", [("-q",), ("--no-network",), ("--profile=default",), ("-q", "--allow-localhost")])
def test_no_line(one, options):
    assert told(one, *options) == ""


def test_no_start_without_the_kernel(one):
    """Where it has no part in a guard, as it has none in native code."""
    done = one.run("both", one.project("project"), ("--profile=grader", "--block-native"), "python", "-c", "print('started')")
    assert (done.code, done.out) == (125, "")
    assert "the native guard cannot stand as required: the kernel does not hold it (the kernel cannot tell a library from data)" in done.err
    done = one.run("both", one.home, ("--no-network", "--block-native", "--kernel=required"), "python", "-c", "")
    assert done.code == 125
    done = one.run("both", one.home, ("--no-network", "--kernel=required"), "python", "-c", "print('started')")
    assert (done.code, done.out) == (0, "started\n")


def test_limits(one):
    place = one.project("project")
    command = ("python", "-c", "print(len(bytearray(1 << 30)))")
    assert one.bare(place, *command).out == f"{1 << 30}\n"
    done = one.run("both", place, ("--profile=grader",), *command)
    assert (done.code != 0, done.out) == (True, "")
