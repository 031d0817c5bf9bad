"""The guards stand before the first line of anybody else's: `.pth` and `.start` files, sitecustomize, and what lies on PYTHONPATH.

Each of them notes that it ran and calls a port of the loopback interface; without a guard the call arrives. They all run, once, as they would.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Python, find_python
from launch.staged import Done, Listener, TwoRuns, make_venv, site_packages

CANARY = """
import _socket, posix, sys
def note(name, file):
    line = b"%s %s %s\\n" % (name.encode(), file.encode(), b"guarded" if "hermetic_guard" in sys.modules else b"bare")
    descriptor = posix.open(posix.environ[b"NOTES"], posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT)
    posix.write(descriptor, line)
    posix.close(descriptor)
    caller = _socket.socket()
    try:
        caller.connect(("127.0.0.1", int(posix.environ[b"PORT"])))
    except OSError:
        pass
    caller.close()
note(__name__, __file__)
"""

AND_BE_THE_OTHER = """
here = __file__.rpartition("/")[0]
sys.path[:] = [entry for entry in sys.path if not here.startswith(entry or "-")]
sys.path_importer_cache.clear()
hostile = sys.modules.pop(__name__)
__import__(__name__)
hostile.__dict__.update(sys.modules[__name__].__dict__)
"""
"""Behind a canary that stands in the place of a module of the library, so that Python comes up all the same."""

SHADOWED = """
encodings/__init__ codecs io abc site os stat posixpath warnings re _collections_abc _posixsubprocess _blake2 gc resource
""".split()
"""What the interpreter and the guard load at start, and more."""
STRANGE = ["sitecustomize", "usercustomize", "_hermetic_early", "hermetic_guard/__init__", "hermetic_guard/errors", "stub", "loader"]


class Trial:
    """Starts with a listener beside; `calls` how often it was reached, and `notes` who ran."""

    def __init__(self, runs: TwoRuns, listener: Listener, notes: Path) -> None:
        self.runs = runs
        self.listener = listener
        self.file = notes
        self.calls = 0
        self.notes: list[str] = []

    def run(self, start: object, *words: object, env: dict[str, str] | None = None, **options: object) -> Done:
        self.file.write_text("")
        variables = {"NOTES": str(self.file), "PORT": str(self.listener.port), **(env or {})}
        done: Done = start(*words, env=variables, **options)  # type: ignore[operator]
        self.notes, self.calls = self.file.read_text().splitlines(), self.listener.visits()
        return done

    def compare(self, python: Python, *words: str, env: dict[str, str] | None = None, **options: object) -> list[str]:
        """Run it both ways. All that notes itself must do so in both, reach the listener without a guard and never with one."""
        bare = self.run(self.runs.bare, python, *words, env=env, **options)
        natively, calls = self.notes, self.calls
        assert calls == len(natively) > 0, bare
        guarded = self.run(self.runs.guarded, python, *words, env=env, **options)
        assert self.calls == 0
        assert self.notes == [line.replace(" bare", " guarded") for line in natively]
        assert guarded.seen == bare.seen
        assert len(guarded.told("refused")) == len(natively)
        return natively


@pytest.fixture
def trial(runs: TwoRuns, tmp_path: Path):
    with Listener() as listener:
        yield Trial(runs, listener, tmp_path / "notes")


def lay(directory: Path, *names: str, text: str = CANARY) -> Path:
    for name in names:
        path = directory / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


@pytest.mark.parametrize("flags", ["", "-I", "-EsBW error"])
def test_site_of_a_virtual_environment(trial: Trial, python: Python, tmp_path: Path, flags: str) -> None:
    venv = make_venv(tmp_path / "venv", python)
    site = lay(site_packages(tmp_path / "venv", python), "sitecustomize", "from_pth", "from_start", "in_added")
    lay(tmp_path / "added", "in_added")
    site.joinpath("canary.pth").write_text(f"{tmp_path}/added\nimport from_pth\n")
    site.joinpath("other.start").write_text("from_start:__name__.upper\n")
    done = trial.compare(python, *flags.split(), "-c", "import sys; print(sys.path)", through=venv)
    expected = ["from_pth", "from_start", "sitecustomize"] if python.version >= (3, 15) else ["from_pth", "sitecustomize"]
    assert [line.split()[0] for line in done] == expected


@pytest.fixture
def base(python: Python) -> Python:
    """A virtual environment, as `python` is, has no directory for the user."""
    return find_python(python.name)


def test_site_of_the_user(trial: Trial, base: Python, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path)}
    found = trial.runs.bare(base, "-m", "site", "--user-site", env=env).out.decode().strip()
    lay(Path(found), "usercustomize", "from_pth").joinpath("canary.pth").write_text("import from_pth\n")
    done = trial.compare(base, "-c", "pass", env=env)
    assert [line.split()[:2] for line in done] == [["from_pth", f"{found}/from_pth.py"], ["usercustomize", f"{found}/usercustomize.py"]]


def test_customize_on_pythonpath(trial: Trial, base: Python, tmp_path: Path) -> None:
    lay(tmp_path / "path", "sitecustomize", "usercustomize")
    done = trial.compare(base, "-c", "import sys; print(sys.path)", env={"PYTHONPATH": str(tmp_path / "path")})
    assert [line.split()[0] for line in done] == ["sitecustomize", "usercustomize"]


ERRORS = ["import not_there", "1 / 0", "a = = b", "raise SystemExit(3)", "class Odd(BaseException): pass\nraise Odd"]


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_in_sitecustomize_is_told_by_python(
    runs: TwoRuns, python: Python, tmp_path: Path, text: str, request: pytest.FixtureRequest
) -> None:
    if python.implementation == "pypy" and text in ERRORS[3:]:
        reason = "README: sitecustomize that ends with SystemExit or no Exception at all"
        request.applymarker(pytest.mark.xfail(reason=reason))
    lay(tmp_path / "path", "sitecustomize", text=text)
    bare, guarded = runs.both(python, "-c", "print('run')", env={"PYTHONPATH": str(tmp_path / "path")})
    assert guarded.seen == bare.seen
    assert "sitecustomize" in bare.err.decode() or bare.code


def test_nothing_on_pythonpath_runs_before(trial: Trial, python: Python, tmp_path: Path) -> None:
    """Whatever it is called. Without a guard all that is imported runs, some of it before the first line of Python's own."""
    lay(tmp_path / "shadows", *SHADOWED, text=CANARY + AND_BE_THE_OTHER)
    lay(tmp_path / "strange", *STRANGE)
    names = [name.replace("/__init__", "").replace("/", ".") for name in [*SHADOWED, *STRANGE]]
    code = "import sys\nfor name in sys.argv[1:]:\n try: __import__(name)\n except ImportError: pass\n"
    words = ["-W", "default", "-c", code, *names]
    env = {"PYTHONPATH": f"{tmp_path}/strange:{tmp_path}/shadows"}
    trial.run(trial.runs.bare, python, *words, env=env)
    assert trial.calls == len(trial.notes) >= len(STRANGE) - 2, trial.notes
    assert trial.notes[0].split()[0] in ("encodings", "site")
    guarded = trial.run(trial.runs.guarded, python, *words, env=env)
    assert {line.split()[2] for line in trial.notes} == {"guarded"}, guarded
    assert trial.calls == 0


@pytest.mark.pythons("3.8", "3.11", "3.13", "3.15")
def test_a_category_of_the_users_is_imported_behind_the_guards(trial: Trial, python: Python, tmp_path: Path) -> None:
    lay(tmp_path / "path", "odd", text=CANARY + "class Odd(UserWarning): pass\n")
    done = trial.compare(python, "-c", "pass", env={"PYTHONPATH": str(tmp_path / "path"), "PYTHONWARNINGS": "ignore::odd.Odd"})
    assert [line.split()[0] for line in done] == ["odd"]
