"""Where and in what a run is started: no place to write, another locale, closed descriptors, a directory that has gone."""

import os
from pathlib import Path

import pytest
from launch.environments import find_python
from launch.namespaces import private_mounts

LOCALE = """
import locale, os, sys
print(sys.flags.utf8_mode, sys.getfilesystemencoding(), sys.stdout.encoding, locale.setlocale(locale.LC_CTYPE), os.environ.get("LC_CTYPE"))
print(ascii(sys.argv), ascii(os.getcwd()), [os.fsencode(word) for word in sys.argv])
"""
STANDARD = """
import os, sys
with open(sys.argv[1], "w") as file:
    print([stream is None for stream in (sys.stdin, sys.stdout, sys.stderr)], sorted(os.listdir("/proc/self/fd"), key=int), file=file)
"""
GONE = """
import os, sys
try:
    print(os.getcwd())
except OSError as error:
    print(error)
print(sys.path[0])
"""


@pytest.fixture(scope="module")
def interpreter():
    return find_python("3.11")


def same(jobs, interpreter, *arguments, env, way="run", **options):
    """Run natively and guarded, in both ways of injection; what is the same for each."""
    native = jobs.native(interpreter, *arguments, env=env, **options)
    done = jobs.guarded("run", "--no-network", "--", interpreter, *arguments, env=env, log=False, **options)
    assert done[:3] == native[:3]
    return native


@pytest.mark.parametrize("name", ["with space", "with:colon", "with\nline", "with,comma", "with'quote\"", "%s $(id)", "\u20ac", b"\xff"])
def test_name_of_tmpdir(jobs, interpreter, tmp_path, name):
    place = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    os.mkdir(place)
    env = jobs.environ() | {"TMPDIR": place}
    assert (
        same(jobs, interpreter, "-c", "import os, tempfile; print(os.environb[b'TMPDIR'], ascii(tempfile.mkdtemp()[:-8]))", env=env).code
        == 0
    )
    same(jobs, interpreter, "-Ic", "print('isolated')", env=env)
    assert [entry for entry in os.listdir(place) if entry.startswith(b"hermetic-")] == []


@pytest.mark.parametrize("place", ["/nonexistent/directory", "relative", "", "/dev/null"])
def test_useless_tmpdir(jobs, interpreter, place):
    assert same(jobs, interpreter, "-c", "import os; print(os.environ['TMPDIR'])", env=jobs.environ(TMPDIR=place)).out == f"{place}\n"


@pytest.mark.parametrize("home", [None, "", "relative", "/dev/null"])
def test_useless_home(jobs, interpreter, home):
    """Nothing is kept then, and each start asks the interpreter anew."""
    env = jobs.environ()
    del env["HOME"]
    env |= {} if home is None else {"HOME": home}
    assert same(jobs, interpreter, "-c", "import os; print(os.environ.get('HOME'))", env=env).out == f"{home}\n"


def test_home_that_is_not_there_is_not_made(jobs, interpreter, tmp_path):
    same(jobs, interpreter, "-c", "print(1)", env=jobs.environ(HOME=tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


LOCALES = [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "xx_XX.nonsense"}, {}, {"LC_CTYPE": "C.UTF-8"}]
LOCALES += [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]


@pytest.mark.parametrize("settings", LOCALES, ids=[" ".join(map("=".join, one.items())) or "none" for one in LOCALES])
def test_locale(jobs, interpreter, tmp_path, settings):
    """The target's is its own, whatever hermetic's own interpreter makes of it; a message comes through in any."""
    work = tmp_path / "\u20ac"
    work.mkdir()
    env = {name: value for name, value in jobs.environ().items() if name != "LANG"} | settings
    assert same(jobs, interpreter, "-c", LOCALE, "\u20ac", b"\xff", env=env, cwd=work).code == 0
    done = jobs.guarded("run", "--no-network", "--", "./\u20ac", env=env, log=False, cwd=work)
    assert (done.code, done.err.count("\n")) == (127, 1)


@pytest.mark.parametrize("closed", ["0", "1", "2", "01", "012", "12"])
def test_closed_standard_descriptors(jobs, interpreter, tmp_path, closed):
    """They stay closed, and nothing of hermetic's takes their place."""
    redirections = " ".join(f"{number}>&-" for number in closed)
    shell = ["/bin/sh", "-c", f'exec "$@" {redirections}', "sh"]
    report = tmp_path / "report"
    native = jobs.native(interpreter, "-c", STANDARD, report, env=jobs.environ(), before=shell)
    expected = report.read_text()
    report.unlink()
    command = (interpreter, "-c", STANDARD + "import socket; socket.create_connection(('127.0.0.1', 9))", report)
    done = jobs.guarded("run", "--no-network", "--", *command, env=jobs.environ(), before=shell)
    assert (native.code, done.code) == (0, 77)
    assert report.read_text() == expected
    assert done.refused == ["connect(127.0.0.1:9)"]


def test_nowhere_to_say_anything(jobs, interpreter):
    """A full disk behind stdout and stderr changes no exit code."""
    shell = ["/bin/sh", "-c", 'exec "$@" >/dev/full 2>&1', "sh"]
    same(jobs, interpreter, "-c", "print(1)", env=jobs.environ(), before=shell)
    assert jobs.guarded("run", "--no-network", "--", "./nothing", env=jobs.environ(), before=shell).code == 127
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    done = jobs.guarded("run", "--no-network", "--", interpreter, "-c", code, env=jobs.environ(), before=shell)
    native = jobs.native(interpreter, "-c", "raise PermissionError", env=jobs.environ(), before=shell)
    assert (done.code, done.refused) == (native.code, ["connect(127.0.0.1:9)"])


def test_full_log(jobs, interpreter):
    done = jobs.guarded("--no-network", "--log=/dev/full", "--", interpreter, "-c", "print(1)", env=jobs.environ(), log=False)
    told = "hermetic: --log /dev/full: No space left on device; from here on events are missing there\n"
    assert done[:3] == (0, "1\n", told)


@pytest.mark.parametrize("arguments", [["-c", GONE], ["-Ic", GONE], ["-m", "this"]], ids=["early", "stub", "module"])
def test_working_directory_is_gone(jobs, interpreter, tmp_path, arguments):
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = ["/bin/sh", "-c", 'mkdir -p "$0" && cd "$0" && rmdir "$0" && exec "$@"', str(gone)]
    native = jobs.native(interpreter, *arguments, env=jobs.environ(), before=shell)
    done = jobs.guarded("run", "--no-network", "--", interpreter, *arguments, env=jobs.environ(), before=shell, log=False)
    assert done[:2] == native[:2]
    assert done.err.replace("sh: 0: getcwd() failed: No such file or directory\n", "") == native.err
    refused = jobs.guarded("run", "--no-network", "--", "./script", env=jobs.environ(), before=shell, log=False)
    assert (refused.code, refused.err.splitlines()[-1]) == (127, "hermetic: ./script: no such file")


@pytest.fixture
def mounted(jobs, interpreter):
    """Starts a command where it has mounts of its own, on /tmp, /var/tmp and its home, /mnt."""
    if any(Path(path).resolve().is_relative_to("/tmp") for path in (jobs.hermetic, interpreter)):
        pytest.skip("hermetic or its target lies in /tmp")

    def start(*lines):
        return [*private_mounts(), "/bin/sh", "-c", "\n".join(["set -e", *lines, 'exec "$@"']), "sh"]

    return start


PLACES = ("/tmp", "/var/tmp", "/mnt")
FULL = "mount -t tmpfs -o size=64k none {0}; dd if=/dev/zero of={0}/fill bs=1k 2>/dev/null || true"
READ_ONLY = "mount -t tmpfs -o ro none {0}"
NO_EXECUTION = "mount -t tmpfs -o noexec,nosuid,nodev none {0}"
ELSEWHERE = {"cwd": "/", "log": False}


def env_on_mounts(**more):
    return {"PATH": "/usr/bin:/bin", "HOME": "/mnt", "LANG": "C.UTF-8", "PWD": "/"} | more


@pytest.mark.parametrize("how", [FULL, READ_ONLY, NO_EXECUTION], ids=["full", "read-only", "noexec"])
@pytest.mark.parametrize("where", [("/tmp",), ("/mnt",), ("/tmp", "/mnt")], ids=" ".join)
def test_place_that_cannot_be_used(jobs, interpreter, mounted, how, where):
    """There is another one."""
    before = mounted(*(how.format(place) for place in where))
    for arguments in (["-c", "print(1)"], ["-Ic", "print(1)"]):
        done = jobs.guarded("run", "--no-network", "--", interpreter, *arguments, env=env_on_mounts(), before=before, **ELSEWHERE)
        assert done[:3] == (0, "1\n", "")


def test_noexec_everywhere(jobs, interpreter, mounted):
    before = mounted(*(NO_EXECUTION.format(place) for place in PLACES))
    done = jobs.guarded("run", "--no-network", "--", interpreter, "-Ic", "print(1)", env=env_on_mounts(), before=before, **ELSEWHERE)
    assert done[:3] == (0, "1\n", "")


@pytest.mark.parametrize("how", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_no_place_at_all(jobs, interpreter, mounted, how):
    before = mounted(*(how.format(place) for place in PLACES))
    done = jobs.guarded("run", "--no-network", "--", interpreter, "-c", "print(1)", env=env_on_mounts(), before=before, **ELSEWHERE)
    assert (done.code, done.out, done.err.count("\n")) == (125, "", 1)
    assert done.err.startswith("hermetic: ")
