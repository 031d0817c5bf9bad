"""A directory is emptied whatever is in it, and nothing outside it is touched."""

import os

import pytest
from launch.bare import ROOT, python
from launch.namespaces import run_with_mounts

from hermetic.launch.removal import emptying

EMPTY = """
import os, sys
sys.path.insert(0, sys.argv[1])
from hermetic.launch.removal import emptying
for _ in emptying(os.open("/mnt/top", os.O_RDONLY), ""):
    pass
print(os.listdir("/mnt/top"), os.listdir("/mnt/outside"))
"""


def emptied(path, last=""):
    """What is left, and the number of steps."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        steps = sum(1 for _ in emptying(descriptor, last))
    finally:
        os.close(descriptor)
    return os.listdir(path), steps


def test_files_links_and_directories(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    top = tmp_path / "top"
    (top / "a/b/c").mkdir(parents=True)
    (top / "a/file").write_text("")
    (top / "a/link").symlink_to(outside)
    (top / "a/b/other").symlink_to(outside / "kept")
    (top / "dangling").symlink_to("nowhere")
    os.mkfifo(top / "a/b/fifo")
    os.link(outside / "kept", top / "a/hard")
    assert emptied(top)[0] == []
    assert (outside / "kept").read_text() == "kept"


def test_deeper_than_recursion_and_paths_can_go(tmp_path):
    depth = 5000
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        os.close(os.open("f", os.O_CREAT, dir_fd=here))
        here, parent = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(parent)
    os.close(here)
    left, steps = emptied(tmp_path)
    assert left == []
    assert steps < 10 * depth


def test_wide(tmp_path):
    for number in range(3000):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "sub").mkdir()
    assert emptied(tmp_path)[0] == []


def test_directories_that_may_not_be_read_or_changed(as_nobody):
    for number, mode in enumerate((0o000, 0o100, 0o400, 0o500, 0o600)):
        directory = as_nobody / f"d{number}"
        (directory / "inner").mkdir(parents=True)
        (directory / "inner/file").touch()
        (directory / "inner").chmod(mode)
        directory.chmod(mode)
    as_nobody.chmod(0o500)
    descriptor = os.open(as_nobody, os.O_RDONLY)
    for _ in emptying(descriptor, ""):
        pass
    assert os.listdir(descriptor) == []
    os.close(descriptor)


def test_what_cannot_be_removed_ends_it(tmp_path, monkeypatch):
    (tmp_path / "a/stuck").mkdir(parents=True)
    (tmp_path / "a/stuck/file").touch()
    unlink = os.unlink

    def refuse(name, **more):
        if name == "file":
            raise PermissionError
        unlink(name, **more)

    monkeypatch.setattr(os, "unlink", refuse)
    left, steps = emptied(tmp_path)
    assert len(left) == 1
    assert steps < 50


def test_one_entry_is_kept_for_the_end(tmp_path):
    for name in ("a", "b", "last", "z"):
        (tmp_path / name).touch()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    seen = [sorted(os.listdir(tmp_path)) for _ in emptying(descriptor, "last")]
    os.close(descriptor)
    assert all("last" in names for names in seen)
    assert os.listdir(tmp_path) == []


def test_an_entry_kept_for_the_end_may_have_become_anything(tmp_path):
    (tmp_path / "last/deep").mkdir(parents=True)
    assert emptied(tmp_path, "last")[0] == []


@pytest.mark.parametrize("where", ["/mnt/top/mounted", "/mnt/top/deep/er/mounted"])
def test_mount_points_are_not_entered(where):
    script = f"mount -t tmpfs none /mnt; mkdir -p /mnt/outside/kept /mnt/top {where}; touch /mnt/top/file\n"
    script += f"mount --bind /mnt/outside {where}"
    done = run_with_mounts(script, python(EMPTY, ROOT))
    left, outside = done.stdout.decode().split("] [")
    assert "kept" in outside, done
    assert left.count("'") == 2  # the directory that holds the mount point, or the mount point itself
