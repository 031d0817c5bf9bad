"""A lock on a file that may be read, for which others wait: it takes no right to write."""

import fcntl
import subprocess

import pytest

LOCK = "use Fcntl ':flock'; open my $f, '<', $ARGV[0] or die qq($!\\n); flock $f, LOCK_EX or die qq($!\\n); $| = 1; print qq(begun\\n); <STDIN>"


def others_wait(words, env, file):
    """Whether somebody else has to, while a program under these has the file open."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([*map(str, words), "perl", "-e", LOCK, str(file)], env=env, **pipes) as run:
        run.stdout.readline()
        with open(file, "rb+") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                run.stdin.close()
    return False


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="README: A file that may be read can be locked (flock), and who waits for that waits for the run",
)
def test_nobody_waits_for_a_run(hermetic_command, env, place):
    (place / "file").touch()
    if not others_wait([], env, place / "file"):
        pytest.fail("a lock is not seen")
    assert not others_wait([hermetic_command, "--fs-readonly", "--"], env, place / "file")
