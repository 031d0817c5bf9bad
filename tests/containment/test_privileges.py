"""What is given up for good: capabilities however they came, core files, and memory that becomes code."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
from containment.places import PYTHON, confined, places

ROOT = Path(__file__).resolve().parents[2]
SETS = """
fields = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(*(int(fields["Cap" + name], 16) for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")), fields["NoNewPrivs"].strip())
"""
WAYS = {
    "root": [],
    "user with ambient capabilities": [
        "--reuid=12345",
        "--regid=12345",
        "--clear-groups",
        "--inh-caps=+net_raw",
        "--ambient-caps=+net_raw",
    ],
    "root with few capabilities": ["--bounding-set=-all,+chown,+net_raw"],
    "root without the right to drop": ["--bounding-set=-setpcap"],
}


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed")
@pytest.mark.parametrize("way", WAYS)
def test_capabilities(way):
    """The bounding set can be emptied by who has CAP_SETPCAP only; without it nothing comes back either, as no file may bring any."""
    with places("user" if "user" in way else "root") as tree:
        before = ["setpriv", *WAYS[way]] if WAYS[way] else []
        specification = {"policy": {"network": {}}, "namespaced": False}
        bare, done = (
            subprocess.run(
                [*before, *confined({**specification, **more}, PYTHON, "-Ic", SETS)], capture_output=True, text=True, cwd=tree / "out"
            )
            for more in ({"bare": True}, {})
        )
    had, has = bare.stdout.split(), done.stdout.split()
    assert had[1] != "0", bare.stderr
    assert has[:3] + has[4:] == ["0", "0", "0", "0", "1"], done.stderr
    assert has[3] == ("0" if way == "root" else had[3])


CODE = """
import mmap, sys
sys.path[:0] = sys.argv[1:]
from hermetic.linux import privileges, syscalls
from hermetic.linux.numbers import native
if len(sys.argv) > 3:
    privileges.no_writable_code()
memory = mmap.mmap(-1, 4096)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("both at once")
except OSError as error:
    print(error.strerror)
page = syscalls.call(native("mmap"), 0, 4096, 3, 0x22, -1, 0)
try:
    syscalls.call(native("mprotect"), page, 4096, 5)
    print("one after the other")
except OSError as error:
    print(error.strerror)
"""


def is_known():
    """PR_GET_MDWE."""
    return ctypes.CDLL(None).prctl(66, 0, 0, 0, 0) >= 0


def test_memory_that_becomes_code():
    command = [sys.executable, "-ISc", CODE, str(ROOT), str(ROOT / "bootstrap")]
    bare, done = (subprocess.run([*command, *more], capture_output=True, text=True) for more in ([], ["held"]))
    assert bare.stdout == "both at once\none after the other\n", bare.stderr
    if not is_known():
        pytest.skip("PR_SET_MDWE is not known here (Linux 6.3)")
    assert done.stdout == "Permission denied\nPermission denied\n", done.stderr


@pytest.mark.parametrize("policy", [{"network": {}}, {"subprocess": {}}], ids=lambda policy: next(iter(policy)))
@pytest.mark.parametrize("bare", [True, False], ids=["bare", "confined"])
def test_no_core_file(policy, bare):
    """Not even where the soft limit is raised again."""
    code = "import os, resource as r; r.setrlimit(r.RLIMIT_CORE, (r.getrlimit(r.RLIMIT_CORE)[1],) * 2); os.abort()"
    if Path("/proc/sys/kernel/core_pattern").read_text().strip() != "core":
        pytest.skip("core files go elsewhere here")
    with places("root" if os.geteuid() == 0 else "user") as tree:
        before = set(os.listdir(tree / "out"))
        command = confined({"policy": policy, "namespaced": False, "bare": bare}, PYTHON, "-Ic", code)
        subprocess.run(command, cwd=tree / "out")
        assert bool(set(os.listdir(tree / "out")) - before) is bare
