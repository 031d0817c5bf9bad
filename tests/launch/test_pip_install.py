"""`--profile pip-install` and nothing else, with real pips and uv: packages are installed, and their builds get no further than their own tree."""

import json
from pathlib import Path

import pytest
from launch.demo import ATTEMPT, write_tree
from launch.environments import UV, call, find_python
from launch.jobs import is_shown, transcript
from launch.packages import SOURCES, Index, write_packages

ONE_LAYER = Path(__file__).parents[1] / "containment/one_layer.py"
PROFILE = "--profile=pip-install"
LAYERS = ("both", "python", "kernel")

VERSIONS = ("3.9", "3.13", "uv 3.9", "uv 3.13")
WAYS = (*VERSIONS, "oldest pip", "newest pip", "pypy3.9")
"""Which pip, as environments.RECIPES has it, or uv for an environment of which Python."""
LONG = ("uv 3.9", "pypy3.9")
"""uv is the same program whatever Python it installs for, and pip's builds are recognized by the same rows of their command lines in PyPy."""

COMBINATIONS = [*((which, "both") for which in WAYS), *((which, layers) for which in VERSIONS for layers in ("python", "kernel"))]


def shared():
    """Of each layer alone one version; the others take their time."""
    for which, layers in COMBINATIONS:
        marks = [pytest.mark.soak] if which in LONG or (layers != "both" and which != "3.13") else []
        yield pytest.param(which, layers, marks=marks, id=f"{which} {layers}")


OWN = ("tree", "scratch")
"""What a build may write."""
BY_ALL = {"home", "home, natively"}
"""What the profile refuses to the installer as well, of that which the build of `probing` tries."""


@pytest.fixture
def packages(tools, tmp_path):
    write_packages(tmp_path / "served", tools)
    with Index(tmp_path / "served") as index:
        yield index
        index.shutdown()


class Place:
    """An environment of its own, and the commands that install into it."""

    def __init__(self, which, directory, index, jobs, tools, environments):
        self.directory, self.index, self.jobs, self.tools = directory, index, jobs, tools
        self.uv = which.startswith("uv ")
        self.environment = environments.copy(which.removeprefix("uv "), directory)
        self.cache = directory.with_name(f"{directory.name}-cache")
        self.home = directory.with_name(f"{directory.name}-home")
        self.cache.mkdir()
        self.home.mkdir()

    @property
    def environ(self):
        probe = {"port": self.index.port, "environment": str(self.directory), "home": str(self.home), "cache": str(self.cache)}
        more = {
            "PIP_INDEX_URL": self.index.url,
            "UV_DEFAULT_INDEX": self.index.url,
            "PIP_RETRIES": "0",
            "UV_HTTP_RETRIES": "0",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        more |= {
            "PIP_CACHE_DIR": self.cache,
            "UV_CACHE_DIR": self.cache,
            "UV_PYTHON_DOWNLOADS": "never",
            "PROBE": json.dumps(probe),
            "PIP_LOGIN": "name:password",
        }
        return self.jobs.environ(self.environment, **more)

    def command(self, *words):
        return [UV, "pip", "install", *words] if self.uv else ["pip", "install", *words]

    def installed(self, *words, layers="both", options=()):
        """Install under the profile."""
        command = [*options, PROFILE, "--allow-env=PROBE", "--", *self.command(*words)]
        if layers == "both":
            return self.jobs.guarded("run", *command, env=self.environ)
        one = [find_python("3.11"), "-IS", ONE_LAYER, layers]
        return self.jobs.native(*one, *command, env=self.environ)

    def without_isolation(self):
        """Has what builds in the environment itself, which is quicker; the option that it takes."""
        tools = [str(wheel) for wheel in self.tools.glob("*.whl")]
        call(UV, "pip", "install", "--quiet", "--no-deps", "--python", self.environment.python, *tools)
        return ["--no-build-isolation"]

    @property
    def site(self):
        return next(self.directory.glob("lib/py*3.*/site-packages"))

    def outcomes(self):
        return json.loads((self.site / "probe_outcomes.json").read_text())

    def left_by_the_build(self):
        places = {"environment": self.directory, "home": self.home, "cache": self.cache}
        return sorted(name for name, place in places.items() if list(place.glob("by-the-build*")))


@pytest.fixture
def place(tmp_path, packages, jobs, tools, environments):
    return lambda which, name="env": Place(which, tmp_path / name, packages, jobs, tools, environments)


@pytest.mark.parametrize("which", [pytest.param(way, marks=[pytest.mark.soak] if way in LONG else []) for way in WAYS])
def test_without_the_profile(place, which):
    """The control: a build does all that it tries."""
    bare = place(which)
    done = bare.jobs.native(*bare.command("probing"), env=bare.environ)
    assert done.code == 0, done.err
    assert set(bare.outcomes().values()) == {"done"}
    assert bare.left_by_the_build() == ["cache", "environment", "home"]


@pytest.mark.parametrize(("which", "layers"), [*shared()])
def test_installs(place, which, layers):
    """A wheel, and source distributions: one whose backend tries what it has no right to, and one with an extension in C, whose build tools come
    from the index. The kernel alone knows no builds: they have what the installer has.
    """
    made = place(which)
    wanted = ["plain", "probing", *(["compiled"] if which in (*VERSIONS, "newest pip") else [])]
    done = made.installed(*wanted, *(made.without_isolation() if layers != "both" else ()), layers=layers)
    assert done.code == 0, done.out + done.err
    assert {path.name.partition(".")[0] for path in made.site.iterdir()} >= {*wanted}
    outcomes = made.outcomes()
    held = {what for what in outcomes if what.partition(",")[0] not in OWN}
    assert {what for what, came in outcomes.items() if came == "refused"} == (BY_ALL if layers == "kernel" else held), outcomes
    assert layers == "kernel" or made.left_by_the_build() == []
    if layers == "both":
        assert f"hermetic: blocked action: network disabled: connect(127.0.0.1:{made.index.port})" in done.err
        assert "allow it  --builds alike\n" in done.err
        assert "allow it  --allow" not in done.err


def test_setup_py_as_it_was_run_once(place):
    """An extension in C again. Into the environment it installs by itself, so it may write there; but it gets no network, and nothing else."""
    made = place("oldest pip")
    done = made.installed("plain", "legacy")
    assert done.code == 0, done.out + done.err
    found = json.loads(made.environment.ask("import json, outcomes, compiled; print(json.dumps(outcomes.found))"))
    allowed = (*OWN, "environment")
    assert found == {what: "done" if what.partition(",")[0] in allowed else "refused" for what in found}
    assert made.left_by_the_build() == ["environment"]


def test_transcript(place):
    """What the README shows; a build that reaches nobody succeeds as it would without a network."""
    made = place("3.13")
    command = "hermetic run -- pip install --quiet something"
    done = made.jobs.guarded(*command.split()[1:], env=made.environ)
    assert done.code == 0, done.err
    said = (done.out + done.err).replace(str(made.directory), "/home/me/env")
    assert is_shown(transcript(command), said), said


def test_builds_that_are_let_alone(place):
    """`--builds alike` lets them have what pip has."""
    made = place("3.13")
    done = made.installed("probing", options=["--builds=alike"])
    assert done.code == 0, done.err
    outcomes = made.outcomes()
    assert (outcomes["index"], outcomes["environment"], outcomes["home"]) == ("done", "done", "refused")


def link_to(url, served):
    (served / "simple/plain/index.html").write_text(f'<a href="{url}">{url.rpartition("/")[2]}</a>')


@pytest.mark.parametrize(("which", "layers"), [("3.9", "both"), ("3.13", "python"), ("3.13", "kernel"), ("uv 3.13", "both")])
def test_a_host_that_is_linked_to(place, packages, tmp_path, which, layers):
    """By a page of an index: it is refused, with the option that allows it. That is followed."""
    made = place(which)
    wanted = ["plain", *(["--refresh"] if made.uv else [])]
    link_to("http://files.example/plain-1.0-py3-none-any.whl", tmp_path / "served")
    done = made.installed(*wanted, layers=layers)
    assert (done.code != 0, "DNS(files.example)" in done.err) == (True, True), done.err
    assert "  allow it  --allow-domain files.example\n" in done.err
    write_packages(tmp_path / "elsewhere", tmp_path)
    with Index(tmp_path / "elsewhere") as elsewhere:
        link_to(f"{elsewhere.url}/plain/plain-1.0-py3-none-any.whl", tmp_path / "served")
        done = made.installed(*wanted, layers=layers)
        assert (done.code != 0, elsewhere.calls) == (True, 0), done.err
        hint = f"--allow-localhost={elsewhere.port}"
        assert f"  allow it  {hint}\n" in done.err
        done = made.installed(*wanted, layers=layers, options=[hint])
        elsewhere.shutdown()
    assert done.code == 0, done.err


def test_requirements_of_a_project(place, packages, tmp_path):
    made = place("3.13")
    (tmp_path / "requirements.txt").write_text(f"--index-url {packages.url}\nplain\n")
    own = made.environ
    own.pop("PIP_INDEX_URL")
    command = ["run", PROFILE, "--", "pip", "install", "-r", "requirements.txt"]
    done = made.jobs.guarded(*command, env=own)
    assert done.code == 1
    assert f"hermetic: {tmp_path}/requirements.txt is not trusted, so {packages.port} is not allowed" in done.err
    assert packages.asked == []
    trusted = made.jobs.guarded("policy", "trust", "requirements.txt", env=own, log=False)
    assert trusted.code == 0, trusted.err
    done = made.jobs.guarded(*command, env=own)
    assert done.code == 0, done.err
    assert packages.asked != []


def test_a_local_project(place, tmp_path, packages):
    """It is built where it is, and installed as it lies there."""
    made = place("3.13")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_traced"\nbackend-path = ["."]\n'
        '[project]\nname = "local"\nversion = "1"\ndescription = "it lies here"\n'
    )
    (project / "local.py").touch()
    (project / "flit_traced.py").write_text("open('traced', 'w')\nfrom flit_core.buildapi import *\n")
    named = f"local @ file://{project}"
    (tmp_path / "requirements.txt").write_text(named)
    refused = made.installed("-r", "requirements.txt")
    assert (refused.code, (project / "traced").exists()) == (1, False)
    assert (
        f"{tmp_path}/requirements.txt is not trusted, so builds may not write in {project} (after reading it: hermetic policy"
        in refused.err
    )
    assert made.jobs.guarded("policy", "trust", "requirements.txt", env=made.environ, log=False).code == 0
    for words in ([named], ["-r", "requirements.txt"], ["./project"], ["-e", "./project"]):
        done = made.installed(*words)
        assert done.code == 0, done.err
        assert done.refused == []
        (project / "traced").unlink()
    assert made.environment.ask("import local; print(local.__file__)") == f"{project}/local.py"


def test_uv_by_an_interpreter(place, tmp_path):
    """`python -m uv`, with another environment active: it installs into its own, and a local project is built where it is."""
    made, active = place("3.13"), place("uv 3.13", "active")
    [package] = Path(UV).parents[1].glob("lib/python*/site-packages/uv")
    (made.site / "uv").symlink_to(package)
    (made.environment.bin / "uv").symlink_to(UV)
    write_tree(tmp_path / "project", SOURCES["probing"])
    env = active.environ | {"UV_NO_INDEX": "1"}
    command = [made.environment.python, "-m", "uv", "pip", "install", "./project"]
    done = made.jobs.guarded("run", PROFILE, "--allow-env=PROBE", "--", *command, env=env)
    assert done.code == 0, done.out + done.err
    assert (made.outcomes()["tree"], made.outcomes()["environment"]) == ("done", "refused")


def test_files_that_the_command_line_names(place, tmp_path):
    """They are written, but for what runs later."""
    made = place("3.13")
    (made.home / ".bashrc").write_text("")
    env = made.environ | {"HOME": str(made.home)}
    done = made.jobs.guarded("run", PROFILE, "--", "pip", "--log", "pip.log", "install", "--report", "report.json", "plain", env=env)
    assert (done.code, done.refused) == (0, []), done.err
    assert "plain" in (tmp_path / "pip.log").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["install"][0]["metadata"]["name"] == "plain"
    done = made.jobs.guarded("run", PROFILE, "--", "pip", "--log", f"{made.home}/.bashrc", "install", "plain", env=env)
    assert (set(done.refused), (made.home / ".bashrc").read_text()) == ({f"write({made.home}/.bashrc)"}, "")
    made.jobs.native("pip", "--log", f"{made.home}/.bashrc", "install", "plain", env=env)
    assert (made.home / ".bashrc").read_text() != ""


EDITABLE = """\
import os, setuptools
for name in (".venv/by-the-build", ".git/hooks/by-the-build", "by-the-build.py"):
    os.system("echo > " + name)
    try:
        open(name, "w").close()
    except OSError:
        pass
setuptools.setup()
"""


@pytest.mark.parametrize(("which", "words"), [("3.13", ["-e", "."]), ("uv 3.13", ["-e", "."]), ("uv 3.13", ["."])])
def test_a_project_with_its_environment_in_it(place, tmp_path, which, words):
    """As it is worked in every day. Its build writes what setuptools makes there, not the environment nor what lies beside."""
    project = tmp_path / "project"
    (project / "my_proj").mkdir(parents=True)
    (project / ".git/hooks").mkdir(parents=True)
    (project / "my_proj/__init__.py").touch()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "my-proj"\nversion = "1"\n[tool.setuptools]\npackages = ["my_proj"]\n'
    )
    (project / "setup.py").write_text(EDITABLE)
    made = place(which, "project/.venv")
    option = made.without_isolation()
    done = made.jobs.guarded("run", PROFILE, "--", *made.command(*option, *words), env=made.environ, cwd=project)
    assert done.code == 0, done.out + done.err
    assert made.environment.ask("import my_proj; print(my_proj.__name__)") == "my_proj"
    assert words != ["."] or (project / "my_proj.egg-info/PKG-INFO").exists()
    assert list(project.rglob("by-the-build*")) == []
    made.jobs.native(*made.command(*option, *words), env=made.environ, cwd=project)
    assert len(list(project.rglob("by-the-build*"))) == 3


def test_variables(place):
    """An installer gets what leads it to indexes, and no token. Of that builds get nothing: test_installs."""
    made = place("3.13")
    given = {"HTTPS_PROXY": "http://127.0.0.1:9", "UV_INDEX_A_PASSWORD": "x", "CFLAGS": "-O", "AWS_SECRET_ACCESS_KEY": "x", "MY_TOKEN": "x"}
    code = f"import os; print([name for name in {list(given)} if name in os.environ])"
    env = made.environ | given
    assert made.jobs.native("python", "-c", code, env=env).out == f"{list(given)}\n"
    done = made.jobs.guarded("run", PROFILE, "--", "python", "-c", code, env=env)
    assert done.out == "['HTTPS_PROXY', 'UV_INDEX_A_PASSWORD', 'CFLAGS']\n", done.err


def test_what_is_hidden(place, packages):
    """Secrets are, but what pip logs in to indexes with."""
    made = place("3.13")
    (made.home / ".ssh").mkdir()
    (made.home / ".ssh/key").write_text("secret")
    (made.home / ".netrc").write_text("machine x login y password z")
    env = {**made.environ, "HOME": str(made.home)}
    code = "import os, sys; print([os.path.exists(os.path.expanduser(p)) and open(os.path.expanduser(p)).read()[:6] for p in ('~/.ssh/key', '~/.netrc')])"
    done = made.jobs.guarded("run", PROFILE, "--", "python", "-c", code, env=env)
    assert done.out == "[False, 'machin']\n", done.err
    assert made.jobs.native("python", "-c", code, env=env).out == "['secret', 'machin']\n"


@pytest.mark.parametrize("which", ["3.13", "uv 3.9"])
def test_startup_files_that_a_wheel_brings(place, which):
    """Each by name, once; not a .pth file that only adds a directory, nor what was there."""
    made = place(which)
    done = made.installed("starting", "plain")
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if "whenever an interpreter starts" in line]
    assert told == [
        f"hermetic: {made.site}/sitecustomize.py, of starting 1.0, runs from now on whenever an interpreter starts there",
        f"hermetic: {made.site}/starting.pth, of starting 1.0, runs from now on whenever an interpreter starts there: import os",
    ]
    again = made.installed("starting")
    assert "whenever an interpreter starts" not in again.err
    added = made.installed("adding").err
    assert (
        f"hermetic: {made.site}/_adding/sitecustomize.py, of adding 1.0, runs from now on whenever an interpreter starts there\n" in added
    )
    assert f"hermetic: {made.directory}/pip.conf says from now on where pip looks for packages there\n" in added
    beside = made.directory.with_name("beside")
    assert f"hermetic: {beside}/starting.pth, of starting 1.0, runs" in made.installed("--target", str(beside), "starting").err


@pytest.mark.parametrize(
    ("which", "name", "path"),
    [
        ("3.13", "configuring", "pyvenv.cfg"),
        ("3.13", "replacing", "bin/python"),
        ("3.13", "activating", "bin/activate"),
        ("uv 3.13", "configuring", "pyvenv.cfg"),
        ("uv 3.13", "activating", "bin/activate"),
    ],
)
def test_the_interpreter_is_not_brought(place, which, name, path):
    """Nor what says where it finds its modules, and what the user's own shell runs to activate it: it is what the next run is started with. uv replaces no interpreter by itself."""
    made = place(which)
    file = made.directory / path
    before = file.read_bytes()
    done = made.installed(name)
    assert done.code != 0
    assert "protected" in done.err or "Read-only file system" in done.err or "resource busy" in done.err, done.err
    assert file.read_bytes() == before
    control = place(which, "control")
    control.jobs.native(*control.command(name), env=control.environ)
    assert (control.directory / path).read_bytes() != before


def test_an_environment_that_uv_makes(place, tmp_path, packages):
    """With the project in it, and its lock; the startup files in it are told as well."""
    made = place("uv 3.13")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "local"\nversion = "1"\ndependencies = ["starting"]\n')
    own = {name: value for name, value in made.environ.items() if name != "VIRTUAL_ENV"}
    command = ["run", PROFILE, "--", UV, "sync", "--python", made.environment.python]
    done = made.jobs.guarded(*command, env=own, cwd=project)
    assert done.code == 0, done.err
    assert (project / "uv.lock").exists()
    assert f"hermetic: {project}/.venv/lib/python3.13/site-packages/starting.pth, of starting 1.0, runs from now on" in done.err


TRIES = (
    """
import json, os, socket, subprocess
wanted = json.loads(os.environ["PROBE"])
"""
    + ATTEMPT
    + """
def natively(script):
    return "refused" if subprocess.call(["bash", "-c", script], stderr=subprocess.DEVNULL) else "done"
places = [wanted[name] + "/new" for name in ("environment", "cache", "home")]
ports = [wanted["port"], OTHER]
print([attempt(lambda: open(place, "w").close()) for place in places], [natively("echo > " + place) for place in places])
print([attempt(lambda: socket.create_connection(("127.0.0.1", port)).close()) for port in ports])
print([natively("exec 3<>/dev/tcp/127.0.0.1/%d" % port) for port in ports])
"""
)


def test_what_holds_for_the_installer_itself(place, port, packages):
    """In the environment and the caches it may write, to the index it may connect: natively as well, and nowhere else."""
    made = place("3.13")
    command = ("python", "-c", TRIES.replace("OTHER", str(port.number)))
    bare = made.jobs.native(*command, env=made.environ)
    assert (bare.out.count("done"), bare.out.count("refused")) == (10, 0), bare.err
    done = made.jobs.guarded("run", PROFILE, "--allow-env=PROBE", "--", *command, env=made.environ)
    assert done.out.splitlines() == [
        "['done', 'done', 'refused'] ['done', 'done', 'refused']",
        "['done', 'refused']",
        "['done', 'refused']",
    ], done.err


def test_an_index_by_name(place, among_names, hermetic_command, tmp_path):
    """Its name is looked up, and reached; one that a file of the project names is neither."""
    made = place("3.13")
    (tmp_path / "requirements.txt").write_text("--extra-index-url http://strange.example/simple\nx\n")
    pip = [str(made.environment.bin / "pip"), "--isolated", "install", "--retries=0", "--no-cache-dir", "-i", "http://app.test/simple"]
    pip += ["--trusted-host", "app.test", "--trusted-host", "strange.example", "-r", str(tmp_path / "requirements.txt")]
    one_layer = [find_python("3.11"), "-IS", str(ONE_LAYER)]
    ways = {"both": [hermetic_command], "python": [*one_layer, "python"], "kernel": [*one_layer, "kernel"], "bare": None}
    found = among_names({way: pip if start is None else [*start, PROFILE, "--", *pip] for way, start in ways.items()})
    assert found["bare"][2] == ["app.test", "strange.example"], found["bare"]
    for way in LAYERS:
        code, out, asked = found[way]
        assert (code, asked) == (1, ["app.test"]), out
        assert "DNS(strange.example)" in out
        assert "allow it  --allow-domain strange.example" in out
        assert f"{tmp_path}/requirements.txt is not trusted, so strange.example:80 is not allowed" in out


ASKED = (
    ATTEMPT
    + """\
import json, os, socket, sys
wanted = json.loads(os.environ["PYTHON_PROBE"])
if not os.path.exists(wanted["cache"] + "/told"):
    home, environment = wanted["home"], wanted["environment"]
    found = {
        "index": attempt(lambda: socket.create_connection(("127.0.0.1", wanted["port"])).close()),
        "elsewhere": attempt(lambda: socket.create_connection(("127.0.0.1", wanted["elsewhere"])).close()),
        "environment": attempt(lambda: open(environment + "/new", "w").close()),
        "activate": attempt(lambda: open(environment + "/bin/activate", "a").close()),
        "interpreter": attempt(lambda: os.rename(environment + "/bin/python", environment + "/bin/other")),
        "home": attempt(lambda: open(home + "/new", "w").close()),
        "secret": attempt(lambda: open(home + "/.ssh/key").close()),
        "metadata": attempt(lambda: os.utime(home + "/.ssh")),
        "token": "done" if "MY_TOKEN" in os.environ else "refused",
        "guards": "hermetic_guard" in sys.modules,
    }
    if found["interpreter"] == "done":
        os.rename(environment + "/bin/other", environment + "/bin/python")
    with open(wanted["cache"] + "/told", "w") as file:
        json.dump(found, file)
"""
)
"""Of a module that a `.pth` line imports: what it can do where an installer starts the interpreter, told where that may write. Once."""


@pytest.mark.parametrize("which", ["3.13", "uv 3.13"])
def test_what_was_in_the_environment_before(place, port, which):
    """It has what the installer has and no more. Where uv asks the interpreter what it is there are no guards in it, and the kernel holds that alone."""
    made = place(which)
    (made.site / "asked.py").write_text(ASKED)
    (made.site / "asked.pth").write_text("import asked\n")
    (made.home / ".ssh").mkdir()
    (made.home / ".ssh/key").write_text("secret")
    (made.directory / "bin/activate").touch()
    probe = json.loads(made.environ["PROBE"]) | {"elsewhere": port.number}
    env = made.environ | {"HOME": str(made.home), "MY_TOKEN": "x", "PYTHON_PROBE": json.dumps(probe)}
    words = made.command("plain", *(["--no-cache"] if made.uv else ["--no-cache-dir"]))
    done = made.jobs.guarded("run", PROFILE, "--", *words, env=env)
    assert done.code == 0, done.err
    told = made.cache / "told"
    held = ("elsewhere", "activate", "interpreter", "home", "secret", "metadata", "token")
    found = json.loads(told.read_text())
    assert found == {**dict.fromkeys(held, "refused"), "index": "done", "environment": "done", "guards": not made.uv}
    told.unlink()
    assert made.jobs.native(*words, "--reinstall" if made.uv else "--force-reinstall", env=env).code == 0
    assert json.loads(told.read_text()) == {**dict.fromkeys([*held, "index", "environment"], "done"), "guards": False}
