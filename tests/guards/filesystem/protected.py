"""What is protected in `place`, where all else may be changed: `inner/below`, `inner/absent/below`, `link`, `file.ini`, `db`, and names that end in `.pth`."""

from guards.filesystem.row import PROTECT, Row

PROTECTED = ("inner/below", "inner/absent/below", "link", "file.ini", "db", "*.pth")


def refused(name, code, told, **more):
    return Row(name, PROTECT, code, "changes", told, **more)


def works(name, code, **more):
    return Row(name, PROTECT, code, "works", error="", **more)


ROWS = [
    refused("written", "f = open(place + '/file.ini', 'a'); f.write('x'); f.close()", "write({place}/file.ini)"),
    refused("its mode", "os.chmod(place + '/file.ini', 0o600)", "change({place}/file.ini)"),
    refused("removed", "os.remove(place + '/file.ini')", "delete({place}/file.ini)"),
    refused("moved", "os.rename(place + '/file.ini', place + '/moved')", "rename({place}/file.ini)"),
    refused("replaced", "os.replace(place + '/file', place + '/file.ini')", "rename({place}/file.ini)"),
    refused("a second name", "os.link(place + '/file.ini', place + '/second')", "link({place}/file.ini)"),
    refused("a link to it", "os.symlink(place + '/file.ini', free + '/l'); open(free + '/l', 'w')", "write({place}/file.ini)"),
    refused("with a descriptor", "os.open('file.ini', os.O_RDWR | os.O_TRUNC, dir_fd=os.open(place, os.O_RDONLY))", "write({place}/file.ini)"),
    refused("a database", "import sqlite3; d = sqlite3.connect(place + '/db'); d.execute('drop table t')", "", error="OperationalError"),
    refused("a new name", "open(place + '/new.pth', 'w')", "write({place}/new.pth)"),
    refused("a new name, moved there", "os.rename(free + '/file', place + '/new.pth')", "rename({place}/new.pth)"),
    refused("a new name, a link", "os.symlink('file', place + '/new.pth')", "create({place}/new.pth)"),
    refused("a new name, a hard link", "os.link(place + '/file', place + '/new.pth')", "link({place}/new.pth)"),
    refused("a new name, a directory", "os.mkdir(place + '/new.pth')", "create({place}/new.pth)"),
    refused("a link removed", "os.remove(place + '/link')", "delete({place}/link)"),
    refused("a link replaced", "os.replace(free + '/link', place + '/link')", "rename({place}/link)"),
    refused("what is above it, moved", "os.rename(place + '/inner', place + '/moved')", "rename({place}/inner)"),
    refused("a tree that brings it", "os.mkdir(free + '/d'); open(free + '/d/below', 'w').close(); os.rename(free + '/d', place + '/inner/absent')", "rename({place}/inner/absent)"),
    refused("a link that brings it", "os.symlink(free, place + '/inner/absent')", "create({place}/inner/absent)"),
    refused("in a directory", "os.mkdir(place + '/inner/below')", "create({place}/inner/below)"),
    works("beside it", "open(place + '/file', 'w').write('x'); os.mkdir(place + '/d'); os.rename(place + '/d', place + '/e'); os.symlink('e', place + '/f')"),
    works("names that are nearly so", "open(place + '/new.pt', 'w'); open(place + '/newpth', 'w'); open(place + '/new.pth.x', 'w')"),
    works("by the link", "open(place + '/link', 'w').write('x')"),
    works("read", "result = open(place + '/file.ini').read()[:3]; os.listdir(place)"),
    works("above it, a directory made", "os.mkdir(place + '/inner/absent'); os.rmdir(place + '/inner/absent')"),
    works("above it, a temporary file", "import tempfile; tempfile.TemporaryFile(dir=place + '/inner').write(b'x')"),
    works("above it, its times", "os.utime(place + '/inner'); os.chmod(place, 0o700)"),
]  # fmt: skip
