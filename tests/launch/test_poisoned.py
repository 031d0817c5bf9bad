"""A run that changes what names are found by, as root may where no guard keeps files, does not lead an allowed name to where it likes."""

from __future__ import annotations

import os

import pytest
from launch.test_names import OPTIONS, WITHOUT, Names

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="these are root's files")

CHANGED = "names are found by {}, which is not as it was when the run began: DNS(app.test)"
OWN_RUN = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run; exec "$@"', "sh"]
NSCD = """
import os, socket, subprocess, threading
os.makedirs('/run/nscd', exist_ok=True)
server = socket.socket(1); server.bind('/run/nscd/socket'); server.listen(9)
def serve():
    while True: server.accept()[0].close(); print('asked', flush=True)
threading.Thread(target=serve, daemon=True).start()
print(subprocess.run(['getent', 'ahosts', 'app.test']).returncode)
"""
GET = "curl -sS -m 5 http://app.test/"
ROWS = {
    # what it is started by, what is done; what it leads to without a guard; what is told
    "a line more": ([], ["sh", "-c", f"echo 8.8.4.7 app.test >> /etc/hosts; {GET}"], "served", "network disabled: connect(8.8.4.7:80)"),
    "a name as it is asked": ([], ["sh", "-c", f"echo 8.8.4.7 app.test. > /etc/hosts; {GET}"], "", CHANGED.format("/etc/hosts")),
    "its address": ([], ["sh", "-c", "echo 8.8.4.7 app.test > /etc/hosts; curl -sS http://8.8.4.7/"], "served", "network disabled: connect(8.8.4.7:80)"),
    "there and back": (
        [],
        ["sh", "-c", f"cp /etc/hosts /tmp/kept.$$; echo 8.8.4.7 app.test. > /etc/hosts; cat /tmp/kept.$$ > /etc/hosts; rm /tmp/kept.$$; {GET}"],
        "served",
        CHANGED.format("/etc/hosts"),
    ),
    "another name server": (WITHOUT, ["sh", "-c", f"printf 'nameserver 10.9.8.7\\nnameserver 8.8.4.7\\n' > /etc/resolv.conf; {GET}"], "served", CHANGED.format("/etc/resolv.conf")),
    "a daemon": (OWN_RUN, ["/usr/bin/python3", "-c", NSCD], "asked", CHANGED.format("/var/run/nscd/socket")),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_poisoned(among_names: Names, hermetic_command: str, name: str) -> None:
    start, argv, printed, told = ROWS[name]
    found = among_names({"bare": [*start, *argv], "guarded": [*start, hermetic_command, "--no-network", *OPTIONS, "--", *argv]})
    assert printed in found["bare"][1], found
    _, out, _ = found["guarded"]
    assert told in out, out
    assert out.count("hermetic: blocked action") == 1, out
    assert "served" not in out, out


def test_written_anew(among_names: Names, hermetic_command: str) -> None:
    """As daemons do that renew what was there: names go on being found."""
    argv = ["sh", "-c", f"cp /etc/hosts /tmp/kept.$$; cat /tmp/kept.$$ > /etc/hosts; rm /tmp/kept.$$; sleep 1.2; {GET}"]
    _, out, asked = among_names({"guarded": [hermetic_command, "--no-network", *OPTIONS, "--", *argv]})["guarded"]
    assert ("served" in out, asked) == (True, ["app.test"]), out


def test_with_a_guard_of_files(among_names: Names, hermetic_command: str) -> None:
    argv = ["sh", "-c", f"echo 8.8.4.7 app.test > /etc/hosts; {GET}"]
    _, out, asked = among_names({"guarded": [hermetic_command, "--no-network", "--fs-readonly", *OPTIONS, "--", *argv]})["guarded"]
    assert ("served" in out, asked) == (True, ["app.test"]), out
