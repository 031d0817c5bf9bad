"""Native code of real packages: refused, passed over, or allowed."""

import re

import pytest
from launch.jobs import first_line, three_lines

ENVIRONMENTS = ("compiled 3.8", "compiled 3.11", "compiled 3.13")
BLOCK = "--block-native"
ESCAPE = "import sys, markupsafe; print(markupsafe.escape('<a>'), 'markupsafe._speedups' in sys.modules)"
COMPILED = "import simplejson.encoder as e; print(e.c_make_encoder is not None, __import__('simplejson').dumps([1]))"


@pytest.fixture(params=ENVIRONMENTS)
def packages(request, environments):
    return environments.get(request.param)


@pytest.fixture
def project(jobs):
    """A directory with a file that black would change, and one that it would not."""
    (jobs.directory / "project").mkdir()
    (jobs.directory / "project/good.py").write_text("x = 1\n")
    (jobs.directory / "project/bad.py").write_text("y  =  2\n")
    return jobs.directory / "project"


@pytest.mark.parametrize("options", [(BLOCK,), ("--no-subprocess", BLOCK)])
def test_black(packages, jobs, project, options):
    """It does what it does without hermetic, from its modules in Python: nothing has to be refused."""
    env = jobs.environ(packages)
    for command, code in ((("black", "--check", "."), 1), (("black", "--check", "good.py"), 0)):
        native = jobs.native(*command, env=env, cwd=project)
        done = jobs.guarded(*options, "--", *command, env=env, cwd=project)
        assert (native.code, native.out) == (code, "")
        assert done[:3] == native[:3]
        assert done.refused == []


def test_which_form_of_black(packages, jobs):
    """The compiled one, were it not blocked."""
    env = jobs.environ(packages)
    assert "(compiled: yes)" in jobs.native("black", "--version", env=env).out
    assert "(compiled: yes)" in jobs.guarded("--no-network", "--", "black", "--version", env=env).out
    assert "(compiled: no)" in jobs.guarded(BLOCK, "--", "black", "--version", env=env).out


def test_what_the_user_sees(packages, jobs):
    env = jobs.environ(packages)
    done = jobs.guarded(BLOCK, "--", packages.python, "-c", ESCAPE, env=env)
    assert (done.code, done.out) == (0, "&lt;a&gt; False\n")
    assert first_line(done.err) == "hermetic: blocked action: native code disabled: import(markupsafe._speedups)"
    asker = re.escape(packages.title("markupsafe")) + r" \(markupsafe/__init__\.py:\d+\)"
    assert re.search(three_lines("native code disabled: import(markupsafe._speedups)", asker, "--allow-native markupsafe"), done.err), (
        done.err
    )
    assert done.err.endswith("hermetic: blocked 1 action in all: native 1\n")


def test_the_hint_allows_it(packages, jobs):
    env = jobs.environ(packages)
    native = jobs.native(packages.python, "-c", ESCAPE, env=env)
    allowed = jobs.guarded(BLOCK, "--allow-native", "MarkupSafe", "--", packages.python, "-c", ESCAPE, env=env)
    assert allowed[:3] == native[:3] == (0, "&lt;a&gt; True\n", "")


def test_nothing_else_is_allowed(environments, jobs):
    packages = environments.get("compiled 3.13")
    env = jobs.environ(packages)
    other = jobs.guarded(BLOCK, "--allow-native", "markupsafe", "--", packages.python, "-c", COMPILED, env=env)
    assert (other.out, set(other.refused)) == ("False [1]\n", {"import(simplejson._speedups)"})
    assert jobs.native(packages.python, "-c", COMPILED, env=env).out == "True [1]\n"


def test_children_of_the_same_environment(packages, jobs):
    code = f"import subprocess, sys; subprocess.call([sys.executable, '-I', '-c', {ESCAPE!r}])"
    env = jobs.environ(packages)
    assert jobs.guarded(BLOCK, "--allow-native", "markupsafe", "--", packages.python, "-c", code, env=env).out == "&lt;a&gt; True\n"
    assert jobs.guarded(BLOCK, "--", packages.python, "-c", code, env=env).out == "&lt;a&gt; False\n"


def test_what_a_run_installs_is_not_allowed(environments, jobs):
    """Its metadata is as good as any; but it was not there when the run began."""
    packages = environments.get("compiled 3.11")
    copy = (
        "import pathlib, shutil, sys, simplejson\n"
        "site = pathlib.Path(simplejson.__file__).parents[1]\n"
        "for name in site.iterdir():\n"
        "    if name.name.startswith('simplejson'): shutil.copytree(name, pathlib.Path('new', name.name))\n"
        "sys.path[:0] = ['new']\n"
        "for name in [name for name in sys.modules if name.startswith('simplejson')]: del sys.modules[name]\n"
    )
    env = jobs.environ(packages)
    words = (packages.python, "-c", copy + COMPILED)
    assert jobs.native(*words, env=env).out == "True [1]\n"
    (jobs.directory / "new").rename(jobs.directory / "old")
    assert jobs.guarded(BLOCK, "--allow-native", "simplejson", "--", *words, env=env).out == "False [1]\n"


def test_ctypes(environments, jobs):
    packages = environments.get("compiled 3.11")
    words = (packages.python, "-c", "import ctypes; print(ctypes.CDLL(None).getpid() > 0)")
    done = jobs.guarded(BLOCK, "--", *words, env=jobs.environ())
    assert done.code == 77
    assert re.search(three_lines("native code disabled: import(_ctypes)", r"<string>:1", "--allow-native ctypes"), done.err), done.err
    assert jobs.guarded(BLOCK, "--allow-native", "ctypes", "--", *words, env=jobs.environ()).out == "True\n"


MAKES_CODE = """
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    print("made")
except EnvironmentError as error:
    print(error.strerror)
"""


@pytest.mark.pythons("3.8", "3.11", "3.14", "3.15", "pypy3.9")
def test_memory_does_not_become_code(jobs, python):
    """Where the interpreter is all that runs, and needs none: PyPy does, and CPython where its own compiler is switched on."""
    command, env = (python.path, "-c", MAKES_CODE), jobs.environ()
    assert jobs.native(*command, env=env).out == "made\n"
    assert jobs.guarded(BLOCK, "--", *command, env=env).out == "made\n"
    assert jobs.guarded("--no-subprocess", BLOCK, "--allow-native=numba", "--", *command, env=env).out == "made\n"
    held = "made\n" if python.implementation == "pypy" else "Permission denied\n"
    assert jobs.guarded("--no-subprocess", BLOCK, "--", *command, env=env).out == held
    assert jobs.guarded("--profile=block-all", "--", *command, env=env).out == held
    env["PYTHON_JIT"] = "1"
    assert jobs.guarded("--no-subprocess", BLOCK, "--", *command, env=env).out == "made\n"
