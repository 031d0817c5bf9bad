"""What whole programs cost that people run every day, under Python's layer alone and under both."""

import compileall
import shutil
import sysconfig

from benches.measure import compare, whole

READONLY = "--no-network", "--fs-readonly"
PACKAGES = "asyncio", "email", "json", "logging", "unittest", "xml", "html", "http", "concurrent", "importlib", "multiprocessing", "urllib"
TESTS = 400
TEST = """
import json
import pytest

@pytest.mark.parametrize("number", range({count}))
def test_round_trip(number, tmp_path):
    path = tmp_path / "file"
    path.write_text(json.dumps([number] * 100))
    assert json.loads(path.read_text())[0] == number
"""


def pip_list(place):
    return [place.everyday, "-m", "pip", "--disable-pip-version-check", "list"]


def compile_tree(place):
    return [place.everyday, "-m", "compileall", "-q", "-f", tree(place)]


def pytest_suite(place):
    suite = place.directory / "suite"
    suite.mkdir(exist_ok=True)
    (suite / "test_suite.py").write_text(TEST.format(count=TESTS))
    return [place.everyday, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite]


def black_check(place):
    return [place.everyday, "-m", "black", "--check", "--quiet", "--no-cache", "--workers", "1", formatted(place)]


def tree(place):
    """A copy of the standard library's modules, without its larger packages."""
    copy = place.directory / "tree"
    if not copy.exists():
        shutil.copytree(sysconfig.get_path("stdlib"), copy, ignore=left_out)
    return copy


def left_out(directory, names):
    kept = [name for name in names if name.endswith(".py") or name in PACKAGES]
    return set(names) - set(kept)


def formatted(place):
    """A part of it, as black has it."""
    copy = place.directory / "formatted"
    if not copy.exists():
        shutil.copytree(tree(place) / PACKAGES[0], copy, ignore=left_out)
        whole([place.everyday, "-m", "black", "--quiet", copy])
    return copy


def program(command, layer=""):
    def measured(place, rounds):
        words = command(place)
        grants = [*READONLY, f"--allow-write={place.directory}"]
        prefix = place.under_one(layer, *grants) if layer else place.under(*grants)
        compileall.compile_dir(tree(place), quiet=2)
        return compare(lambda: whole(words), lambda: whole([*prefix, *words]), rounds)

    return measured
