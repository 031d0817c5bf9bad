"""What is left running when the launcher was killed finds no names any more and connects to nobody, also to what it was allowed: nobody answers."""

from __future__ import annotations

import pytest
from conftest import find_python
from launch.test_names import OPTIONS, Names

LEFT = """
import os, socket, sys, time
launcher = os.getppid()
if os.fork():
    print("ready", flush=True)
    time.sleep(60)
os.setsid()
while sys.argv[2] == "killed" and os.path.exists("/proc/%d" % launcher): time.sleep(.01)
found = []
for host in ("8.8.4.4" if sys.argv[3] == "address" else "app.test",) * 2:
    try: socket.create_connection((host, 80), 5); found.append("let")
    except OSError as error: found.append("refused")
open(sys.argv[1], "w").write(" ".join(found))
"""
DRIVE = """
import os, signal, subprocess, sys, tempfile, time
how, what, *command = sys.argv[1:]
with tempfile.TemporaryDirectory() as directory:
    result = directory + "/result"
    run = subprocess.Popen([*command, result, how, what], stdout=subprocess.PIPE, start_new_session=True)
    assert run.stdout.readline() == b"ready\\n"
    if how == "killed":
        run.kill()
        run.wait()  # else it is there still
    until = time.monotonic() + 40
    while not (os.path.exists(result) and os.path.getsize(result)) and time.monotonic() < until: time.sleep(.05)
    print(open(result).read())
    run.terminate()
    run.wait()
"""


@pytest.mark.parametrize("layer", ["both", "kernel"])
def test_without_the_launcher_no_name_is_found(among_names: Names, hermetic_command: str, layer: str) -> None:
    """A program that no guard is in, and Python in both layers; while the launcher is there the same is let."""
    python = "/usr/bin/python3"
    program = [python] if layer == "both" else ["env", "-u", "PYTHONPATH", python, "-I"]
    command = [hermetic_command, "--no-network", *OPTIONS, "--allow-address=8.8.4.4:80", "--", *program, "-c", LEFT]
    commands = {
        f"{how} {what}": [str(find_python("3.11").path), "-c", DRIVE, how, what, *command]
        for how in ("alive", "killed")
        for what in ("address", "name")
    }
    found = among_names(commands)
    for what, asked in (("address", []), ("name", ["app.test"])):
        assert found[f"alive {what}"][1:] == ["let let\n", asked], found
        _, out, seen = found[f"killed {what}"]
        assert (out.splitlines()[-1], seen) == ("refused refused", []), found
