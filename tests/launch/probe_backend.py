"""A build backend that tries what no build has a right to, natively too, and says in the wheel it makes what came of it.

It is packed into source trees as a backend in the tree, and runs on whatever Python builds there. PROBE in the environment, or PYTHON_PROBE, which
profiles let pass, says what is tried where:
`{"port": 1, "environment": PATH, "home": PATH, "cache": PATH}`. A variable PIP_LOGIN has what builds are not to know.
"""

import json
import os
import socket
import subprocess
import tempfile

import demo_backend


def outcomes():
    wanted = json.loads(os.environ.get("PROBE") or os.environ["PYTHON_PROBE"])
    found = {"index": attempt(lambda: socket.create_connection(("127.0.0.1", wanted["port"]), timeout=10).close())}
    found["index, natively"] = natively(f"exec 3<>/dev/tcp/127.0.0.1/{wanted['port']}")
    places = {name: wanted[name] for name in ("environment", "home", "cache")}
    for name, place in dict(places, tree=os.getcwd(), scratch=tempfile.gettempdir()).items():
        found[name] = attempt(lambda place=place: open(place + "/by-the-build", "w").close())
        found[name + ", natively"] = natively(f"echo > {place}/by-the-build-natively")
    found.update(of_its_place(os.getcwd()))
    found["variable"] = "done" if "PIP_LOGIN" in os.environ else "refused"
    found["variable, natively"] = natively("cat /proc/$PPID/environ /proc/self/environ | grep -qz ^PIP_LOGIN=")
    found["installer's variable"] = natively(f"grep -qz ^PIP_LOGIN= /proc/{os.getppid()}/environ")
    return found


def of_its_place(tree):
    """What the hooks of other builds find is there, and what this one's next hook is started in."""
    beside, moved = os.path.dirname(tree) + "/by-the-build", tree + "-moved"
    return {
        "beside": attempt(lambda: open(beside, "w").close()),
        "beside, natively": natively(f"echo > {beside}-natively"),
        "moved": attempt(lambda: (os.rename(tree, moved), os.rename(moved, tree))),
        "moved, natively": natively(f"mv {tree} {moved} && mv {moved} {tree}"),
    }


def attempt(function):
    try:
        function()
    except OSError as error:
        return "refused" if isinstance(error, PermissionError) or error.errno == 30 else repr(error)
    return "done"


def natively(script):
    return "refused" if subprocess.call(["bash", "-c", script], stderr=subprocess.DEVNULL) else "done"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name, version, metadata = demo_backend.project()
    modules = {name + ".py": "", "probe_outcomes.json": json.dumps(outcomes())}
    return os.path.basename(demo_backend.write_wheel(wheel_directory, name, version, modules, metadata))
