"""What a refusal says would allow it does allow it: every hint is followed as it is printed, until nothing is refused any more."""

import os
import re
import shlex
import shutil
import socket
import subprocess

import pytest
from launch.environments import find_python

MOST = 4
"""Hints followed one after the other; a program may be refused a second thing once it gets by the first."""

WRITING = {
    "a new file": "open('d/new', 'w').write('x')",
    "a new file, exclusively": "open('d/new', 'x').write('x')",
    "a new file by its descriptor": "os.close(os.open('d/new', os.O_CREAT | os.O_WRONLY))",
    "a file that is there": "open('d/file', 'a').write('x')",
    "a file that a link leads to": "open('link', 'a').write('x')",
    "a file that a link will lead to": "open('dangling', 'w').write('x')",
    "a new directory": "os.mkdir('d/e')",
    "new directories": "os.makedirs('d/e/f/g')",
    "a rename": "os.rename('d/file', 'd/other')",
    "a rename of a directory": "os.rename('d', 'e')",
    "a file replaced": "os.replace('d/file', 'd/second')",
    "a file deleted": "os.remove('d/file')",
    "a link deleted": "os.remove('link')",
    "a directory deleted": "os.rmdir('d/empty')",
    "a tree deleted": "import shutil; shutil.rmtree('d')",
    "a symbolic link": "os.symlink('x', 'd/new')",
    "a hard link": "os.link('d/file', 'd/new')",
    "a mode": "os.chmod('d/file', 0o600)",
    "times": "os.utime('d/file')",
    "times of a link": "os.utime('link', follow_symlinks=False)",
    "a file cut": "os.truncate('d/file', 1)",
    "a database": "import sqlite3; sqlite3.connect('d/base').execute('create table t (x)')",
    "a named pipe": "os.mkfifo('d/new')",
    "a file with a space in its directory": "open('a b/new', 'w').write('x')",
}
READING = {
    "a file": "open('d/file').read()",
    "a directory": "os.listdir('d')",
    "a link": "os.readlink('link')",
    "a link that leads nowhere": "os.readlink('dangling')",
    "extended attributes": "os.listxattr('d/file')",
    "a script that is started": "import subprocess; subprocess.run(['d/tool'], check=True)",
    "a program that is started": "import subprocess; subprocess.run(['d/true'], check=True)",
    "a program on PATH": "import subprocess; os.environ['PATH'] = os.path.abspath('d'); subprocess.run(['true'], check=True)",
    "a program that another becomes": "os.execv('d/true', ['true'])",
}
OTHERS = {
    "a program": ("--no-subprocess", "import subprocess; subprocess.run(['true'], check=True)"),
    "a program by a link": ("--no-subprocess", "import subprocess; subprocess.run(['./program'], check=True)"),
    "a shell": ("--no-subprocess", "assert os.system('exit 0') == 0"),
    "become another program": ("--no-subprocess", "os.execv('/bin/true', ['true'])"),
    "foreign functions": ("--block-native", "import ctypes; ctypes.CDLL(None)"),
    "a port": ("--no-network", "import socket; socket.create_connection(('127.0.0.1', {port}))"),
    "another port": ("--no-network --allow-localhost=1", "import socket; socket.create_connection(('127.0.0.1', {port}))"),
    "to listen": ("--no-network", "import socket; socket.create_server(('127.0.0.1', 0))"),
    "to listen everywhere": (
        "--no-network --allow-localhost",
        "import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('', 28915)); s.listen(1)",
    ),
    "a name": ("--no-network", "import socket; socket.getaddrinfo('localhost', 80)"),
    "a name of the hosts file": (
        "--no-network --allow-address=127.0.0.1:{port}",
        "import socket; socket.create_connection(('localhost', {port}))",
    ),
    "a local socket": ("--no-network", "import socket; socket.socket(socket.AF_UNIX).connect('socket')"),
}


@pytest.fixture
def place(tmp_path):
    """A working directory, with something of each kind in it."""
    place = tmp_path / "place"
    for name in ("d/empty", "a b", "root"):
        (place / name).mkdir(parents=True)
    for name in ("d/file", "d/second"):
        (place / name).write_text("abc")
    (place / "link").symlink_to("d/file")
    (place / "dangling").symlink_to("d/nothing")
    (place / "program").symlink_to("/bin/true")
    (place / "d/tool").write_text("#!/bin/sh\n")
    (place / "d/tool").chmod(0o755)
    shutil.copy("/bin/true", place / "d/true")
    (place / "script.py").write_text("print('ran')")
    return place


@pytest.fixture
def follow(jobs, place):
    def follow(options, command):
        """Run it until nothing is refused any more, adding what is printed; gives the options it took."""
        options = shlex.split(options)
        for _ in range(MOST):
            done = jobs.guarded(*options, "--", *command, env=jobs.environ(), cwd=place)
            printed = re.findall(r"(?m)^  allow it  (.*)$", done.err)
            told = [event["hint"] for event in done.of("refused")]
            assert list(dict.fromkeys(told)) == list(dict.fromkeys(printed)), done
            if not printed:
                assert done.code == 0, done
                return options
            hint = printed[0]
            assert "Traceback" not in done.err or f"(allow it: {hint})" in done.err, done
            words = shlex.split(hint, comments=True)  # as a shell reads it
            assert len(words) <= 2
            assert not words[-1].startswith("/") or os.path.lexists(words[-1])
            options += words
        raise AssertionError(done)

    return follow


def in_python(code):
    return [find_python("3.13"), "-c", f"import os; {code}"]


@pytest.mark.parametrize("code", WRITING.values(), ids=WRITING)
def test_writing(follow, code):
    taken = follow("--fs-readonly", in_python(code))
    assert 1 <= len(taken[1:]) / 2 <= 2


@pytest.mark.parametrize("cache", [".mypy_cache", "d/.pytest_cache", ".cache/black"])
def test_a_cache_is_named_as_a_whole(follow, place, cache):
    """Its tool writes one file after the other there."""
    (place / cache / "v/1").mkdir(parents=True)
    (place / cache / "v/old").write_text("abc")
    code = f"for name in ('v/old', 'v/1/new', 'top'): open(f'{cache}/{{name}}', 'w').write('x')"
    assert follow("--fs-readonly", in_python(f"exec({code!r})"))[1:] == ["--allow-write", f"{place}/{cache}"]


@pytest.mark.parametrize("code", ["os.remove('d/file')", "os.replace('d/second', 'd/file')", "os.rename('d/file', 'd/x')"])
def test_a_file_that_may_be_written_stays_where_it_is(follow, place, code):
    """Its name belongs to the directory, in both layers."""
    assert follow("--fs-readonly --allow-write d/file", in_python(code))[3:] == ["--allow-write", f"{place}/d"]


MAKES_AT_HOME = "os.makedirs(os.path.expanduser('~/.tool/state'), exist_ok=True); open(os.path.expanduser('~/.toolrc'), 'a')"


def test_the_home_directory_is_not_opened_for_a_name_in_it(jobs, place):
    """What is to be there is made first, and then the option helps."""
    command, env = in_python(MAKES_AT_HOME), jobs.environ() | {"HOME": str(place)}
    options = ["--fs-readonly"]
    for name in (".tool", ".toolrc"):
        done = jobs.guarded(*options, "--", *command, env=env, cwd=place)
        assert done.code == 77, done
        assert f"  allow it  --allow-write {place}/{name}  # make it first\n" in done.err, done
        subprocess.run(["mkdir" if name == ".tool" else "touch", place / name], check=True)
        options += shlex.split(done.of("refused")[-1]["hint"], comments=True)
    assert jobs.guarded(*options, "--", *command, env=env, cwd=place).code == 0
    assert (place / ".tool/state").is_dir()


@pytest.mark.parametrize("code", READING.values(), ids=READING)
def test_reading(follow, code):
    assert follow("--fs-readonly=root", in_python(code))[1::2] == ["--allow-read"]


@pytest.mark.parametrize(
    "command", [["d/tool"], ["d/true"], ["env", "d/tool"], ["env", "-u", "A", "B=1", find_python("3.13"), "script.py"]]
)
def test_what_is_to_be_run_may_be_read(follow, command):
    assert follow("--fs-readonly=root", command) == ["--fs-readonly=root"]


def test_writing_where_reading_is_limited(follow):
    follow("--fs-readonly=root", in_python("open('d/new', 'w').write('x')"))


@pytest.mark.parametrize(("options", "code"), OTHERS.values(), ids=OTHERS)
def test_others(follow, place, port, options, code):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "socket"))
        server.listen()
        taken = follow(options.format(port=port.number), in_python(code.format(port=port.number)))
        assert not options.endswith("{port}") or len(taken) == 2


@pytest.mark.parametrize("words", ["exec /bin/true", "cd d && exec ../program"])
def test_a_program_that_is_not_python(follow, words):
    """Refused by the kernel."""
    assert follow("--no-subprocess", ["sh", "-c", words])[1::2] == ["--allow-run"]


@pytest.mark.parametrize("path", ["/proc/self/oom_score_adj", "/sys/kernel/mm/x"])
def test_no_hint_where_none_would_help(jobs, path):
    done = jobs.guarded("--fs-readonly", "--", *in_python(f"open({path!r}, 'w')"), env=jobs.environ())
    assert [event["hint"] for event in done.of("refused")] == [""] * len(done.refused)
