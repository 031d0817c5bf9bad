"""Who accounts for a file, and what is said of one that nobody does."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from hermetic.target import records
from hermetic.target.records import ACCOUNTED, ALTERED, UNHASHED, UNOWNED, UNREADABLE, Records, egg_links

CONTENT = b"import os\n"


def hashed(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}={base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b'=').decode()}"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/a.pth").write_bytes(CONTENT)
    return tmp_path / "site"


def install(site: Path, name: str, record: str) -> None:
    (site / f"{name}-1.0.dist-info").mkdir()
    (site / f"{name}-1.0.dist-info/RECORD").write_text(record)
    (site / f"{name}-1.0.dist-info/METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def account(site: Path, name: str = "a.pth", dpkg: str = "/nowhere") -> tuple[str, str]:
    found = Records([str(site)], dpkg).account(f"{site}/{name}")
    return found.status, found.owner


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (f"a.pth,{hashed(CONTENT)},10\n", (ACCOUNTED, "dist 1.0")),
        (f"other.py,,\r\na.pth,{hashed(CONTENT, 'sha512')},10\r\n", (ACCOUNTED, "dist 1.0")),
        (f'"a.pth",{hashed(CONTENT)},10', (ACCOUNTED, "dist 1.0")),
        (f"a.pth,{hashed(b'other')},10\n", (ALTERED, "dist 1.0")),
        ("a.pth,,\n", (UNHASHED, "dist 1.0")),
        (f"a.pth,{hashed(CONTENT, 'md5')},10\n", (UNHASHED, "dist 1.0")),
        (f"a.pth,{hashed(CONTENT)},10\na.pth,{hashed(b'other')},10\n", (ALTERED, "dist 1.0")),
        (f"b/a.pth,{hashed(CONTENT)},10\n", (UNOWNED, "")),
        ("a.pth," + "x" * 200000 + ",\n", (UNHASHED, "dist 1.0")),
        ("", (UNOWNED, "")),
    ],
)
def test_of_a_record(site: Path, record: str, expected: tuple[str, str]) -> None:
    install(site, "dist", record)
    assert account(site) == expected


def test_of_two_the_one_that_knows_the_content(site: Path) -> None:
    install(site, "another", f"a.pth,{hashed(b'other')},5\n")
    install(site, "dist", f"a.pth,{hashed(CONTENT)},10\n")
    assert account(site) == (ACCOUNTED, "dist 1.0")


def test_a_file_outside(site: Path) -> None:
    (site.parent / "bin").mkdir()
    (site.parent / "bin/x").write_bytes(CONTENT)
    install(site, "dist", f"../bin/x,{hashed(CONTENT)},10\n")
    assert Records([str(site)]).account(f"{site.parent}/bin/x").status == ACCOUNTED


def test_without_metadata(site: Path) -> None:
    install(site, "dist", f"a.pth,{hashed(CONTENT)},10\n")
    (site / "dist-1.0.dist-info/METADATA").unlink()
    assert account(site) == (ACCOUNTED, "dist-1.0")


def test_what_cannot_be_read(site: Path) -> None:
    (site / "b.pth").symlink_to("/dev/zero")
    assert account(site, "b.pth")[0] == account(site, "absent")[0] == UNREADABLE


def test_of_the_systems_packages(site: Path) -> None:
    """Of a link what it leads to is meant."""
    info = site.parent / "dpkg/info"
    info.mkdir(parents=True)
    (site / "link.py").symlink_to("a.pth")
    (info / "thing:amd64.list").write_text(f"/.\n{site}/a.pth\n{site}/b.pth\n{site}/c.pth\n")
    (info / "thing:amd64.md5sums").write_text(
        f"{hashlib.md5(CONTENT).hexdigest()}  {str(site)[1:]}/a.pth\n{'0' * 32}  {str(site)[1:]}/b.pth\n"
    )
    for name in ("b.pth", "c.pth", "d.pth"):
        (site / name).write_bytes(CONTENT)
    dpkg = str(site.parent / "dpkg")
    assert account(site, "a.pth", dpkg) == account(site, "link.py", dpkg) == (ACCOUNTED, "thing (dpkg)")
    assert account(site, "b.pth", dpkg) == (ALTERED, "thing (dpkg)")
    assert account(site, "c.pth", dpkg) == (UNHASHED, "thing (dpkg)")
    assert account(site, "d.pth", dpkg) == (UNOWNED, "")
    (site.parent / "dpkg/status").write_text(f"Package: thing\nConffiles:\n {site}/c.pth {hashlib.md5(CONTENT).hexdigest()}\n")
    assert account(site, "c.pth", dpkg) == (ACCOUNTED, "thing (dpkg)")


def test_of_the_makers_of_environments(site: Path) -> None:
    (site / "a.pth").write_bytes(b"import _virtualenv")
    assert account(site) == (ACCOUNTED, "virtualenv")
    assert all(len(digest) == 64 for digest in records.KNOWN)


def test_egg_links(site: Path) -> None:
    (site / "demo.egg-link").write_text("../project/src\n../..\n")
    assert egg_links(str(site)) == {f"{site.parent}/project/src": "demo"}
    assert egg_links("/nowhere") == {}
