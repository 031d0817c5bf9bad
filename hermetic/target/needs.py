"""What a Python program has to read to run at all: its interpreter, what is installed there, its own code, and what the system tells everybody.

Where `--fs-readonly=ROOT` limits reading, this is added to what the policy allows, once, before the run starts, so that both layers allow the
same. It is found by reading only: `.pth` files and `direct_url.json` say where editable installs are, and nothing of either is run.

Code on `sys.path` that is not installed is allowed by its importable parts (modules, packages), not by the directory they stand in: beside a
script there may be anything.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard import cmdline, files
from hermetic_guard.files import lines_of
from hermetic_guard.policy import is_within, merged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic_guard.policy import Filesystem

    from hermetic.target.resolve import Target

SYSTEM = (
    "/bin /sbin /lib /lib32 /lib64 /libx32 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/libx32 /usr/libexec /usr/include /usr/share "
    "/usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/lib64 /usr/local/include /usr/local/share /nix/store /gnu/store "
    "/var/lib/ca-certificates "
    "/etc/alternatives /etc/ca-certificates /etc/ca-certificates.conf /etc/crypto-policies /etc/debian_version /etc/gai.conf /etc/host.conf "
    "/etc/hostname /etc/hosts /etc/inputrc /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/ld.so.preload /etc/locale.alias "
    "/etc/locale.conf /etc/localtime /etc/magic /etc/mime.types /etc/networks /etc/nsswitch.conf /etc/os-release /etc/pki/ca-trust "
    "/etc/pki/tls/cert.pem /etc/pki/tls/certs /etc/pki/tls/openssl.cnf /etc/protocols /etc/resolv.conf /etc/rpc /etc/services "
    "/etc/ssl/cert.pem /etc/ssl/certs /etc/ssl/openssl.cnf /etc/terminfo /etc/timezone "
    "/proc/cpuinfo /proc/filesystems /proc/meminfo /proc/self /proc/stat /proc/version"
).split()
"""Programs and libraries with what comes with them, time zones, certificates, locales, names of hosts and services: the same for all, and nobody's
secrets. Not /etc/ssl, /etc/pki or /etc as a whole: private keys are kept there."""

AS_IT_IS = ("/proc/self",)
"""Another directory for every process: guards know it by this name."""

SHARED = ("/", "/usr", "/usr/local", "/opt")
"""Prefixes that an interpreter has in common with everything else."""

SITES = ("site-packages", "dist-packages")
MODULES = (".py", ".pyc", ".pyi", ".so")
INSTALLED = (".dist-info", ".egg-info", ".egg")
BEFORE_3_8 = ("python3.6", "python3.7")
"""Their `platform` lists /etc for the name of the distribution."""
NESTED = 3
"""How deep packages without `__init__.py` are followed."""


def with_needs(rules: Filesystem, target: Target, cwd: str | None) -> Filesystem:
    """`rules`, which limit reading, and what `target` needs may be read. cwd: the working directory, None where it is gone."""
    needs = Needs(target, cwd)
    changed: Filesystem = rules.replaced(read=merged([*(rules.read or ()), *needs.read]), names=tuple(sorted({*rules.names, *needs.names})))
    return changed


def of_interpreter(path: str, rules: Filesystem) -> Filesystem:
    """The same for an interpreter that is asked something: started with a question and without a program, in no directory."""
    from hermetic.target.resolve import Target

    home = os.environ.get("HOME")
    return with_needs(rules, Target(path, [path, "-I"], {"HOME": home} if home else {}, []), None)


def of_this_process(rules: Filesystem, cwd: str | None) -> Filesystem:
    """The same for the interpreter that this runs in, as it was started, with the code that it has come to import since."""
    from hermetic.target.resolve import Target

    needs = Needs(Target(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ, []), cwd)
    for entry in sys.path:
        needs.add_code(entry)
    changed: Filesystem = rules.replaced(read=merged([*(rules.read or ()), *needs.read]), names=tuple(sorted({*rules.names, *needs.names})))
    return changed


class Needs:
    """read: what may be read, files and directories; names: directories that may be listed. Absolute, without links."""

    def __init__(self, target: Target, cwd: str | None) -> None:
        self.read: list[str] = []
        self.names: list[str] = []
        self._cwd = cwd
        self._environ = target.environ
        self._line = cmdline.parse(target.argv)
        self._target = target
        for path in SYSTEM:
            self._add(path)
        for prefix in prefixes(self._path(target.interpreter)):
            self._add_prefix(prefix)
        self._add_binary(self._path(target.interpreter))
        if {"E", "I"}.isdisjoint(self._line.letters):
            for entry in filter(None, self._environ.get("PYTHONPATH", "").split(":")):
                self._add_code(self._path(entry))
        self._add_program()

    def add_code(self, entry: str) -> None:
        """An entry of `sys.path`."""
        self._add_code(self._path(entry))

    def _path(self, path: str) -> str:
        return os.path.join(self._cwd or "/", path)

    def _add(self, path: str) -> None:
        if os.path.exists(path):
            self.read.append(path if path in AS_IT_IS else os.path.realpath(path))

    def _add_binary(self, path: str) -> None:
        """The interpreter and the links that lead to it, and where Debian keeps its sitecustomize.py."""
        self._add(f"/etc/{os.path.basename(os.path.realpath(path))}")
        for _ in range(40):
            self.read.append(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))
            try:
                path = os.path.join(os.path.dirname(path), os.readlink(path))
            except OSError:
                return

    def _add_prefix(self, prefix: str) -> None:
        """A prefix of its own is allowed as a whole; of one that is shared with other things, its Python."""
        if not self._is_shared(prefix):
            self._add(prefix)
        for library in libraries(prefix):
            self._add(library)
            if os.path.basename(library) in BEFORE_3_8:
                self.names.append("/etc")
            for site in (f"{library}/{name}" for name in SITES):
                self._add_editables(site)
        home = self._environ.get("HOME")
        user = self._environ.get("PYTHONUSERBASE") or (home and f"{home}/.local")
        if user and not os.path.exists(f"{prefix}/pyvenv.cfg"):
            for library in libraries(user):
                self._add(library)
                self._add_editables(f"{library}/site-packages")

    def _is_shared(self, prefix: str) -> bool:
        home = os.path.realpath(self._environ.get("HOME") or "/")
        real = os.path.realpath(prefix)
        return real in SHARED or is_within(home, real) or real == f"{home}/.local"

    def _add_editables(self, site: str) -> None:
        """Projects that are installed by reference."""
        for name in names_in(site):
            if name.endswith(".pth"):
                for line in filter(None, map(str.strip, lines_of(f"{site}/{name}"))):
                    if not line.startswith(("import ", "import\t", "#")):
                        self._add_code(os.path.join(site, line))
            elif name.endswith(".dist-info"):
                project = editable_project(f"{site}/{name}/direct_url.json")
                for place in (project, f"{project}/src") if project else ():
                    self._add_code(place)

    def _add_code(self, directory: str, depth: int = 0) -> None:
        """A directory, or an archive, that modules are imported from."""
        real = os.path.realpath(directory)
        if not os.path.isdir(real):
            self._add(real)
            return
        self.names.append(real)
        for name in names_in(real):
            path = f"{real}/{name}"
            if name.endswith((*MODULES, *INSTALLED)) or name == "__pycache__" or is_package(path):
                self._add(path)
            elif depth < NESTED and name.isidentifier() and is_namespace(path) and not self._is_shared(real):
                self._add_code(path, depth + 1)

    def _add_program(self) -> None:
        """A script's directory comes first in sys.path, else the working directory. What another program makes of its words nobody knows."""
        if not self._target.python:
            if self._target.script:
                self._add(self._path(self._target.script))
            return
        line = self._line
        isolated = not {"I", "P"}.isdisjoint(line.letters) or (self._environ.get("PYTHONSAFEPATH") and "E" not in line.letters)
        if line.kind == "f" and line.target is not None:
            script = os.path.realpath(self._path(line.target))
            self.read.append(script)
            self._add(self._path(line.target))
            directory: str | None = os.path.dirname(script)
            if os.path.isdir(script):
                return
        else:
            directory = self._cwd
        if directory is not None and not isolated:
            self._add_code(directory)


def prefixes(interpreter: str) -> Iterable[str]:
    """The directories that an interpreter's library and packages are in: of its environment, and of what that was made from."""
    found = [os.path.dirname(os.path.dirname(path)) for path in (interpreter, os.path.realpath(interpreter))]
    for line in lines_of(f"{found[0]}/pyvenv.cfg"):
        key, _, value = line.partition("=")
        if key.strip() == "home":
            found.append(os.path.dirname(value.strip()))
    return [prefix for prefix in dict.fromkeys(found) if list(libraries(prefix)) or os.path.exists(f"{prefix}/pyvenv.cfg")]


def libraries(prefix: str) -> Iterable[str]:
    """Where a prefix keeps Python's library: lib/python3.11, lib/pypy3.9, lib/python3 on Debian."""
    for place in ("lib", "lib64", "local/lib", "share", "include"):
        for name in names_in(f"{prefix}/{place}"):
            if name.startswith(("python", "pypy", "libpython", "libpypy")):
                yield f"{prefix}/{place}/{name}"
    for name in names_in(f"{prefix}/bin"):
        if name.startswith(("python", "pypy")):
            yield f"{prefix}/bin/{name}"


def is_package(path: str) -> bool:
    return os.path.basename(path).isidentifier() and any(os.path.isfile(f"{path}/__init__{kind}") for kind in (".py", ".pyc"))


def is_namespace(path: str) -> bool:
    """Whether a directory is a package without `__init__.py` (PEP 420): it has modules, or packages, in it."""
    return os.path.isdir(path) and any(name.endswith(MODULES) or is_package(f"{path}/{name}") for name in names_in(path))


def editable_project(path: str) -> str | None:
    """The directory that a distribution is installed from by reference (PEP 610). Read without `json` and `urllib`, which load `re` and more: nearly
    half of what the launcher loads."""
    from hermetic.events import scan

    try:
        text = files.read_file(path, files.CONFIGURATION).decode().strip()
        if '"editable"' not in text:
            return None
        found, end = scan(text)
        editable, place = found["dir_info"]["editable"], path_of(found["url"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, StopIteration):
        return None
    return place if editable and end == len(text) and place and "\0" not in place else None


def path_of(url: str) -> str:
    """That of a `file:` URL (RFC 8089); "" for another."""
    if url[:5].lower() != "file:":
        return ""
    place = url[5:].partition("#")[0].partition("?")[0]
    if place.startswith("//"):
        place = "/" + place[2:].partition("/")[2]
    first, *quoted = place.encode().split(b"%")
    return os.fsdecode(first + b"".join([unquoted(piece) for piece in quoted]))


def unquoted(piece: bytes) -> bytes:
    """What comes after a `%`, with the octet that its first two digits mean, if they are any."""
    try:
        return bytes.fromhex(piece[:2].decode()) + piece[2:] if len(piece[:2].strip()) == 2 else b"%" + piece
    except ValueError:
        return b"%" + piece


def names_in(directory: str) -> list[str]:
    return sorted(files.names_in(directory))
