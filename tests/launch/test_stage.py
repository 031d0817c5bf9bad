"""The run directory: what is in it, where it is made, and who may touch it."""

import os
import stat
import subprocess

import pytest
from launch.bare import ROOT, python
from launch.namespaces import run_with_mounts

from hermetic.digest import digest_of
from hermetic.errors import StageError
from hermetic.launch import stage
from hermetic.launch.stage import RunDirectory, places

FILES = {"policy": b"{}", "stub.py": b"pass\n"}
MAKE_ONE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from hermetic.errors import HermeticError
from hermetic.launch import stage
from hermetic.launch.stage import RunDirectory
if sys.argv[3:]:
    stage.places = lambda environ: sys.argv[3:]
try:
    with RunDirectory.create({"large": b"x" * int(sys.argv[2])}, os.environ) as run:
        print(os.path.dirname(run.path), oct(os.stat(run.path).st_mode), run.events, *sorted(os.listdir(run.path)))
except HermeticError as error:
    print(error.exit_code, error)
"""


@pytest.fixture
def place(tmp_path):
    """A directory of ours, and an environment that names it."""
    directory = tmp_path / "runs"
    directory.mkdir()
    return directory


def environ(place):
    return {"TMPDIR": str(place)}


def make_one(size=10, only=(), **environment):
    """A command that makes a run directory, in one of the places `only` if there are any, and the environment for it."""
    return python(MAKE_ONE, ROOT, size, *only), environment


@pytest.mark.parametrize("kept", [True, False])
def test_where_bytecode_could_be_left_something_is_already(place, kept):
    """In the places where Python 2 would leave it; a mount that is read-only lets nobody leave anything."""

    def begun(run):
        run.kept = kept
        return dict.fromkeys(stage.IMPORTED, b"pass\n")

    with RunDirectory.create({}, environ(place), begun) as run:
        found = [os.path.isdir(f"{run.path}/{name}{kind}") for name in stage.IMPORTED for kind in "co"]
    assert found == [not kept] * 4


def test_contents(place):
    with RunDirectory.create(FILES, environ(place)) as run:
        names = ["__pycache__", "events", "manifest", "policy", "run", "scratch", "stub.py", "unix"]
        assert sorted(os.listdir(run.path)) == names
        manifest = (place / run.path / "manifest").read_bytes()
        staged = {"run": b"", **FILES}
        lines = [f"{digest_of(content)} {name}\n" for name, content in sorted(staged.items())]
        assert manifest.decode() == "".join(lines)
        assert run.digest == digest_of(manifest)
        for name, content in staged.items():
            assert (place / run.path / name).read_bytes() == content
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_is_for_its_user_alone_whatever_the_umask(place, umask):
    before = os.umask(umask)
    try:
        run = RunDirectory.create(FILES, environ(place))
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    with run:
        modes = {name: stat.filemode(os.lstat(f"{run.path}/{name}").st_mode) for name in os.listdir(run.path)}
        assert stat.filemode(os.stat(run.path).st_mode) == "drwx------"
        assert modes["events"] == "prw-------"
        assert modes["scratch"] == modes["unix"] == "drwx------"
        assert modes["policy"] == modes["manifest"] == modes["run"] == "-r--------"
        assert modes["__pycache__"] == "dr-x------"


def test_events(place):
    with RunDirectory.create(FILES, environ(place)) as run:
        status = os.stat(f"{run.path}/events")
        assert (status.st_dev, status.st_ino) == run.identity
        with pytest.raises(BlockingIOError):
            os.read(run.events, 10)
        for text in (b"one", b"two"):
            with open(f"{run.path}/events", "wb") as file:
                file.write(text)
            assert os.read(run.events, 10) == text
        with pytest.raises(BlockingIOError):  # and not the end, although the writer has gone
            os.read(run.events, 10)


def test_descriptors_are_not_inherited(place):
    with RunDirectory.create(FILES, environ(place)) as run:
        open_in_child = subprocess.run(["/bin/ls", "-l", "/proc/self/fd"], capture_output=True, check=True, close_fds=False)
        assert run.path.encode() not in open_in_child.stdout


def test_never_takes_the_place_of_a_standard_descriptor(place):
    command, _ = make_one()
    done = subprocess.run(["/bin/sh", "-c", 'exec "$@" <&- 2>&-', "sh", *command], env=environ(place), stdout=subprocess.PIPE, check=True)
    assert int(done.stdout.split()[2]) > 2


def test_names_do_not_repeat_and_short_paths(place):
    with RunDirectory.create({}, environ(place)) as one, RunDirectory.create({}, environ(place)) as other:
        assert one.path != other.path
        assert len(os.path.basename(one.path)) == 21


@pytest.mark.parametrize("name", ["with spaces", "ünïcode", "with 'quotes' and $x", "bytes-\udcff"])
def test_place_with_an_odd_name(place, name):
    odd = place / name
    odd.mkdir()
    with RunDirectory.create(FILES, environ(odd)) as run:
        assert os.path.dirname(run.path) == str(odd)


@pytest.mark.parametrize("kind", ["missing", "colon:", "line\nbreak", "file", "dangling link", "relative"])
def test_place_that_cannot_be_used_is_passed_over(place, kind):
    odd = place / kind
    if kind == "file":
        odd.write_bytes(b"")
    elif kind == "dangling link":
        odd.symlink_to("nowhere")
    elif kind == "relative":
        odd = kind
    elif kind != "missing":
        odd.mkdir()
    with RunDirectory.create(FILES, environ(odd)) as run:
        assert os.path.dirname(run.path) == os.path.realpath("/tmp")


def test_link_to_a_place_is_followed_once(place):
    real = place / "real"
    real.mkdir()
    (place / "link").symlink_to(real)
    with RunDirectory.create(FILES, environ(place / "link")) as run:
        assert os.path.dirname(run.path) == str(real)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_place_of_another_user_is_passed_over(place):
    os.chown(place, 12345, 12345)
    with RunDirectory.create(FILES, environ(place)) as run:
        assert os.path.dirname(run.path) == os.path.realpath("/tmp")


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_place_that_others_can_write_to_is_the_last_choice(place, monkeypatch, mode):
    place.chmod(mode)
    with RunDirectory.create(FILES, environ(place)) as run:
        assert os.path.dirname(run.path) == os.path.realpath("/tmp")
    monkeypatch.setattr(stage, "places", lambda environ: [str(place)])
    with RunDirectory.create(FILES, {}) as run:
        assert os.path.dirname(run.path) == str(place)
    place.chmod(0o1777)
    with RunDirectory.create(FILES, {}) as run:
        assert os.path.dirname(run.path) == str(place)


def test_places_in_their_order():
    full = {"TMPDIR": "/usr", "XDG_RUNTIME_DIR": "/opt", "XDG_CACHE_HOME": "/srv", "HOME": "/root"}
    assert list(places(full)) == ["/usr", "/tmp", "/var/tmp", "/opt", "/srv"]
    assert list(places({"HOME": "/root"})) == ["/tmp", "/var/tmp", "/root/.cache"]
    assert list(places({"TMPDIR": "", "HOME": ""})) == ["/tmp", "/var/tmp"]
    assert list(places({"TMPDIR": "/tmp/../tmp/"})) == ["/tmp", "/var/tmp"]


def test_working_directory_that_was_removed(place, monkeypatch):
    gone = place / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with RunDirectory.create(FILES, {"TMPDIR": "relative"}) as run:
        assert os.path.dirname(run.path) == os.path.realpath("/tmp")


def test_no_place_at_all_is_one_clear_line(monkeypatch, tmp_path):
    nowhere = str(tmp_path / "nowhere")
    monkeypatch.setattr(stage, "places", lambda environ: [nowhere, "/etc/passwd", "/co:lon"])
    with pytest.raises(StageError) as caught:
        RunDirectory.create(FILES, {})
    assert caught.value.exit_code == 125
    assert str(caught.value) == (
        f"there is no place for the run directory: {nowhere}: No such file or directory; /etc/passwd: Not a directory; "
        "/co:lon: PYTHONPATH cannot hold a path with a colon or a line break (set TMPDIR to a directory of yours)"
    )


def test_full_disk_is_passed_over():
    command, env = make_one(size=100_000, TMPDIR="/mnt")
    done = run_with_mounts("mount -t tmpfs -o size=32k none /mnt; ls /mnt", command, env=env)
    assert done.stdout.startswith(b"/tmp "), done


@pytest.mark.parametrize("options", ["ro", "size=32k", "nr_inodes=4"])
def test_every_place_is_full_or_read_only(options):
    command, env = make_one(size=100_000, only=["/mnt"])
    done = run_with_mounts(f"mount -t tmpfs -o mode=755,{options} none /mnt", command, env=env)
    why = b"Read-only file system" if options == "ro" else b"No space left on device"
    assert done.stdout == b"125 there is no place for the run directory: /mnt: " + why + b" (set TMPDIR to a directory of yours)\n", done


def test_nothing_is_left_on_a_full_disk():
    command, env = make_one(size=100_000, TMPDIR="/mnt")
    script = 'mount -t tmpfs -o size=32k,mode=755 none /mnt; "$@" >&2; set -- ls -A /mnt'
    done = run_with_mounts(script, command, env=env)
    assert (done.stdout, done.stderr[:5]) == (b"", b"/tmp "), done


def test_noexec_is_good_enough():
    command, env = make_one(TMPDIR="/mnt")
    done = run_with_mounts("mount -t tmpfs -o noexec,mode=755 none /mnt", command, env=env)
    assert done.stdout.startswith(b"/mnt 0o40700"), done


def test_in_a_user_namespace_where_root_is_unmapped():
    """There /tmp belongs to nobody, as far as one can see."""
    command, env = make_one()
    done = subprocess.run(["unshare", "--user", "--map-user=1234", *command], env=env, capture_output=True)
    if done.returncode:
        pytest.skip("user namespaces are not permitted here")
    assert done.stdout.startswith(b"/tmp 0o40700"), done


def test_name_that_is_taken_is_not_used(place, monkeypatch):
    """Not even if somebody could foresee it."""
    names = iter([b"\0" * 6, b"\0" * 6, b"\1" * 6])
    (place / "hermetic-000000000000").mkdir()
    monkeypatch.setattr(os, "urandom", lambda number: next(names, b"rest"))
    with RunDirectory.create(FILES, environ(place)) as run:
        assert run.path.endswith("hermetic-010101010101")
