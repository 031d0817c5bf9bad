"""Where an interpreter will look for its standard library, which it imports before any guard can stand.

CPython (Modules/getpath.py, getpath.c before 3.11) and PyPy (initpath.py) go by argv[0], whatever is executed: from the directory that it names,
on PATH if it has no slash, else from the working directory, or from the `home` in a pyvenv.cfg there, they search upwards. Only where nothing
is found the place counts that was compiled in. So who chooses argv[0] chooses the library, if nobody compares.

What could be found is told, not what is found first: too much rather than too little. Nothing is listed, for that is an audit event.
"""

import os

from hermetic_guard import files, programs

CONFIGURATION = "pyvenv.cfg"
BUILT = ("pybuilddir.txt", "Modules/Setup", "Modules/Setup.local")
"""What is beside an interpreter where it was built."""

ARCHIVES = tuple("python3%d%s.zip" % (minor, abi) for minor in range(6, 30) for abi in ("", "t"))
FOLDERS = ("python2.7",) + tuple(name % minor for minor in range(6, 30) for name in ("python3.%d", "python3.%dt", "pypy3.%d"))
LIBRARIES = ARCHIVES + FOLDERS


def misleads(argv0: str, program: str, path: str, cwd: str) -> bool:
    """Whether an interpreter that is started with this argv[0] could come upon another library than by its own path.

    program: where it is; path, cwd: PATH and the directory it will start in. Libraries for other versions lead nobody astray.
    """
    taken = taken_for(argv0, path, cwd)
    if taken == program:
        return False
    own = found(program)
    versions = {name for _, name in own}.union([os.path.basename(os.path.realpath(program))] if own else [])
    return any(name not in LIBRARIES or name in versions or not versions for _, name in found(taken) - own)


def taken_for(argv0: str, path: str, cwd: str) -> str:
    """What an interpreter takes for its own path; where there is nothing, it begins in the working directory."""
    if "/" not in argv0:
        for folder in path.split(":"):
            file = os.path.join(cwd, folder, argv0)
            if os.path.isfile(file) and os.access(file, os.X_OK):
                return file
    return os.path.join(cwd, argv0)


def found(file: str) -> "set[tuple[str, str]]":
    """The libraries that can be found from an interpreter's path, and for each the name that says of which version it is."""
    real = os.path.realpath(file)
    paths = {(os.path.realpath(name), "._pth") for name in (file + "._pth", real + "._pth") if os.path.exists(name)}
    beside = [os.path.abspath(os.path.dirname(file)), os.path.dirname(real)]
    homes = [home for folder in beside for place in (folder, os.path.dirname(folder)) for home in homes_in(place)]
    for folder in beside + homes:
        paths.update((os.path.realpath(os.path.join(folder, name)), name) for name in BUILT if os.path.exists(os.path.join(folder, name)))
        paths.update(upwards(os.path.abspath(folder)))
    return paths


def homes_in(folder: str) -> "list[str]":
    """What the pyvenv.cfg in a directory says."""
    path = os.path.join(folder, CONFIGURATION)
    try:
        content = files.read_file(path, files.CONFIGURATION + 1)
    except OSError as error:
        if error.errno in programs.ABSENT:
            return []
        raise programs.Unknown("%s: cannot be read: %s" % (path, error.strerror), path)
    if len(content) > files.CONFIGURATION:
        raise programs.Unknown("%s: is too long" % path)
    lines = os.fsdecode(content).splitlines()
    pairs = [line.partition("=") for line in lines]
    return [value.strip() for key, _, value in pairs if key.strip().lower() == "home"]


def upwards(folder: str) -> "set[tuple[str, str]]":
    """The libraries in `lib` of this directory, and of all above but the root, where the search is over."""
    there = set()  # type: set[tuple[str, str]]
    while folder != "/":
        for lib in [os.path.join(folder, name) for name in ("lib", "lib64") if os.path.isdir(os.path.join(folder, name))]:
            there.update((os.path.realpath(os.path.join(lib, name)), name) for name in LIBRARIES if os.path.exists(os.path.join(lib, name)))
        folder = os.path.dirname(folder)
    return there
