"""What is hidden: looked for in vain, which is noted and is no violation; without mounts of the run's own native code sees it, and cannot read it."""

import sys

import pytest
from launch.container import container

LOOK = """
import errno, os, sys
def tell(what, call):
    try:
        print(what, call())
    except OSError as error:
        print(what, type(error).__name__, errno.errorcode[error.errno])
tell("read", lambda: open("secret").read())
tell("read in", lambda: open("secrets/key").read())
tell("through a link", lambda: open("link").read())
tell("by another way", lambda: open("secrets/../secret").read())
tell("write", lambda: open("secret", "w"))
tell("make", lambda: open("secrets/new", "w"))
tell("read beside", lambda: open("beside").read())
tell("read what is not there", lambda: open("nothing").read())
"""
BARE = """\
read s3cret
read in s3cret
through a link s3cret
by another way s3cret
read beside plain
read what is not there FileNotFoundError ENOENT
"""
HIDDEN = """\
read FileNotFoundError ENOENT
read in FileNotFoundError ENOENT
through a link FileNotFoundError ENOENT
by another way FileNotFoundError ENOENT
write FileNotFoundError ENOENT
make FileNotFoundError ENOENT
read beside plain
read what is not there FileNotFoundError ENOENT
"""
WAYS = {"mounts": [], "no namespaces": container("unshare", "mount")}
HIDE = ["--fs-readonly", "--hide", "secret", "--hide", "secrets"]


@pytest.fixture
def env(jobs):
    directory = jobs.directory
    (directory / "secrets").mkdir()
    for name in ("secret", "secrets/key"):
        (directory / name).write_text("s3cret")
    (directory / "link").symlink_to("secret")
    (directory / "beside").write_text("plain")
    return jobs.environ()


def looks(done):
    return [f"{event['action']}({event['target'].rpartition('/')[2]})" for event in done.of("hidden")]


@pytest.mark.pythons("full")
@pytest.mark.parametrize("way", WAYS)
def test_it_is_noted_and_not_counted(jobs, env, python, way):
    reading = "\n".join(line for line in LOOK.splitlines() if not line.startswith(('tell("write', 'tell("make')))
    assert jobs.native(python.path, "-c", reading, env=env).out == BARE, "control"
    done = jobs.guarded(*HIDE, "--strict", "--", python.path, "-c", LOOK, env=env, before=WAYS[way])
    assert (done.code, done.out, done.err) == (0, HIDDEN, "")
    assert looks(done) == ["read(secret)", "read(key)", "read(secret)", "read(secret)", "write(secret)", "write(new)"]
    assert [event["blocked"] for event in done.of("end")] == [{}]
    assert (jobs.directory / "secret").read_text() == "s3cret"


@pytest.mark.parametrize("way", WAYS)
def test_it_ends_nobody(jobs, env, way):
    for manner in ("kill", "raise"):
        done = jobs.guarded(*HIDE, "--on-violation", manner, "--", sys.executable, "-c", LOOK, env=env, before=WAYS[way])
        assert (done.code, done.out, done.err) == (0, HIDDEN, "")
    write = "open('beside', 'w')"
    assert jobs.guarded(*HIDE, "--on-violation", "kill", "--", sys.executable, "-c", write, env=env, before=WAYS[way]).code == 77


def test_trace_shows_it(jobs, env):
    code = "try: open('secret')\nexcept OSError: pass"
    done = jobs.guarded(*HIDE, "--trace", "--", sys.executable, "-c", code, env=env)
    assert (done.code, done.err) == (0, f"hermetic: hidden: read({jobs.directory}/secret)\n  asked by  <string>:1\n")


SHELL = "cat secret; cat secrets/key; cat link; cat beside; ls secrets; exec cat < secret"


def test_of_native_code(jobs, env):
    assert jobs.native("sh", "-c", SHELL, env=env).out == "s3crets3crets3cretplainkey\ns3cret"
    done = jobs.guarded(*HIDE, "--", "sh", "-c", SHELL, env=env)
    assert (done.out, done.err.count("No such file"), "s3cret" in done.err) == ("plain", 4, False)
    assert "filesystem: partial (what is hidden shows again where somebody outside replaces it)" in done.err


@pytest.mark.parametrize("root", ["", "=."])
def test_of_native_code_without_namespaces(jobs, env, root):
    """Landlock grants what is beside it: its name is still there."""
    words = [f"--fs-readonly{root}", *HIDE[1:], "--", "sh", "-c", SHELL]
    done = jobs.guarded(*words, env=env, before=WAYS["no namespaces"])
    assert (done.out, done.err.count("Permission denied"), "s3cret" in done.err) == ("plainkey\n", 4, False)
    assert "what is hidden is seen to be there, though not read" in done.err
    assert "what is hidden can be read" not in done.err


def test_in_what_may_be_written_native_code_can_read_it_without_namespaces(jobs, env):
    done = jobs.guarded(*HIDE, "--allow-write", ".", "--", "cat", "secret", env=env, before=WAYS["no namespaces"])
    assert done.out == "s3cret"
    assert "what is hidden can be read" in done.err


def test_of_what_native_code_reads_anyway(jobs, env):
    """With a ROOT, what libraries read is granted besides: not what is hidden of that."""
    words = ["--fs-readonly=/usr", "--hide", "/etc/passwd", "--", "cat", "/etc/passwd"]
    assert "root:" in jobs.guarded(words[0], *words[3:], env=env, cwd="/").out, "control"
    for way in WAYS.values():
        done = jobs.guarded(*words, env=env, before=way, cwd="/")
        assert (done.out, "No such file" in done.err or "Permission denied" in done.err) == ("", True)
