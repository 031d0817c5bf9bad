"""Programs that have their answer all the same are told nothing of: what a C library asks besides, and does without."""

import os
import socket

import pytest
from conftest import find_python

INTERFACE = "import socket; print(socket.if_nametoindex('lo'))"
LOG = "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(sys.argv[1]); s.send(b'x')"


@pytest.mark.parametrize("options", [[], ["--allow-localhost"], ["--allow-domain=a.example"]], ids=str)
@pytest.mark.parametrize("program", ["an interface", "a name of the hosts file"])
def test_nothing_is_told(jobs, options, program):
    python = find_python("3.11").path
    command = (python, "-c", INTERFACE) if program == "an interface" else ("getent", "hosts", "localhost")
    native = jobs.native(*command, env=jobs.environ())
    done = jobs.guarded("--no-network", *options, "--strict", "--", *command, env=jobs.environ())
    told = [line for line in done.err.splitlines() if "no guard of Python" not in line and "kernel" not in line]
    assert (done.code, done.out, done.refused, told) == (0, native.out, [], []), done


@pytest.mark.parametrize("options", [[], ["--allow-localhost"]], ids=str)
@pytest.mark.parametrize("alone", [False, True], ids=["both layers", "a program"])
def test_a_local_datagram_is_told(jobs, tmp_path, options, alone):
    """By the path that it is for, and no option is named: none allows it."""
    path, python = str(tmp_path / "daemon"), find_python("3.11").path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(path)
        daemon.settimeout(5)
        script = tmp_path / "log.sh"
        script.write_text(f'#!/bin/sh\nexec /usr/bin/env -i {python} -IS -c "{LOG}" {path}\n')
        script.chmod(0o755)
        command = (str(script),) if alone else (python, "-c", LOG, path)
        assert jobs.native(*command, env=jobs.environ()).code == 0
        assert daemon.recv(9) == b"x"
        done = jobs.guarded("--no-network", *options, f"--allow-unix={path}" if alone else "--strict", "--", *command, env=jobs.environ())
        assert (done.code != 0, done.refused) == (True, [f"connect(unix:{os.path.realpath(path)})"]), done
        assert [event["hint"] for event in done.of("refused")] == [""]
        daemon.settimeout(0)
        with pytest.raises(BlockingIOError):
            daemon.recv(9)
