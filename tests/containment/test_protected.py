"""What is protected, and programs that are not Python: the kernel alone holds it, whatever may be written, and as root, too."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from containment.places import USERS, places, run
from hermetic_guard.policy import Filesystem, Policy

from hermetic.linux import surroundings
from hermetic.linux.here import Here

PROTECTED = ("hooks", "project/file", "to-file", "project/*.pth", "project/deep/er/file", "project/absent")
"""Below `out`; `to-file` is a link."""

ATTEMPTS = [
    # what is tried there, and what the protected would be afterwards
    "echo x >> project/file",
    "echo x > to-file",
    "chmod 777 project/file",
    "touch -d 2001-01-01 project/file",
    "rm project/file",
    "mv project/file project/other",
    "echo x > project/other && mv project/other project/file",
    "ln project/file project/other && echo x > project/other",
    "echo x > hooks/new",
    "mkdir hooks/new",
    "mv hooks moved",
    "echo x > project/a.pth",
    "rm project/a.pth",
    "rm to-file",
    "ln -sfn /dev/null to-file",
    "mv to-file other",
    "mv project moved",
    "mv project/deep moved",
    "mv project/deep/er moved",
    "rm -r project",
    'perl -e \'rename "project/deep", "moved" or die\'',
]
BESIDE = (
    "echo x > project/new && mkdir project/d && mv project/d project/e && rm -r project/e && echo x > beside && echo x > project/deep/new"
)


@pytest.fixture(params=USERS)
def tree(request):
    with places(request.param) as tree:
        yield tree


def lay(tree):
    out = Path(tree / "out")
    for name in ("hooks/hook", "project/file", "project/a.pth", "project/deep/er/file"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(name)
    (out / "to-file").symlink_to("project/file")
    subprocess.run(["chown", "-hR", f"{tree.user}:{tree.user}", out], check=True)


def state(tree):
    out = Path(tree / "out")
    kept = [out, *(out / name for name in ("hooks", "project", "to-file", "project/file", "project/a.pth", "project/deep/er/file"))]
    kept += sorted((out / "hooks").rglob("*")) if (out / "hooks").is_dir() else []
    return [(str(path), content(path)) for path in kept[1:]]


def content(path):
    try:
        about = path.lstat()
    except OSError as error:
        return type(error).__name__
    if path.is_symlink():
        return os.readlink(path), path.read_text() if path.exists() else ""
    return (
        (about.st_ino, about.st_mode, about.st_nlink)
        if path.is_dir()
        else (about.st_ino, about.st_mode, about.st_nlink, about.st_mtime, path.read_text())
    )


def described(tree, write, **more):
    rules = {"write": write, "protect": [tree / f"out/{name}" for name in PROTECTED]}
    return {"policy": {"filesystem": rules}, "run": tree / "run", "namespaced": True, **more}


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("where", ["out", "all"])
def test_stays_as_it_is(tree, attempt, where):
    """With its control: without rules it does not."""
    lay(tree)
    write = [tree / "out"] if where == "out" else ["/"]
    before = state(tree)
    done = run(tree, described(tree, write), "/bin/sh", "-c", attempt)
    assert done.returncode not in (0, 99), done.stderr
    assert state(tree) == before
    assert run(tree, described(tree, write, bare=True), "/bin/sh", "-c", attempt).returncode == 0
    assert state(tree) != before


def test_all_else_can_be_changed(tree):
    lay(tree)
    for write in ([tree / "out"], ["/"]):
        done = run(tree, described(tree, write), "/bin/sh", "-c", f"{BESIDE} && cat to-file hooks/hook && readlink to-file")
        assert (done.returncode, done.stdout) == (0, "project/filehooks/hookproject/file\n"), done.stderr
        assert (Path(tree / "out/beside")).exists()
        assert (Path(tree / "out/project/new")).exists()


def test_names_that_are_not_there_can_be_made(tree):
    """The gap that is told of: the Python layer alone refuses these."""
    lay(tree)
    assert run(tree, described(tree, [tree / "out"]), "/bin/sh", "-c", "echo x > project/new.pth && mkdir project/absent").returncode == 0


def test_by_another_mount(tree):
    """A bind mount shows it at a second path."""
    lay(tree)
    os.mkdir(tree / "out/second")
    subprocess.run(["chown", str(tree.user), tree / "out/second"], check=True)
    from containment.places import as_user, confined

    script = f'mount --bind {tree}/out/project {tree}/out/second && exec "$@"'
    for bare, expected in ((True, 0), (False, 2)):
        command = [*as_user(tree.user), *confined(described(tree, [tree / "out"], bare=bare), "/bin/sh", "-c", "echo x >> second/file")]
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", *command], capture_output=True, text=True, cwd=tree / "out")
        if "permission denied" in done.stderr and bare:
            pytest.skip("mount is not permitted here")
        assert done.returncode == expected, done.stderr


def test_what_is_there_of_it(tmp_path):
    for name in ("a.pth", "b.pth", "c"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to("nowhere")
    places = tuple(f"{tmp_path}/{name}" for name in ("*.pth", "a.pth", "c", "link", "absent", "none*"))
    here = Here(machine="x86_64", root=False, namespaced=True)
    around = surroundings.look(Policy(filesystem=Filesystem(write=(str(tmp_path),), protect=places)), here)
    assert set(around.protected) == {f"{tmp_path}/{name}" for name in ("a.pth", "b.pth", "c", "link")}
    assert around.links == (f"{tmp_path}/link",)


def test_without_a_namespace_it_does_not_hold(tree):
    """The other gap that is told of: Landlock takes nothing out of what it grants."""
    lay(tree)
    specification = described(tree, [tree / "out"]) | {"namespaced": False}
    assert run(tree, specification, "/bin/sh", "-c", "echo x >> project/file").returncode == 0
    assert (Path(tree / "out/project/file")).read_text() != "project/file"
