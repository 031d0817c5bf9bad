"""What a program that is not Python does as its last act is counted as well, and however much it tries."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

LAST = """
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
int main(void)
{
    static const char question[] = "\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4last\\4test\\0\\0\\1\\0\\1";
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x0a090907)};
    int made = socket(AF_INET, SOCK_DGRAM, 0);
    connect(made, (struct sockaddr *)&server, sizeof server);
    write(made, question, sizeof question - 1);
    _exit(0);
}
"""
STORM = """
#include <pthread.h>
#include <sys/socket.h>
static void *ask(void *_)
{
    for (int times = 0; times < 20; times++)
        socket(AF_PACKET, SOCK_RAW, 0);
    return 0;
}
int main(void)
{
    pthread_t threads[60];
    for (int number = 0; number < 60; number++)
        pthread_create(&threads[number], 0, ask, 0);
    for (int number = 0; number < 60; number++)
        pthread_join(threads[number], 0);
    return 0;
}
"""


@pytest.fixture
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "program.c").write_text(request.param)
    subprocess.run(["cc", "-pthread", "-o", tmp_path / "program", tmp_path / "program.c"], check=True)
    return tmp_path / "program"


@pytest.mark.parametrize(("program", "count", "times"), [(LAST, 1, 10), (STORM, 1200, 1)], indirect=["program"], ids=["last", "storm"])
def test_all_is_counted(hermetic_command: str, program: Path, count: int, times: int) -> None:
    assert subprocess.run([program]).returncode == 0
    for _ in range(times):
        done = subprocess.run([hermetic_command, "--no-network", "--strict", "--", program], capture_output=True, text=True)
        assert re.findall("blocked ([0-9]+) action", done.stderr) == [str(count)], done.stderr
        assert done.returncode == 77


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed, of whom nothing runs yet")
@pytest.mark.parametrize(("most", "code"), [(2, 125), (3, 0)])
def test_no_thread_for_the_launcher(hermetic_command: str, tmp_path: Path, most: int, code: int) -> None:
    """With one process besides its own it may start the target, and supervise nothing."""
    start = ["setpriv", "--reuid", "61003", "--regid", "61003", "--clear-groups", "prlimit", f"--nproc={most}"]
    command = [*start, "env", f"HOME={tmp_path}", hermetic_command, "--no-network", "--", "/bin/true"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert ("no thread can be started" in done.stderr) is (code != 0)
