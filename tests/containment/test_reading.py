"""Reads limited to one tree: what an interpreter needs still works, and nothing of the user's can be read but what is listed."""

import pytest
from containment.places import USERS, places, snippets

ALLOWED = {
    "a listed file": "open(base + '/data/file').read()",
    "a listed directory": "os.listdir(base + '/data')",
    "what may be written": "open(base + '/out/file').read(); open(base + '/out/new', 'w')",
    "the scratch directory": "tempfile.TemporaryFile(dir=base + '/run/scratch')",
    "the run directory": "open(base + '/run/sitecustomize.py').read()",
    "the standard library": "import json, ssl, sqlite3, ctypes, zoneinfo, asyncio, multiprocessing, encodings.idna, lzma, curses, decimal",
    "certificates": "import ssl; assert ssl.create_default_context().get_ca_certs() or os.listdir('/etc/ssl/certs')",
    "time zones": "import zoneinfo; zoneinfo.ZoneInfo('Europe/Vienna'); import time; time.tzset()",
    "names of users": "import pwd; pwd.getpwuid(0)",
    "names of machines": "import socket; socket.getaddrinfo('localhost', 80)",
    "locales": "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')",
    "processors": "assert os.cpu_count() and open('/proc/cpuinfo').read() and open('/sys/devices/system/cpu/online').read()",
    "devices": "open('/dev/urandom', 'rb').read(4); open('/dev/null', 'w').write('x')",
    "programs": "assert subprocess.run(['git', '--version']).returncode == 0",
    "a shell": "assert subprocess.run('test -d / && cat /etc/hosts', shell=True).returncode == 0",
    "another interpreter": "assert subprocess.run([sys.executable, '-c', 'import json']).returncode == 0",
    "a thread": "import threading; threading.Thread(target=print).start()",
    "stdin again": "open('/dev/stdin').read()",
}
REFUSED = {
    "a file beside": "open(base + '/secret').read()",
    "the directory above": "os.listdir(base)",
    "a directory beside": "os.listdir(base + '/secrets')",
    "by a link": "open(base + '/out/to-secret').read()",
    "by the root of the process": "open('/proc/self/root' + base + '/secret').read()",
    "by dots": "open(base + '/data/../secret').read()",
    "the root directory": "os.listdir('/')",
    "all of the configuration": "os.listdir('/etc')",
    "where keys are": "os.listdir('/etc/ssl')",
    "other temporary files": "os.listdir('/tmp')",
    "logs": "os.listdir('/var/log')",
    "what is not listed of /dev": "os.listdir('/dev')",
    "writing what may be read": "open(base + '/data/file', 'w')",
}
WAYS = {"bare": {"bare": True}, "mounts": {"namespaced": True}, "alone": {"namespaced": False}}

pytestmark = pytest.mark.xdist_group("reading")  # so that all is run once


@pytest.fixture(scope="module", params=USERS)
def ended(request):
    """Of one user: way to snippet to how it ended."""
    with places(request.param) as tree:
        rules = {"read": [tree / "data"], "write": [tree / "out", tree / "run/scratch"]}
        described = {"policy": {"filesystem": rules}, "run": tree / "run"}
        return {way: snippets(tree, {**described, **more}, ALLOWED | REFUSED) for way, more in WAYS.items()}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_may_be_read(ended, name):
    assert [ended[way][name] for way in WAYS] == ["done"] * 3


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not_be_read(ended, name):
    assert ended["bare"][name] == "done"
    for way in ("mounts", "alone"):
        assert ended[way][name].startswith(("PermissionError", "OSError: [Errno 30]"))
