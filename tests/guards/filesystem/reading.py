"""Ways to read in `place` what the policy keeps from being read: outside ROOT, or hidden. Each leaves it in `result`."""

from guards.filesystem.row import HIDE, ROOT, Row, leaks

ROWS = [
    ("open", "result = open(place + '/file').read()", "read({place}/file)"),
    ("open, binary", "result = open(place + '/file', 'rb').read()", "read({place}/file)"),
    ("io.FileIO", "import io; result = io.FileIO(place + '/file').read()", "read({place}/file)"),
    ("fickle FileIO", "import io; result = io.FileIO(Fickle(place + '/file', free + '/file')).read()", "read({place}/file)"),
    ("pathlib", "import pathlib; result = pathlib.Path(place, 'file').read_text()", "read({place}/file)"),
    ("os.open", "result = os.read(os.open(place + '/file', os.O_RDONLY), 99)", "read({place}/file)"),
    (
        "os.open with flags",
        "result = os.read(os.open(place + '/file', os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), 99)",
        "read({place}/file)",
    ),
    ("a str that lies", "result = open(Liar(place + '/file')).read()", "read({place}/file)"),
    ("bytes that lie", "result = os.read(os.open(BytesLiar(os.fsencode(place + '/file')), os.O_RDONLY), 99)", "read({place}/file)"),
    ("relative", "os.chdir(place); result = open('file').read()", "read({place}/file)"),
    ("relative, to os.open", "os.chdir(place); result = os.read(os.open('file', 0), 99)", "read({place}/file)"),
    ("dot dot", "result = open(root + '/../../place/' + os.path.basename(place) + '/file').read()", "read({place}/file)"),
    ("dir_fd of a path descriptor", "result = os.read(os.open('file', 0, dir_fd=os.open(place, 0o10000000)), 99)", "read({place}/file)"),
    ("descriptor by its link", "result = open('/proc/self/fd/%d' % os.open(place + '/file', 0o10000000)).read()", "read({place}/file)"),
    ("working directory by its link", "os.chdir(place); result = open('/proc/self/cwd/file').read()", "read({place}/file)"),
    ("root by its link", "result = open('/proc/self/root' + place + '/file').read()", "read({place}/file)"),
    ("link", "os.symlink(place + '/file', free + '/l'); result = open(free + '/l').read()", "read({place}/file)"),
    ("link to the directory", "os.symlink(place, free + '/l'); result = open(free + '/l/file').read()", "read({place}/file)"),
    ("a link planted before", "result = open(free + '/planted/file').read()", "read({place}/file)"),
    (
        "read before, then a link",
        "open(free + '/n', 'w').close(); open(free + '/n').close(); os.remove(free + '/n'); os.symlink(place + '/file', free + '/n'); result = open(free + '/n').read()",
        "read({place}/file)",
    ),
    ("open for update", "result = open(place + '/file', 'r+').read()", "write({place}/file)"),
    ("linecache", "import linecache; result = linecache.getline(place + '/file', 1)", "read({place}/file)"),
    ("fileinput", "import fileinput; result = list(fileinput.input(place + '/file'))", "read({place}/file)"),
    (
        "mmap",
        "import mmap; f = open(place + '/file', 'rb'); result = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)[:]",
        "read({place}/file)",
    ),
    (
        "shutil.copy",
        "import shutil; shutil.copy(place + '/file', free + '/copy'); result = open(free + '/copy').read()",
        "read({place}/file)",
    ),
    (
        "configparser",
        "import configparser; c = configparser.ConfigParser(); c.read_file(open(place + '/file.ini')); result = c['s']['k']",
        "read({place}/file.ini)",
    ),
    ("import", "sys.path.insert(0, place); import module_with_needle; result = module_with_needle.VALUE", None),
    (
        "loader",
        "from importlib.machinery import SourceFileLoader as L; result = L('m', place + '/module_with_needle.py').get_data(place + '/module_with_needle.py')",
        "read({place}/module_with_needle.py)",
    ),
    ("runpy", "import runpy; result = runpy.run_path(place + '/module_with_needle.py')['VALUE']", None),
    ("zipimport", "import zipimport; result = zipimport.zipimporter(place + '/archive.zip').get_data('inside.py')", None),
    ("os.rename out", "os.rename(place + '/file', free + '/f'); result = open(free + '/f').read()", "rename({place}/file)"),
    ("os.link out", "os.link(place + '/file', free + '/f'); result = open(free + '/f').read()", "link({place}/file)"),
]
LISTING = [
    ("os.listdir", "result = os.listdir(place)", "list({place})"),
    ("os.listdir, bytes", "result = os.listdir(os.fsencode(place))", "list({place})"),
    ("os.listdir of the working directory", "os.chdir(place); result = os.listdir()", "list({place})"),
    ("os.scandir", "result = [e.name for e in os.scandir(place)]", "list({place})"),
    ("os.walk", "result = list(os.walk(place))", "list({place})"),
    ("glob", "import glob; result = glob.glob(place + '/*')", "list({place})"),
    ("pathlib's iterdir", "import pathlib; result = list(pathlib.Path(place).iterdir())", "list({place})"),
    ("os.readlink", "result = os.readlink(place + '/link-with-needle')", "readlink({place}/link-with-needle)"),
    (
        "os.readlink with dir_fd",
        "result = os.readlink('link-with-needle', dir_fd=os.open(place, 0o10000000))",
        "readlink({place}/link-with-needle)",
    ),
]
XATTRS = [("os.getxattr", "result = os.getxattr(place + '/file', 'user.needle')", "read({place}/file)")]
ENDINGS = {"os.walk": "", "glob": "", "linecache": "", "import": "ImportError", "zipimport": "ImportError|OSError"}
"""Of what passes over what it cannot read, or says so in other words."""


def rows(policy: str, error: str) -> list[Row]:
    found = [(name, code, told or "", ENDINGS.get(name, error)) for name, code, told in ROWS + LISTING]
    return [leaks(name, code, told, policy, error=ending, pypy="lies" not in name) for name, code, told, ending in found]


OUTSIDE = [*rows(ROOT, "FilesystemRefused"), *(leaks(name, code, told, pypy=False) for name, code, told in XATTRS)]
HIDDEN = rows(HIDE, "FileNotFoundError")
