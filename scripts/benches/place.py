"""What is measured, and by what it is guarded: hermetic as its users install it, one of its layers alone, and its relatives."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ONE_LAYER = ROOT / "tests/containment/one_layer.py"
SANDLOCK = """
import sys
from sandlock import Sandbox
sys.exit(Sandbox(fs_readable=["/"], fs_writable=["/dev/null"]).run(sys.argv[1:]).exit_code)
"""


class Absent(Exception):
    """What is to be compared with is not on this machine."""


class Place:
    """A directory for what a measurement needs, made when it is asked for.

    python: an interpreter with nothing installed beside it, as what .pth lines take would hide what hermetic takes
    """

    def __init__(self, directory):
        self.directory = Path(directory)
        self.python = self.environment("bare")

    def environment(self, name, *packages, **options):
        """The interpreter of a virtual environment with these packages."""
        path = self.directory / name
        venv.create(path, symlinks=True, with_pip=bool(packages), **options)
        if packages:
            pip = [path / "bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages]
            subprocess.run(pip, check=True, stdin=subprocess.DEVNULL)
        return path / "bin/python"

    @functools.cached_property
    def hermetic(self):
        """The command, installed by pip. What it depends on is not on the way to any run that is measured here."""
        build = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", "-w", self.directory / "wheel", ROOT]
        subprocess.run(build, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)
        (wheel,) = (self.directory / "wheel").glob("*.whl")
        return self.environment("installed", "--no-deps", str(wheel)).parent / "hermetic"

    @functools.cached_property
    def everyday(self):
        """An interpreter with what everyday programs are."""
        return self.environment("everyday", "black", "pytest")

    def under(self, *options):
        """The beginning of a command that is run under these options, in both layers."""
        return [self.hermetic, "run", "--quiet", *options, "--"]

    def under_one(self, layer, *options):
        """The same with one layer, `python` or `kernel`, by a launcher that is not an installed one: not for what a start takes."""
        return [sys.executable, "-I", "-S", ONE_LAYER, layer, "--quiet", *options, "--"]

    def relative(self, name):
        """How a relative of hermetic's takes the network from a command; Absent if it is not here and cannot be installed."""
        return getattr(self, f"_{name}")()

    def _hermetic_seal(self):
        return [self._installed("hermetic-seal").parent / "hermetic", "--no-network", "--"]

    def _sandlock(self):
        return [self._installed("sandlock"), "-c", SANDLOCK]

    def _installed(self, package):
        try:
            return self.environment(package, package)
        except subprocess.CalledProcessError as error:
            raise Absent(f"{package} cannot be installed") from error

    def _bubblewrap(self):
        return [program("bwrap"), *"--ro-bind / / --dev /dev --proc /proc --unshare-net --".split()]

    def _firejail(self):
        return [program("firejail"), "--quiet", "--noprofile", "--net=none"]


RELATIVES = "hermetic_seal", "sandlock", "bubblewrap", "firejail"


def program(name):
    path = shutil.which(name)
    if path is None:
        raise Absent(f"there is no {name}")
    return path


@contextlib.contextmanager
def place():
    """A Place with a cache of its own; hermetic's first start asks the interpreter and compiles the payload."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        os.environ["XDG_CACHE_HOME"] = f"{directory}/cache"
        (Path(directory) / "cache").mkdir()
        made = Place(directory)
        subprocess.run([*made.under("--no-network"), made.python, "-c", "pass"], check=True)
        yield made
