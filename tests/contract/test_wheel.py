"""What is shipped: two packages and one command, and nothing that an interpreter would run by itself."""

import subprocess
import sys
import warnings
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(directory.glob("*.whl"))) as archive:
        yield archive


def shipped(wheel):
    return [PurePosixPath(name) for name in wheel.namelist()]


def test_two_packages_and_one_command(wheel):
    tops = {path.parts[0] for path in shipped(wheel)}
    assert {name for name in tops if not name.endswith((".dist-info", ".data"))} == {"hermetic", "hermetic_guard"}
    data = [path.parts[1:] for path in shipped(wheel) if path.parts[0].endswith(".data")]
    assert data == [("scripts", "hermetic")]


def test_command_arrives_untouched(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".data/scripts/hermetic"))
    assert wheel.read(name) == (ROOT / "hermetic/_entry/hermetic").read_bytes()
    assert wheel.getinfo(name).external_attr >> 16 & 0o111


def test_command_is_both_sh_and_python():
    """sh reads it up to its first `exit` at the beginning of a line, Python all of it, with no warning."""
    text = (ROOT / "hermetic/_entry/hermetic").read_text()
    with warnings.catch_warnings(action="error"):
        compile(text, "hermetic", "exec")
    for_sh = text.partition("\nexit ")[0]
    assert for_sh != text
    subprocess.run(["sh", "-n"], input=for_sh, text=True, check=True)


def test_nothing_runs_by_itself(wheel):
    """No file is named as what `site` imports or reads; the one entry point is pytest's, and none makes an installer write another launcher."""
    for path in shipped(wheel):
        assert path.stem not in ("sitecustomize", "usercustomize")
        assert path.suffix not in (".pth", ".start", ".pyc")
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert wheel.read(name).decode().split("\n\n")[0].split() == ["[pytest11]", "hermetic", "=", "hermetic.pytest_plugin"]


def test_every_source_file_is_shipped(wheel):
    """The run directory is made from the installed files: one that is left out is a guard that does not stand."""
    sources = {path.relative_to(ROOT) for path in ROOT.glob("hermetic/**/*.*") if path.suffix in (".py", ".toml", ".json", ".typed")}
    sources |= {path.relative_to(ROOT / "bootstrap") for path in ROOT.glob("bootstrap/hermetic_guard/**/*.py")}
    assert {str(path) for path in sources} <= set(wheel.namelist())


def test_metadata(wheel):
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    lines = wheel.read(name).decode().splitlines()
    assert "Name: hermetic" in lines
    assert "Requires-Python: >=3.11" in lines
    required = {line.partition(": ")[2].partition(">")[0] for line in lines if line.startswith("Requires-Dist") and ";" not in line}
    assert required == {"click", "packaging", "platformdirs", "virtualenv"}
