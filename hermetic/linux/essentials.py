"""What a program needs to be started, and an interpreter to be one, found by reading alone.

A policy that limits reading names what the target may see; nobody would list the dynamic loader there, the standard library or the time zones.
The user's own files are never among these: no home directory, nothing of a site's configuration that may hold a secret.
"""

from __future__ import annotations

import os

from hermetic_guard.files import lines_of, names_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SYSTEM = (
    "/bin /sbin /lib /lib32 /lib64 /libx32 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/libx32 /usr/libexec /usr/include /usr/share "
    "/usr/local/bin /usr/local/lib /usr/local/lib64 /usr/local/include /usr/local/share /nix/store /gnu/store /var/lib/ca-certificates"
).split()
"""Programs, libraries and what comes with them: time zones, locales, terminals, certificates."""

CONFIGURATION = tuple(
    f"/etc/{name}"
    for name in (
        "alternatives ca-certificates ca-certificates.conf crypto-policies debian_version gai.conf gitconfig group host.conf hostname hosts "
        "inputrc ld.so.cache ld.so.conf ld.so.conf.d ld.so.preload locale.alias locale.conf localtime magic mime.types networks nsswitch.conf "
        "os-release passwd pki/ca-trust pki/tls/certs pki/tls/cert.pem pki/tls/openssl.cnf protocols resolv.conf rpc services ssl/certs "
        "ssl/cert.pem ssl/openssl.cnf terminfo timezone"
    ).split()
)
"""How this machine finds names, times, libraries and certificates. Not /etc/ssl, /etc/pki or /etc as a whole: private keys are kept there."""

MACHINE = ("/proc", "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage")
"""How many processors there are and how much memory. /proc shows other processes' memory and environment to none in a Landlock domain."""

PREFIX = ("bin", "lib", "lib64", "lib_pypy", "include", "share", "pyvenv.cfg")
"""What an interpreter has below its prefix. The whole prefix is not granted: for ~/bin/python that is the home directory."""

ELF, SCRIPT = b"\x7fELF", b"#!"
HEAD = 256
LARGEST = 65536
PT_INTERP = 3
DEPTH = 6
"""How many files one start can go through: five interpreters in a row that are scripts, and a loader."""


def essentials(program: str) -> tuple[str, ...]:
    """Paths of what `program`, the path of a binary, needs to read; not all of them are there. Links are not resolved."""
    own = [f"{prefix}/{part}" for prefix in _prefixes(program) for part in PREFIX]
    configuration = [f"/etc/{os.path.basename(os.path.realpath(program))}"]  # Debian keeps sitecustomize.py there
    return tuple(dict.fromkeys([program, *own, *SYSTEM, *CONFIGURATION, *configuration, *MACHINE]))


def _prefixes(program: str) -> list[str]:
    """Where an interpreter is installed, and below what if it is a virtual environment's; none if `program` is no interpreter."""
    candidates = []
    for binary in (program, os.path.realpath(program)):
        folder = os.path.dirname(binary)
        candidates += [folder, os.path.dirname(folder), *_homes(folder), *_homes(os.path.dirname(folder))]
    return [prefix for prefix in dict.fromkeys(candidates) if prefix not in ("/", "/usr") and _is_prefix(prefix)]


def _homes(folder: str) -> list[str]:
    """The prefix that the `home` of a pyvenv.cfg in `folder` is the bin directory of (site.venv())."""
    settings = [line.partition("=") for line in lines_of(f"{folder}/pyvenv.cfg")]
    return [os.path.dirname(value.strip()) for key, _, value in settings if key.strip().lower() == "home"]


def _is_prefix(folder: str) -> bool:
    """Whether an interpreter's library, or a virtual environment, is there. A home directory with a bin is neither."""
    if os.path.exists(f"{folder}/pyvenv.cfg") or os.path.isdir(f"{folder}/lib_pypy"):
        return True
    return any(
        os.path.exists(f"{folder}/{lib}/{name}/os.py")
        for lib in ("lib", "lib64")
        for name in names_in(f"{folder}/{lib}")
        if name.startswith(("python", "pypy"))
    )


def executables(programs: Iterable[str]) -> tuple[str, ...]:
    """`programs` and what the kernel executes with them: interpreters of scripts, what `env` finds for those, dynamic loaders."""
    found: dict[str, None] = {}
    for program in programs:
        for start in (program, *_through_env(program)):
            found[start] = None
            found.update(dict.fromkeys(_chain(start)))
    return tuple(found)


def _through_env(program: str) -> list[str]:
    """The binary that the first lines of a script lead to in the end."""
    from hermetic_guard import programs

    try:
        followed = programs.read(program)
    except programs.Unknown:
        return []
    return [followed.interpreter] if followed else []


def _chain(program: str) -> Iterator[str]:
    for _ in range(DEPTH):
        program = os.fsdecode(_executed_with(program))
        if not program.startswith("/"):
            return
        yield program


def _executed_with(file: str) -> bytes:
    """What the kernel executes in the place of a file, or together with it; b"" for nothing."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        head = os.pread(descriptor, HEAD, 0)
        return _loader(descriptor, head) if head.startswith(ELF) else _first_word(head)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def _first_word(head: bytes) -> bytes:
    words = head.partition(b"\n")[0][len(SCRIPT) :].split() if head.startswith(SCRIPT) else []
    return words[0] if words else b""


def _loader(descriptor: int, head: bytes) -> bytes:
    """The PT_INTERP of a 64-bit little-endian ELF file (elf(5)). What edits such files may have moved it to their end."""
    table, size, count = _number(head, 32, 8), _number(head, 54, 2), _number(head, 56, 2)
    headers = _piece(descriptor, table, size * count)
    for start in range(0, len(headers), size or 1):
        if _number(headers, start, 4) == PT_INTERP:
            return _piece(descriptor, _number(headers, start + 8, 8), _number(headers, start + 32, 8)).rstrip(b"\0")
    return b""


def _piece(descriptor: int, offset: int, size: int) -> bytes:
    """Part of a file that may be damaged, or made to damage us."""
    return os.pread(descriptor, min(size, LARGEST), offset) if offset < 1 << 63 else b""


def _number(data: bytes, offset: int, size: int) -> int:
    return int.from_bytes(data[offset : offset + size], "little")
