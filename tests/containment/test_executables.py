"""Which programs can be started where some are listed: Landlock's right to execute, and how far it holds."""

import os

import pytest
from containment.places import USERS, places, snippets

STARTS = {
    "a listed program": "subprocess.run(['true'], check=True)",
    "a listed script": "subprocess.run([base + '/out/script'], check=True)",
    "a listed script through env": "subprocess.run([base + '/out/through-env'], check=True)",
    "a fork": "if not os.fork(): os._exit(0)",
    "the interpreter": "subprocess.run([sys.executable, '-c', 'pass'], check=True)",
}
"""The last, because the kernel cannot tell the first start of the target from another."""

REFUSED = {
    "another program": "subprocess.run(['id'], check=True, stdout=-3)",
    "a shell": "subprocess.run(['bash', '-c', 'true'], check=True)",
    "by a link": "os.symlink('/usr/bin/id', base + '/out/link-to-id'); subprocess.run([base + '/out/link-to-id'], stdout=-3)",
    "a copy": "import shutil; shutil.copy('/usr/bin/id', base + '/out/copy'); subprocess.run([base + '/out/copy'], stdout=-3)",
    "a hard link": "os.link(base + '/out/other', base + '/out/hard'); subprocess.run([base + '/out/hard'])",
    "a script that is not listed": "subprocess.run([base + '/out/other'])",
    "by descriptor": "os.execve(os.open('/usr/bin/id', os.O_RDONLY), ['id'], {})",
    "by posix_spawn": "os.waitpid(os.posix_spawn('/usr/bin/id', ['id'], {}), 0)",
}
HOLES = {
    "by the loader": "subprocess.run([LOADER, '/usr/bin/id'], check=True, stdout=-3)",
    "from memory": "file = os.memfd_create('id'); os.write(file, open('/usr/bin/id', 'rb').read())\n"
    "subprocess.run(['/proc/self/fd/%d' % file], pass_fds=[file], check=True, stdout=-3)",
}
"""The gap named `loader`."""

LOADER = "import glob; LOADER = (glob.glob('/lib64/ld-linux*') + glob.glob('/lib/ld-*'))[0]\n"
SNIPPETS = STARTS | REFUSED | {name: LOADER + source for name, source in HOLES.items()}
WAYS = {"bare": {"bare": True}, "mounts": {"namespaced": True}, "alone": {"namespaced": False}}

pytestmark = pytest.mark.xdist_group("executables")


@pytest.fixture(scope="module", params=USERS)
def ended(request):
    """Of one user: way to snippet to how it ended."""
    return {way: started(request.param, more) for way, more in WAYS.items()}


def started(user, more):
    with places(user) as tree:
        for name, first in {"script": "/bin/sh", "through-env": "/usr/bin/env sh", "other": "/bin/sh"}.items():
            with open(tree / f"out/{name}", "w") as file:
                file.write(f"#!{first}\nexit 0\n")
            os.chmod(tree / f"out/{name}", 0o755)
            os.chown(tree / f"out/{name}", tree.user, tree.user)
        listed = [os.path.realpath("/usr/bin/true"), tree / "out/script", tree / "out/through-env"]
        return snippets(tree, {"policy": {"subprocess": {"run": listed}}, "run": tree / "run", **more}, SNIPPETS)


@pytest.mark.parametrize("name", [*STARTS, *HOLES])
def test_what_starts(ended, name):
    assert [ended[way][name] for way in WAYS] == ["done"] * 3


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_start(ended, name):
    assert ended["bare"][name] in ("done", "exit code 0")
    for way in ("mounts", "alone"):
        assert ended[way][name].startswith("PermissionError: [Errno 13]")
