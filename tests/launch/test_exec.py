"""`hermetic exec`: each kind of thing Python runs, each way of naming the interpreter; the target sees what it would see natively."""

import json
import zipfile

import pytest

TELL = """\
import json, os, socket, sys
def call(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except PermissionError:
        return "refused"
    return "connected"
main = sys.modules["__main__"]
spec = getattr(main, "__spec__", None)
seen = {
    "argv": sys.argv, "version": list(sys.version_info), "prefix": sys.prefix, "executable": sys.executable, "path": sys.path,
    "name": __name__, "file": globals().get("__file__"), "spec": spec and spec.name, "stdin": not sys.stdin.closed and sys.stdin.read(),
    "environ": sorted(name for name in os.environ if name != "PWD"),
}
print(json.dumps(seen, sort_keys=True))
print(call(int(os.environ["PORT"])))
raise SystemExit(7)
"""
"""PWD is set by the sh that begins hermetic's command, if nobody else has."""

FORMS = ("script", "module", "code", "stdin", "zip", "directory")


@pytest.fixture
def old(environments):
    """An environment of Python 3.9 with nothing in it."""
    return environments.get("3.9")


def write_form(form, directory):
    """(what follows the interpreter on its command line, what goes to its stdin)."""
    (directory / "script.py").write_text(TELL)
    (directory / "app").mkdir(exist_ok=True)
    (directory / "app/__main__.py").write_text(TELL)
    with zipfile.ZipFile(directory / "app.zip", "w") as archive:
        archive.writestr("__main__.py", TELL)
    targets = {
        "script": ["script.py"], "module": ["-m", "app"], "code": ["-c", TELL], "stdin": ["-"], "zip": ["app.zip"], "directory": ["app"],
    }  # fmt: skip
    return [*targets[form], "a", "b"], (TELL if form == "stdin" else "input").encode()


def check(jobs, port, interpreter, named, form, env):
    """Run it natively by its path, and guarded by the name the user gave."""
    command, stdin = write_form(form, jobs.directory)
    env = env | {"PORT": str(port.number)}
    native = jobs.native(interpreter, *command, env=env, input=stdin, stdin=None)
    assert (native.code, port.take()[0]) == (7, 1), native.err
    done = jobs.guarded("exec", "--no-network", *named, *command, env=env, input=stdin, stdin=None)
    assert (done.code, port.take()[0]) == (7, 0), done.err
    (seen, called), (expected, connected) = done.out.splitlines(), native.out.splitlines()
    assert (called, connected) == ("refused", "connected")
    assert json.loads(seen) == json.loads(expected)
    assert json.loads(seen)["argv"][1:] == ["a", "b"]
    assert done.refused == [f"connect(127.0.0.1:{port.number})"]


@pytest.mark.parametrize("form", FORMS)
def test_forms(jobs, port, old, form):
    check(jobs, port, old.python, ("--python", old.python, "--"), form, jobs.environ())


@pytest.mark.parametrize("way", ["path", "environment", "relative", "tilde", "version", "name", "active", "first on PATH"])
def test_names_of_an_interpreter(jobs, port, old, tmp_path, way):
    (tmp_path / "link").symlink_to(old.path)
    base = old.base.rpartition("/bin/")[0]
    here = jobs.environ(PATH=f"{base}/bin:/usr/bin:/bin")
    interpreter, named, env = {
        "path": (old.python, ["--python", old.python], jobs.environ()),
        "environment": (old.python, ["--python", str(old.path)], jobs.environ()),
        "relative": ("link/bin/python", ["--python=link"], jobs.environ()),
        "tilde": (f"{tmp_path}/link/bin/python", ["--python", "~/link"], jobs.environ(HOME=tmp_path)),
        "version": (f"{base}/bin/python3.9", ["--python", "3.9"], here),
        "name": (f"{base}/bin/python3.9", ["--python", "python3.9"], here),
        "active": (old.python, [], jobs.environ(old)),
        "first on PATH": (f"{base}/bin/python3", [], here),
    }[way]
    check(jobs, port, interpreter, (*named, "--"), "script", env)


def test_dashes_are_not_needed(jobs, port, old):
    """The first word that is no option begins what is run."""
    check(jobs, port, old.python, ("--python", old.python), "script", jobs.environ())


def test_flags_of_the_interpreter(jobs, port, old):
    """They are part of what follows `--`. With -I the environment says nothing to the interpreter, and it is guarded all the same."""
    code = "import sys; print(sys.flags.isolated, sys.flags.optimize, sys.argv); import socket; socket.create_connection(('127.0.0.1', {}))"
    command = ("-IOc", code.format(port.number), "a")
    native = jobs.native(old.python, *command, env=jobs.environ())
    done = jobs.guarded("exec", "--no-network", "--python", old.python, "--", *command, env=jobs.environ())
    assert (native.code, port.take()[0]) == (0, 1)
    assert (done.code, port.take()[0]) == (77, 0)
    assert done.out == native.out == "1 1 ['-c', 'a']\n"
