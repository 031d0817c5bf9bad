"""`--tmp private`: the run's own /tmp and /var/tmp, in which there is nothing of anybody else's, and of which nothing stays."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from launch.container import container

ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
USERS = {"as we are": [], "ordinary": ORDINARY}
NAME = f"private-tmp-{os.getpid()}"
LOOK = f"""
import os, tempfile
print("temporary:", tempfile.gettempdir())
for place in ("/tmp", "/var/tmp"):
    print(place, "secret" in "".join(os.listdir(place)))
    with open(place + "/{NAME}", "w") as file:
        file.write("mine")
    print(open(place + "/{NAME}").read(), oct(os.stat(place).st_mode))
with tempfile.NamedTemporaryFile() as file:
    print(os.path.dirname(file.name))
"""
PRIVATE = "temporary: /tmp\n/tmp False\nmine 0o41777\n/var/tmp False\nmine 0o41777\n/tmp\n"


@pytest.fixture
def others():
    """Files of somebody else's."""
    places = [Path("/tmp", f"secret-{NAME}"), Path("/var/tmp", f"secret-{NAME}")]
    for place in places:
        place.touch()
    yield places
    for place in (*places, *(path.with_name(NAME) for path in places)):
        place.unlink(missing_ok=True)


@pytest.fixture
def elsewhere():
    """A directory outside of those, where everybody may read."""
    directory = Path(tempfile.mkdtemp(dir="/var/lib"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def env(jobs):
    return jobs.environ(HOME="/proc/nowhere", XDG_CACHE_HOME=jobs.home / ".cache", TMPDIR="/tmp")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("guard", ["--no-network", "--fs-readonly"])
def test_it_is_the_runs_own(jobs, env, others, user, guard):
    command = ["/usr/bin/python3", "-c", LOOK]
    options = {"env": env, "before": USERS[user], "cwd": "/"}
    assert "/tmp True" in jobs.native(*command, **options).out, "control"
    for place in others:
        assert place.with_name(NAME).exists()
        place.with_name(NAME).unlink()
    done = jobs.guarded(guard, "--tmp", "private", "--", *command, log=False, **options)
    assert (done.code, done.out, done.err) == (0, PRIVATE, "")
    assert not any(place.with_name(NAME).exists() for place in others)
    done = jobs.guarded("--no-network", "--tmp", "shared", "--", *command, log=False, **options)
    assert "/tmp True" in done.out


@pytest.mark.parametrize("user", USERS)
def test_for_a_program_that_is_not_python(jobs, env, others, user):
    code = f"ls /tmp /var/tmp; echo $TMPDIR; echo mine > /tmp/{NAME}; cat /tmp/{NAME}"
    for guard in ("--no-network", "--fs-readonly"):
        done = jobs.guarded(guard, "--tmp", "private", "--", "sh", "-c", code, env=env, before=USERS[user], cwd="/", log=False)
        assert done.code == 0, done.err
        assert "secret" not in done.out
        assert done.out.endswith("/tmp\nmine\n")
        assert not others[0].with_name(NAME).exists()


def test_sockets_in_it(jobs, env):
    """The supervisor stands outside of the run's mounts, and finds them there all the same."""
    code = (
        "import multiprocessing\nif __name__ == '__main__':\n"
        "    with multiprocessing.get_context('forkserver').Pool(2) as pool: print(pool.map(abs, [-1, 2]))\n"
    )
    script = jobs.directory / "pool.py"
    script.write_text(code)
    done = jobs.guarded("--no-network", "--tmp", "private", "--", "/usr/bin/python3", script, env=env)
    assert (done.code, done.out, done.refused) == (0, "[1, 2]\n", [])


def test_the_working_directory_and_what_is_started_stay(jobs, env):
    """In /tmp, that is, where these tests run."""
    (jobs.directory / "module.py").write_text("import os; print('found', os.path.exists('beside'))")
    (jobs.directory / "beside").touch()
    (jobs.directory / "script.py").write_text("import module, sys\nfor name in sys.argv[1:]: open(name, 'w')")
    done = jobs.guarded("--no-network", "--tmp", "private", "--", sys.executable, "script.py", "new", env=env)
    assert (done.code, done.out) == (0, "found True\n"), done.err
    assert (jobs.directory / "new").exists()
    done = jobs.guarded("--no-network", "--tmp", "private", "--", sys.executable, jobs.directory / "script.py", env=env, cwd="/")
    assert "found False" in done.out, done.err


REFUSED = "open('/tmp/new', 'w'); open('/tmp/new')\ntry: open('new', 'w')\nexcept OSError as error: print(error.errno)"


def test_what_stays_and_may_not_be_written_is_refused_and_counted(jobs, env):
    """In the interpreter too, which knows it from the directory around it that is the run's own."""
    for words in (["--fs-readonly"], ["--fs-readonly", "--allow-write", "/tmp"]):
        done = jobs.guarded(*words, "--tmp", "private", "--strict", "--", "/usr/bin/python3", "-c", REFUSED, env=env)
        assert (done.code, done.out) == (77, "30\n"), done.err
        assert done.refused == [f"write({jobs.directory / 'new'})"]
    done = jobs.guarded("--profile", "grader", "--", "/usr/bin/python3", "-c", "open('new', 'w')", env=env)
    assert done.code == 77
    assert "blocked action: filesystem read-only: write(" in done.err
    done = jobs.guarded(
        "--fs-readonly", "--allow-write", ".", "--tmp", "private", "--strict", "--", "/usr/bin/python3", "-c", REFUSED, env=env
    )
    assert (done.code, done.out, done.refused) == (0, "", [])
    assert (jobs.directory / "new").exists()


def test_what_lies_in_a_directory_that_may_be_written_stays_so(jobs, env, others):
    """--allow-write names one above the private place, as /var is above /var/tmp."""
    place = others[1].with_name(NAME)
    place.mkdir()
    try:
        words = ["--fs-readonly", "--allow-write", "/var", "--tmp", "private", "--strict", "--"]
        done = jobs.guarded(*words, "/usr/bin/python3", "-c", "open('new', 'w')", env=env, cwd=place)
        assert (done.code, (place / "new").exists()) == (0, True), done.err
    finally:
        shutil.rmtree(place)


def test_what_is_listed_stays(jobs, env, others):
    for name in ("read", "written"):
        (jobs.directory / name).mkdir()
    code = f"open({str(jobs.directory / 'written/new')!r}, 'w')\ntry: open({str(jobs.directory / 'read/new')!r}, 'w')\nexcept OSError as error: print(error.errno)"
    words = ["--fs-readonly=/usr", "--allow-write", jobs.directory / "written", "--allow-read", jobs.directory / "read", "--tmp", "private"]
    done = jobs.guarded(*words, "--", "/usr/bin/python3", "-c", code, env=env, cwd="/", log=False)
    assert (done.code, done.out) == (0, "30\n"), done.err
    assert (jobs.directory / "written/new").exists()


def test_what_is_to_be_started_and_would_not_be_there(jobs, env):
    script = Path("/tmp", f"{NAME}.py")
    script.touch()
    try:
        done = jobs.guarded("--no-network", "--tmp", "private", "--", "/usr/bin/python3", script, env=env, cwd="/", log=False)
    finally:
        script.unlink()
    assert (done.code, done.out) == (125, "")
    assert done.err == (f"hermetic: --tmp private hides {script}, which is to be started (in a directory below it could stay)\n")


def test_without_namespaces_it_is_tmpdir_alone(jobs, env, others):
    before = [*ORDINARY, *container("unshare", "mount")]
    done = jobs.guarded(
        "--no-network",
        "--tmp",
        "private",
        "--",
        "sh",
        "-c",
        "echo $TMPDIR; touch $TMPDIR/x && ls /tmp",
        env=env,
        before=before,
        cwd="/",
        log=False,
    )
    first, _, rest = done.out.partition("\n")
    assert first.startswith("/tmp/hermetic-")
    assert first.endswith("/scratch")
    assert "secret" in rest
    assert (
        "hermetic: --tmp private is partial: no mounts of the run's own are permitted here, so TMPDIR alone leads to a directory of its own\n"
        in done.err
    )
    assert not os.path.exists(first)


def test_inside_another_run(jobs, env, hermetic_command):
    inner = [hermetic_command, "--no-network", "--tmp", "private", "--", "/usr/bin/python3", "-c", "print('run')"]
    done = jobs.guarded("--no-network", "--", *inner, env=env)
    assert (done.code, done.out) == (125, "")
    assert "inside another hermetic nothing holds --tmp private (give it to the outer one)" in done.err
    assert jobs.guarded("--no-network", "--tmp", "private", "--", *inner, env=env).out == "run\n"
