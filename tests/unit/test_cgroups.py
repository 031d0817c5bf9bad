"""Where a control group can be made, on machines of many kinds; and one that is made, here."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from hermetic.linux import cgroups

UNIFIED = "29 23 0:26 / {top} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
PIDS = "39 31 0:36 / {top}/pids rw,relatime - cgroup cgroup rw,pids\n"
MEMORY = "35 31 0:32 /docker/x {top}/memory ro - cgroup cgroup rw,memory\n"


def group(path, **files):
    """A directory as the kernel shows a group; names of files with `__` for a dot."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in {"cgroup__procs": "", "cgroup__subtree_control": "", **files}.items():
        (path / name.replace("__", ".")).write_text(content)
    return path


@pytest.fixture
def delegated(tmp_path):
    """As systemd makes it for a user's terminal: nothing can be switched on in the group with our process in it."""
    group(tmp_path, cgroup__subtree_control="cpu memory pids")
    service = group(tmp_path / "user.slice/user@1.service", cgroup__subtree_control="memory pids", memory__max="max", pids__max="100")
    slice_ = group(service / "app.slice", cgroup__subtree_control="memory pids", memory__max="5000", pids__max="max")
    group(slice_ / "terminal.scope", memory__max="4000", pids__max="max")
    return tmp_path


OWN = "0::/user.slice/user@1.service/app.slice/terminal.scope\n"


def found(controllers, memberships, mounts, top):
    place = cgroups.place(
        controllers.split(), [memberships] if isinstance(memberships, str) else memberships, [line.format(top=top) for line in mounts]
    )
    return place and (os.path.relpath(place.path, top), place.version, place.least)


def test_beside_our_own_where_that_is_delegated(delegated):
    assert found("memory", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service/app.slice", 2, {"memory": 4000})
    assert found("pids", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service/app.slice", 2, {})


def test_both_in_one(delegated):
    assert found("memory pids", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service/app.slice", 2, {"memory": 4000})
    (delegated / "user.slice/user@1.service/app.slice/cgroup.subtree_control").write_text("pids")
    (delegated / "user.slice/user@1.service/app.slice/terminal.scope/pids.max").write_text("7")
    assert found("memory pids", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service", 2, {"memory": 4000, "pids": 7})
    assert found("pids", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service/app.slice", 2, {"pids": 7})


def test_a_limit_on_the_way_up_stays(delegated):
    (delegated / "user.slice/user@1.service/app.slice/cgroup.subtree_control").write_text("")
    assert found("memory", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service", 2, {"memory": 4000})
    (delegated / "user.slice/user@1.service/app.slice/terminal.scope/memory.max").write_text("max")
    assert found("memory", OWN, [UNIFIED], delegated) == ("user.slice/user@1.service", 2, {"memory": 5000})


def test_nowhere_that_the_controller_is_off(delegated):
    for file in delegated.rglob("cgroup.subtree_control"):
        file.write_text("memory\n")
    assert found("memory", OWN, [UNIFIED], delegated) is not None
    assert found("pids", OWN, [UNIFIED], delegated) is None
    assert found("pids", OWN, [], delegated) is None
    assert found("pids", "0::/../elsewhere\n", [UNIFIED], delegated) is None


def test_nowhere_that_is_not_ours():
    top = Path(tempfile.mkdtemp(dir="/tmp"))
    before = os.geteuid()
    try:
        top.chmod(0o755)
        own = group(top / "user.slice/own")
        group(top / "user.slice", cgroup__subtree_control="pids").chmod(0o755)
        assert found("pids", "0::/user.slice/own\n", [UNIFIED], top) == ("user.slice", 2, {}), "control"
        for path in (own.parent, own.parent / "cgroup.procs"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if before == 0:
            os.seteuid(65534)
        assert found("pids", "0::/user.slice/own\n", [UNIFIED], top) is None
    finally:
        os.seteuid(before)
        own.parent.chmod(0o755)
        shutil.rmtree(top)


def test_version_1_below_our_own(tmp_path):
    group(tmp_path / "pids/a")
    group(tmp_path / "memory/b")
    lines = ["12:pids:/a\n", "4:memory:/docker/x/b\n", "0::/\n"]
    mounts = [PIDS, MEMORY, UNIFIED.replace("{top}", "{top}/unified")]
    group(tmp_path / "unified")
    assert found("pids", lines, mounts, tmp_path) == ("pids/a", 1, {})
    assert found("memory", lines, mounts, tmp_path) == ("memory/b", 1, {})


@pytest.mark.parametrize(
    ("version", "controller", "written"),
    [
        (1, "memory", {"memory.limit_in_bytes": "4096", "memory.memsw.limit_in_bytes": "4096"}),
        (2, "memory", {"memory.max": "4096", "memory.swap.max": "0", "memory.oom.group": "1"}),
        (1, "pids", {"pids.max": "4096"}),
        (2, "pids", {"pids.max": "4096"}),
    ],
)
def test_what_is_written(tmp_path, monkeypatch, version, controller, written):
    made = []
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), version, {controller: 10000}))
    monkeypatch.setattr(cgroups.os, "mkdir", mkdir_of(written, made))
    assert list(cgroups.make({controller: 4096}, "run")) == [controller]
    assert {name: (made[0] / name).read_text() for name in written} == written
    assert made[0].name == f"hermetic-run-{controller}"


def mkdir_of(names, made):
    real = os.mkdir

    def mkdir(path, *rest):
        real(path, *rest)
        made.append(Path(path))
        for name in names:
            (Path(path) / name).write_text("")

    return mkdir


def test_a_smaller_limit_above_stays(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), 2, {"pids": 100}))
    monkeypatch.setattr(cgroups.os, "mkdir", mkdir_of(["pids.max"], made))
    cgroups.make({"pids": 4096}, "run")
    assert (made[0] / "pids.max").read_text() == "100"


BOTH = {"memory": 4096, "pids": 5}


def test_of_version_2_there_is_one(tmp_path, monkeypatch):
    """A process is in one only."""
    made = []
    monkeypatch.setattr(cgroups.os, "mkdir", mkdir_of(["pids.max", "memory.max"], made))
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), 2))
    assert {group.path for group in cgroups.make(BOTH, "run").values()} == {str(made[0])}
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), 2) if len(names) == 1 else None)
    assert list(cgroups.make(BOTH, "other")) == ["memory"]


def test_of_version_1_there_are_two(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(cgroups.os, "mkdir", mkdir_of(["pids.max", "memory.limit_in_bytes"], made))
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), 1) if len(names) == 1 else None)
    assert [group.path for group in cgroups.make(BOTH, "run").values()] == list(map(str, made))
    assert len(made) == 2


def test_none_where_it_cannot_be_limited(tmp_path, monkeypatch):
    """It has no such file; what was made is taken away again."""
    monkeypatch.setattr(cgroups, "find", lambda names: cgroups.Place(str(tmp_path), 2))
    assert cgroups.make({"pids": 5, "memory": 5}, "run") == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "controller", "file", "calm", "met"),
    [
        (2, "memory", "memory.events", "low 0\nmax 7\noom 0\noom_kill 0\n", "low 0\nmax 7\noom 1\noom_kill 2\n"),
        (
            1,
            "memory",
            "memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        ),
        (2, "pids", "pids.events", "max 0\n", "max 3\n"),
        (1, "pids", "pids.events", "max 0\n", "max 1\n"),
    ],
)
def test_whether_it_was_met(tmp_path, version, controller, file, calm, met):
    made = cgroups.Group(str(tmp_path), version, controller)
    assert made.was_met() is False
    (tmp_path / file).write_text(calm)
    assert made.was_met() is False
    (tmp_path / file).write_text(met)
    assert made.was_met() is True


def test_what_was_left_is_swept(tmp_path):
    for name in ("hermetic-old-pids", "hermetic-new-pids", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "hermetic-busy-pids").mkdir()
    (tmp_path / "hermetic-busy-pids/process").touch()
    for name in ("hermetic-old-pids", "hermetic-busy-pids", "other"):
        os.utime(tmp_path / name, (0, 0))
    cgroups.sweep(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hermetic-busy-pids", "hermetic-new-pids", "other"]


@pytest.fixture
def unified():
    """A group of version 2, made here and now; no controller is needed to end what is in it."""
    for line in cgroups.mountinfo.lines():
        if " - cgroup2 " in line:
            path = f"{cgroups.mountinfo.read([line])[0].point}/{cgroups.PREFIX}test-{os.getpid()}"
            try:
                os.mkdir(path)
            except OSError:
                continue
            yield cgroups.Group(path, 2, "pids")
            os.rmdir(path)
            return
    pytest.skip("no control group of version 2 can be made here")


def test_what_is_in_it_is_ended(unified):
    with subprocess.Popen(["sleep", "60"]) as process:
        unified.join(process.pid)
        unified.close()
        assert process.wait(10) == -9
