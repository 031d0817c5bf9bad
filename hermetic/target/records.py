"""Who accounts for a file: a distribution by its RECORD, the system's packages by dpkg's lists, or the tool that made an environment.

Of what accounts for a file by name the content is compared as well. Whoever can write the file can often write the RECORD too: what is found here
is what does not account for itself, not proof of anything else.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os

from hermetic_guard.distributions import INFO, LARGEST_RECORD, RECORD, lists
from hermetic_guard.files import CONFIGURATION, lines_of, read_file

from hermetic.distributions import title

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNTED, UNOWNED, ALTERED, UNHASHED, UNREADABLE = "accounted", "unowned", "altered", "unhashed", "unreadable"
"""What a file is found to be; all but the first are not accounted for. UNHASHED: whoever lists it says nothing of its content."""

LARGEST = 1 << 26
ALGORITHMS = ("sha256", "sha384", "sha512")
"""Those that a RECORD may use (the specification of recording installed projects: no weaker ones)."""

KNOWN = {
    "69ac3d8f27e679c81b94ab30b3b56e9cd138219b1ba94a1fa3606d5a76a1433d": "virtualenv",
    "cfe56cafbd68fd31a0e87100f111d7d2f6b7157241096500013c07e88d80a22f": "virtualenv",
    "0f20351ea7e90039c46d3fabdef991f28b1e3ff33eb13ee6f0d5cd21ea0e8b14": "virtualenv",
    "0aeb86546345c1d0fada097536e35525714d5cdbcc2d8eb3f9912a955044fcff": "virtualenv",
    "c9199315871b11b12df226f890a38e66e63191e1adbfb11a66e6861151b33fca": "virtualenv",
    "684b8c07932ba4a84ac2e5ae9afe49ef04e92bac3d8d4191d455cf09d093e5fc": "virtualenv",
    "cfb3db86aaa53bb62b5ff764970bec2d71c9228590a0ebec57f6ec926cc0bf1a": "uv",
}
"""What makers of environments put there without a RECORD, by SHA-256: `_virtualenv.pth` and the `_virtualenv.py` of several versions."""

DPKG = "/var/lib/dpkg"


class Account:
    """owner: as `Name Version`, "" for nobody"""

    __slots__ = ("owner", "status")

    def __init__(self, status: str, owner: str = "") -> None:
        self.status = status
        self.owner = owner


class Records:
    """sites: the directories of installed packages; dpkg: of the system's package manager"""

    def __init__(self, sites: Iterable[str], dpkg: str = DPKG) -> None:
        self._sites = list(sites)
        self._dpkg = dpkg
        self._read: list[tuple[str, str, bytes]] | None = None
        self._known: dict[str, Account] = {}

    def account(self, path: str) -> Account:
        """Who accounts for what is at a path, and whether it is what they say."""
        if path not in self._known:
            self._known[path] = self._account(path)
        return self._known[path]

    def _account(self, path: str) -> Account:
        try:
            content = read_file(path, LARGEST + 1)
        except OSError:
            return Account(UNREADABLE)
        if len(content) > LARGEST:
            return Account(UNREADABLE)
        said = [*self._by_records(path, content), *self._by_dpkg(path, content)]
        maker = KNOWN.get(hashlib.sha256(content).hexdigest())
        said += [Account(ACCOUNTED, maker)] if maker else []
        return min(said, key=lambda one: ORDER.index(one.status), default=Account(UNOWNED))

    # By RECORD.

    def _by_records(self, path: str, content: bytes) -> Iterator[Account]:
        for site, info, record in self._records():
            relative = os.path.relpath(path, site)
            for name in (relative, path):
                if lists(record, name):
                    yield Account(_compared(record, name, content), title(f"{site}/{info}/METADATA") or info.removesuffix(INFO))

    def _records(self) -> list[tuple[str, str, bytes]]:
        if self._read is None:
            self._read = [(site, info, _content(f"{site}/{info}/{RECORD}")) for site in self._sites for info in infos(site)]
        return self._read

    # By dpkg.

    def _by_dpkg(self, path: str, content: bytes) -> Iterator[Account]:
        """The file itself, where the path is a link: its packages list both."""
        real = os.path.realpath(path)
        line = b"\n" + os.fsencode(real) + b"\n"
        for name in _names(f"{self._dpkg}/info", ".list"):
            if line in b"\n" + _content(f"{self._dpkg}/info/{name}"):
                package = name.removesuffix(".list")
                expected = self._md5(package, real)
                status = (
                    UNHASHED
                    if not expected
                    else ACCOUNTED
                    if hashlib.md5(content, usedforsecurity=False).hexdigest() in expected
                    else ALTERED
                )
                yield Account(status, f"{package.partition(':')[0]} (dpkg)")

    def _md5(self, package: str, real: str) -> set[str]:
        """By its list of sums, or as a file of configuration, which stands in dpkg's status: ` PATH SUM`."""
        sums = lines_of(f"{self._dpkg}/info/{package}.md5sums", LARGEST_RECORD)
        found = {line.partition("  ")[0] for line in sums if line.partition("  ")[2] == real[1:]}
        found |= {line.split()[1] for line in lines_of(f"{self._dpkg}/status", LARGEST) if line.startswith(f" {real} ")}
        return found


ORDER = (ACCOUNTED, ALTERED, UNHASHED, UNREADABLE, UNOWNED)
"""Of several that speak of one file the first one's word counts."""


def infos(site: str) -> list[str]:
    """The metadata directories in a directory of packages. All: names are hidden among names."""
    return _names(site, INFO)


def _names(folder: str, ending: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(ending))
    except OSError:
        return []


def _content(path: str) -> bytes:
    try:
        return read_file(path, LARGEST_RECORD)
    except OSError:
        return b""


def _compared(record: bytes, name: str, content: bytes) -> str:
    """What a RECORD (CSV: path, algorithm=hash, size) says of a content."""
    rows = csv.reader(record.decode("utf-8", "surrogateescape").replace("\r\n", "\n").split("\n"))
    try:
        said = {row[1] for row in rows if len(row) > 1 and row[0] == name}
    except csv.Error:
        return UNHASHED
    hashes = [one.partition("=") for one in said if one.partition("=")[0] in ALGORITHMS]
    if not hashes:
        return UNHASHED
    return ACCOUNTED if all(_digest(algorithm, content) == value for algorithm, _, value in hashes) else ALTERED


def _digest(algorithm: str, content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()


def egg_links(site: str) -> dict[str, str]:
    """The projects that `setup.py develop` installed as they lie there, by their directory: names of distributions."""
    found = {}
    for name in _names(site, ".egg-link"):
        for line in lines_of(f"{site}/{name}", CONFIGURATION)[:1]:
            found[os.path.abspath(os.path.join(site, line.strip()))] = name.removesuffix(".egg-link")
    return found
