"""Mounts of a run's own: places in places, the working directory, links put in the way, and kernels that refuse a step."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from containment.places import PYTHON, USERS, as_user, code, confined, places, run

ROOT = Path(__file__).resolve().parents[2]
LOOK = "import os, sys\nfor path in sys.argv[1:]:\n    print(os.path.basename(path), *sorted(os.listdir(path)))"


@pytest.fixture(params=USERS)
def tree(request):
    with places(request.param) as tree:
        yield tree


def described(tree, **rules):
    return {"policy": {"filesystem": rules}, "run": tree / "run", "namespaced": True}


def test_launcher_that_is_not_dumpable(tree):
    """As the real one is, so that its child cannot write its own /proc/self/uid_map before it says otherwise; the target can again."""
    source = "print(len(open('/proc/self/environ').read()) > 10)"
    assert code(tree, {**described(tree), "hardened": True}, source) == "True\n"


def test_run_directory_in_what_is_hidden(tree):
    source = (
        f"{LOOK}\nopen('{tree}/run/scratch/new', 'w')\nopen('{tree}/run/events', 'r+b', buffering=0)" + "\nopen(sys.argv[1] + '/new', 'w')"
    )
    told = code(tree, described(tree, hide=[tree.base]), source, tree.base, tree / "run", cwd="/")
    assert "Read-only file system" in told
    told = code(tree, described(tree, hide=[tree.base]), LOOK, tree.base, tree / "run", cwd="/")
    assert told.splitlines() == [f"{os.path.basename(tree.base)} run", "run events scratch sitecustomize.py spare.py unix"]


def test_run_directory_in_shared_memory(tree):
    """TMPDIR=/dev/shm is not unheard of; the rest of it is the run's own and empty."""
    run_directory = f"/dev/shm/confined-{os.getpid()}"
    shutil.copytree(tree / "run", run_directory, ignore=lambda *_: ["events"])
    subprocess.run(["chown", "-R", str(tree.user), run_directory], check=True)
    try:
        source = LOOK + "\nopen('/dev/shm/new', 'w')\nopen(sys.argv[2] + '/scratch/new', 'w')"
        told = code(tree, {**described(tree), "run": run_directory}, source, "/dev/shm", run_directory)
        assert told.splitlines() == [
            f"shm {os.path.basename(run_directory)}",
            f"{os.path.basename(run_directory)} scratch sitecustomize.py spare.py unix",
        ]
        assert os.path.exists(f"{run_directory}/scratch/new")
        assert not os.path.exists("/dev/shm/new")
    finally:
        shutil.rmtree(run_directory)


def test_file_in_private_shared_memory(tree):
    path = f"/dev/shm/confined-file-{os.getpid()}"
    with open(path, "w") as file:
        os.fchown(file.fileno(), tree.user, tree.user)
    try:
        assert code(tree, described(tree, write=[path]), f"open('{path}', 'w').write('new')") == ""
        with open(path) as file:
            assert file.read() == "new"
    finally:
        os.unlink(path)


def test_places_that_are_not_there(tree):
    rules = {"write": [tree / "absent", tree / "secret/below", tree / "out"], "hide": [tree / "gone", tree / "absent/x"]}
    assert code(tree, described(tree, **rules), "open('new', 'w'); print('done')") == "done\n"


def test_everything_written(tree):
    """But what keeps the run as it is."""
    specification = {**described(tree, write=["/"]), "protected": [tree / "out/protected"]}
    assert (
        code(
            tree,
            specification,
            f"open('{tree}/data/file', 'w'); open('/dev/shm/x', 'w').close(); os = __import__('os'); os.unlink('/dev/shm/x')",
        )
        == ""
    )
    for path in (tree / "out/protected/module.py", tree / "run/sitecustomize.py", "/proc/self/mem", "/proc/self/comm"):
        assert "Read-only file system" in code(tree, specification, f"open('{path}', 'r+')")


def test_file_that_is_written_in_what_is_not(tree):
    source = f"open('{tree}/data/file', 'w').write('new'); open('{tree}/data/shared', 'w')"
    assert "Read-only file system" in code(tree, described(tree, write=[tree / "data/file"]), source)
    with open(tree / "data/file") as file:
        assert file.read() == "new"


def test_working_directory_in_a_writable_place(tree):
    """What a process stands in is what was there before the mounts, until it enters it anew."""
    assert code(tree, described(tree, write=[tree / "out"]), "open('by-relative-path', 'w')", cwd=tree / "out/folder") == ""
    assert os.path.exists(tree / "out/folder/by-relative-path")
    assert "Read-only file system" in code(tree, described(tree), "open('another', 'w')", cwd=tree / "out/folder")


def test_hidden_working_directory(tree):
    """It is an empty one. In one that is not there any more nothing starts: what lies in it would be in reach."""
    told = code(tree, described(tree, hide=[tree / "secrets"]), "open('key')", cwd=tree / "secrets")
    assert told == "FileNotFoundError: [Errno 2] No such file or directory: 'key'"
    done = run(tree, described(tree, hide=[tree / "data"]), PYTHON, "-Ic", "print(open('inner').read())", cwd=tree / "data/folder")
    assert (done.returncode, done.stdout) == (99, "")
    assert f"chdir {tree}/data/folder" in done.stderr


def test_working_directory_that_is_gone(tree):
    gone = tree / "out/gone"
    command = confined(described(tree, write=[tree / "out"]), PYTHON, "-Ic", "print('done')")
    shell = ["sh", "-c", 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"', gone]
    done = subprocess.run([*as_user(tree.user), *shell, *command], capture_output=True, text=True)
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize("namespaced", [True, False], ids=["mounts", "alone"])
def test_link_in_the_place_of_a_directory(tree, namespaced):
    """The policy named a directory. What has put a link there since does not get what the link leads to."""
    os.rename(tree / "out/folder", tree / "out/elsewhere")
    os.symlink(tree / "data", tree / "out/folder")
    for rules in ({"write": [tree / "out/folder"]}, {"write": [tree / "out/folder/folder"]}):
        done = run(tree, {**described(tree, **rules), "namespaced": namespaced}, PYTHON, "-Ic", "print('started')")
        assert (done.returncode, done.stdout) == (99, "")
        assert "Too many levels of symbolic links: 'openat2" in done.stderr


@pytest.mark.parametrize("namespaced", [True, False], ids=["mounts", "alone"])
def test_link_in_what_may_be_read(tree, namespaced):
    """It stands there as a link; what it leads to has to be listed as well."""
    specification = {**described(tree, read=[tree / "out/to-secret", tree / "data"]), "namespaced": namespaced}
    assert code(tree, specification, f"import os; print(os.readlink('{tree}/out/to-secret'))") == "../secret\n"
    assert code(tree, specification, f"open('{tree}/out/to-secret')").startswith("PermissionError")


def test_link_in_the_place_of_what_is_hidden(tree):
    os.rename(tree / "secret", tree / "data/moved")
    os.symlink(tree / "data/moved", tree / "secret")
    done = run(tree, described(tree, hide=[tree / "secret"]), PYTHON, "-Ic", "print('started')")
    assert (done.returncode, done.stdout) == (99, "")


@functools.cache
def can_mount():
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


def test_hidden_at_its_other_mount(tree):
    """A bind mount shows it at a second path, and part of it at a third."""
    if not can_mount():
        pytest.skip("mount is not permitted here")
    os.mkdir(tree / "data/second")
    os.mkdir(tree / "data/third")
    script = f'mount --bind {tree.base} {tree}/data/second && mount --bind {tree}/secrets {tree}/data/third && exec "$@"'
    seen = [tree / f"data/{name}" for name in ("second/secret", "second/secrets", "third")]
    source = f"import os\nfor path in {seen}: print(os.path.exists(path), os.path.isdir(path) and os.listdir(path))"
    for rules, expected in (
        ({}, "True False\nTrue ['key']\nTrue ['key']\n"),
        ({"hide": [tree / "secret", tree / "secrets"]}, "False False\nTrue []\nTrue []\n"),
    ):
        command = [*as_user(tree.user), *confined(described(tree, **rules), PYTHON, "-Ic", source)]
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *command], capture_output=True, text=True, cwd=tree / "out")
        assert done.stdout == expected, done.stderr


def test_memory_by_another_mount_of_proc(tree):
    if not can_mount():
        pytest.skip("mount is not permitted here")
    source = f"open('{tree}/out/folder/self/mem', 'r+b').close(); print('done')"
    for bare, expected in ((True, "done\n"), (False, "")):
        specification = {"policy": {"network": {}}, "run": tree / "run", "namespaced": True, "bare": bare}
        command = [*as_user(tree.user), *confined(specification, PYTHON, "-Ic", source)]
        script = f'mount -t proc proc {tree}/out/folder && exec "$@"'
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *command], capture_output=True, text=True, cwd=tree / "out")
        assert done.stdout == expected, done.stderr
    assert "Read-only file system" in done.stderr


def test_nothing_reaches_the_outside(tree):
    """The mounts are the run's own, whatever is shared between namespaces."""
    before = Path("/proc/self/mountinfo").read_text()
    script = 'mount --make-rshared / && "$@"; cat /proc/self/mountinfo'
    specification = {**described(tree, write=[tree / "out"], hide=[tree / "secret"]), "protected": [tree / "out/protected"]}
    command = [*as_user(tree.user), *confined(specification, PYTHON, "-Ic", "print('started')")]
    if not can_mount():
        pytest.skip("mount is not permitted here")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *command], capture_output=True, text=True, cwd=tree / "out")
    assert done.stdout.startswith("started\n"), done.stderr
    assert done.stdout.count("\n") == before.count("\n") + 1
    assert tree.base not in done.stdout


REFUSE = 'for kind in mnt ipc user; do echo 0 > /proc/sys/user/max_${kind}_namespaces; done; exec "$@"'


def test_namespaces_that_are_refused(tree):
    """The step is named, and up to it nothing has changed."""
    specification = described(tree, write=[tree / "out"])
    inside = ["unshare", "--user", "--map-root-user", "sh", "-c", REFUSE, "sh"]
    done = subprocess.run(
        [*as_user(tree.user), *inside, *confined(specification, PYTHON, "-Ic", "")], capture_output=True, text=True, cwd=tree / "out"
    )
    assert done.returncode == 99
    assert done.stderr == "confined.py: [Errno 28] No space left on device: 'unshare'\n"


ANOTHER_DOMAIN = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "bootstrap")!r}]
from hermetic.linux import landlock, privileges
privileges.no_new_privileges()
landlock.apply(landlock.Ruleset(landlock.MAKE_BLOCK, 0, 0, (), ()))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_mounts_that_are_refused_afterwards(tree):
    """As AppArmor does it, here a domain. It is another step, after which the process has to end."""
    inner = confined(described(tree, write=[tree / "out"]), PYTHON, "-Ic", "print('started')")
    command = [*as_user(tree.user), PYTHON, "-ISc", ANOTHER_DOMAIN, *inner]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tree / "out")
    assert (done.returncode, done.stdout) == (99, "")
    assert "Operation not permitted: 'move_mount" in done.stderr


def test_mounts_in_another_run(tree):
    """Root has no capability left for them; a user may have a namespace, but not write who is who in it."""
    inner = confined(described(tree, write=[tree / "out"]), PYTHON, "-Ic", "print('started')")
    done = run(tree, {**described(tree, write=[tree / "out"]), "namespaced": False}, *inner)
    assert (done.returncode, done.stdout) == (99, "")
    assert ("'/proc/self/setgroups'" if tree.user else "'unshare'") in done.stderr
