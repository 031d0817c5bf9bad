"""Finding programs and following `#!` lines, by reading only."""

import ast
import os
from pathlib import Path

import pytest
from hermetic_guard import files, programs
from hermetic_guard.programs import NotExecutable, NotFound, Unknown

BINARY = b"\x7fELF\2\1\1"


@pytest.mark.parametrize("module", ["files", "cmdline", "shebang", "pyenv", "pex", "programs"])
def test_they_import_nothing_but_os(module):
    """They are loaded at the start of every guarded process."""
    tree = ast.parse(Path(programs.__file__).with_name(f"{module}.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    ours = {
        "from hermetic_guard import files",
        "from hermetic_guard.files import HEAD",
        "from hermetic_guard import files, pex, pyenv, shebang",
    }
    assert {ast.unparse(node).partition("from posix")[0] for node in imports} - {""} <= {"import os", *ours}


@pytest.fixture
def make(tmp_path):
    """Makes a file below tmp_path, executable unless told otherwise, a binary by default; gives its path."""

    def make(name, content=BINARY, mode=0o755):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return str(path)

    return make


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return str(path)


class TestFind:
    def test_the_first_on_path(self, make, tmp_path):
        first, second = make("a/tool"), make("b/tool")
        assert programs.find("tool", f"{tmp_path}/missing:{tmp_path}/a:{tmp_path}/b") == first
        assert programs.find("tool", f"{tmp_path}/b:{tmp_path}/a") == second

    def test_a_path_is_not_searched(self, make, tmp_path):
        make("a/sub/tool")
        make("sub/tool")
        assert programs.find("sub/tool", f"{tmp_path}/a", str(tmp_path)) == "sub/tool"
        with pytest.raises(NotFound, match="sub/tool: no such file"):
            programs.find("sub/tool", f"{tmp_path}/a", "/")

    @pytest.mark.parametrize("path", ["", ":/missing", "/missing:", "/missing::/other"])
    def test_an_empty_entry_is_the_working_directory(self, make, tmp_path, path):
        make("tool")
        assert programs.find("tool", path, str(tmp_path)) == "tool"

    def test_a_relative_entry(self, make, tmp_path):
        make("bin/tool")
        assert programs.find("tool", "bin", str(tmp_path)) == "bin/tool"

    def test_without_path_the_system_is_searched(self, make, tmp_path, monkeypatch):
        assert programs.find("sh", None) == "/bin/sh"
        monkeypatch.chdir(tmp_path)
        make("tool")
        with pytest.raises(NotFound):
            programs.find("tool", None)

    def test_directories_are_passed_over(self, make, tmp_path):
        (tmp_path / "a/tool").mkdir(parents=True)
        with pytest.raises(NotFound, match="tool: command not found"):
            programs.find("tool", f"{tmp_path}/a")
        there = make("b/tool")
        assert programs.find("tool", f"{tmp_path}/a:{tmp_path}/b") == there

    def test_what_may_not_be_executed_is_passed_over_but_remembered(self, make, tmp_path):
        make("a/tool", mode=0o644)
        with pytest.raises(NotExecutable, match="a/tool: no permission to execute it"):
            programs.find("tool", f"{tmp_path}/a:{tmp_path}/missing")
        there = make("b/tool")
        assert programs.find("tool", f"{tmp_path}/a:{tmp_path}/b") == there

    @pytest.mark.parametrize("name", ["", "missing", "a" * 5000, "nul\0byte", "/nul\0byte", "/missing/tool", "/etc/passwd/tool"])
    def test_not_found(self, name):
        with pytest.raises(NotFound) as caught:
            programs.find(name, "/usr/bin:/bin")
        assert caught.value.exit_code == 127

    def test_not_executable(self, make, tmp_path):
        os.mkfifo(tmp_path / "fifo", 0o755)
        for path, why in [("/tmp", "is a directory"), (f"{tmp_path}/fifo", "not a regular file"), ("/etc/passwd", "permission")]:
            with pytest.raises(NotExecutable, match=why) as caught:
                programs.find(path, "")
            assert caught.value.exit_code == 126

    def test_a_dangling_link(self, tmp_path):
        link(tmp_path / "tool", "nowhere")
        with pytest.raises(NotFound):
            programs.find("tool", str(tmp_path))


@pytest.mark.parametrize(
    "name",
    "python python2 python2.7 python3 python3.11 python3.13t python3.13td python3.7m python3-dbg python3.11-dbg python3.9.18 "
    "pypy pypy3 pypy3.9 pypy3-c pypy3.10-c".split(),
)
def test_names_of_interpreters(name):
    assert programs.is_python_name(name)


@pytest.mark.parametrize(
    "name",
    "python-config python3-config python3.11-gdb.py python-argcomplete pythonx python3x pythont pypyt pypy3clean xpython ipython "
    "python.exe PYTHON python3-3 py pythonm -python".split(),
)
def test_other_names(name):
    assert not programs.is_python_name(name)


class TestFollow:
    def test_a_binary(self, make):
        python = make("bin/python3")
        program = programs.follow(python, {})
        assert (program.kind, program.interpreter, program.argv, program.script) == ("python", python, [python], None)
        assert program.steps == []

    def test_a_binary_that_is_no_python(self, make):
        assert programs.follow(make("bin/ls"), {}).kind == "other"

    def test_it_keeps_the_name_it_was_called_by(self, make):
        python = make("bin/python3")
        program = programs.follow(python, {}, name="python3")
        assert (program.interpreter, program.argv) == (python, ["python3"])

    def test_links_are_not_resolved(self, make, tmp_path):
        real = make("usr/bin/python3.11")
        one, two = link(tmp_path / "one/bin/python", real), link(tmp_path / "two/bin/python", real)
        script = make("one/bin/tool", f"#!{one}\n")
        assert programs.follow(one, {}).interpreter == one
        assert programs.follow(script, {}).interpreter == one
        assert programs.follow(two, {}).interpreter == two

    def test_a_link_is_called_by_what_it_leads_to(self, make, tmp_path):
        python, other = make("bin/python3.11"), make("bin/abc123")
        assert programs.follow(link(tmp_path / "myapp", python), {}).kind == "python"
        assert programs.follow(link(tmp_path / "python", other), {}).kind == "python"
        assert programs.follow(link(tmp_path / "python3", make("bin/mise")), {}).kind == "other"

    def test_a_script(self, make):
        python = make("v/bin/python")
        script = make("v/bin/tool", f"#!{python} -sE\nimport tool\n")
        program = programs.follow(script, {}, name="tool")
        assert (program.kind, program.interpreter, program.flags, program.script) == ("python", python, ["-sE"], script)
        assert program.argv == [python, "-sE", script]
        assert program.steps == [f"{script} is run by {python} (its #! line)"]

    def test_a_script_of_a_script(self, make):
        """As in the kernel: the inner script's path and argument stand before the outer one's."""
        python = make("bin/python")
        wrapper = make("bin/wrapper", f"#!{python} -u\n")
        script = make("script", f"#!{wrapper} -x\n")
        assert programs.follow(script, {}).argv == [python, "-u", wrapper, "-x", script]

    def test_relative_to_the_working_directory(self, make, tmp_path):
        make("bin/python")
        make("script", "#!bin/python\n")
        program = programs.follow("./script", {}, str(tmp_path))
        assert program.interpreter == str(tmp_path / "bin/python")
        assert program.argv == ["bin/python", "./script"]

    def test_env(self, make, tmp_path):
        python = make("bin/python3")
        script = make("script", "#!/usr/bin/env -S -u GONE A=1 python3 -u\n")
        program = programs.follow(script, {"PATH": f"{tmp_path}/bin", "GONE": "x", "KEPT": "y"})
        assert (program.interpreter, program.argv) == (python, ["python3", "-u", script])
        assert program.environ == {"PATH": f"{tmp_path}/bin", "KEPT": "y", "A": "1"}

    def test_env_searches_the_path_that_it_sets(self, make, tmp_path):
        python = make("bin/python3")
        script = make("script", f"#!/usr/bin/env -S PATH={tmp_path}/bin python3\n")
        assert programs.follow(script, {"PATH": "/missing"}).interpreter == python

    def test_env_that_empties_the_environment(self, make):
        script = make("script", f"#!/usr/bin/env -S -i A=1 {make('python')}\n")
        assert programs.follow(script, {"PATH": "x", "B": "2"}).environ == {"A": "1"}

    def test_env_with_a_variable(self, make, tmp_path):
        python = make("bin/python3")
        script = make("script", "#!/usr/bin/env -S ${ROOT}/bin/python3\n")
        assert programs.follow(script, {"ROOT": str(tmp_path)}).interpreter == python

    def test_the_given_environment_is_left_alone(self, make):
        environ = {"PATH": "x"}
        programs.follow(make("script", f"#!/usr/bin/env -S -i A=1 {make('python')}\n"), environ)
        assert environ == {"PATH": "x"}

    def test_pip_in_a_path_with_a_space(self, make):
        python = make("a b/bin/python")
        script = make("a b/bin/tool", f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\nimport tool\n")
        program = programs.follow(script, {})
        assert (program.interpreter, program.argv) == (python, [python, script])

    def test_uv_relocatable_through_a_link(self, make, tmp_path):
        python = make("v/bin/python")
        script = make("v/bin/tool", "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n")
        program = programs.follow(link(tmp_path / "local/bin/tool", script), {})
        assert program.interpreter == python
        assert program.argv == [python, str(tmp_path / "local/bin/tool")]

    def test_beside_the_script_as_it_is_named(self, make, tmp_path):
        python = make("v/bin/python")
        make("v/bin/tool", '#!/bin/sh\n"exec" "`dirname $0`/python" "$0" "$@"\n')
        assert programs.follow("v/bin/tool", {}, str(tmp_path)).interpreter == python
        assert programs.follow("tool", {}, str(tmp_path / "v/bin")).argv == ["./python", "tool"]

    def test_a_shell_script_is_no_python(self, make):
        program = programs.follow(make("tool", '#!/bin/sh\nexec /usr/bin/python3 -m tool "$@"\n'), {})
        assert (program.kind, program.interpreter) == ("other", "/bin/sh")

    def test_a_wrapper_called_python_is_no_interpreter(self, make):
        wrapper = make("bin/python", '#!/bin/sh\nexec /usr/bin/python3 "$@"\n')
        assert programs.follow(wrapper, {}).kind == "other"
        assert programs.follow(make("script", f"#!{wrapper}\n"), {}).kind == "other"

    @pytest.mark.parametrize(
        ("first", "why"),
        [
            ("#!/missing/python\n", "/missing/python: no such file"),
            ("#!/missing/python\r\n", "ends with a carriage return"),
            ("#!/usr/bin/env python3.99\n", "python3.99: command not found"),
            ("#!/usr/bin/env python3 -u\n", "python3 -u: command not found"),
            ("#!/usr/bin/env python3\r\n", "ends with a carriage return"),
            ("#!/tmp\n", "/tmp: is a directory"),
            ("#!/etc/passwd\n", "/etc/passwd: no permission"),
            ("#!/bin/sh\nexec /missing/python \"$0\" \"$@\"\n", "/missing/python: no such file"),
            ("#!\n", "neither a binary nor a script"),
            ("import os\n", "neither a binary nor a script"),
            ("", "neither a binary nor a script"),
        ],
    )  # fmt: skip
    def test_first_lines_that_lead_nowhere(self, make, first, why):
        script = make("script", first)
        with pytest.raises(NotExecutable) as caught:
            programs.follow(script, {"PATH": "/usr/bin:/bin"})
        assert str(caught.value).startswith(f"{script}: ")
        assert why in str(caught.value)

    def test_a_script_that_is_its_own_interpreter(self, make, tmp_path):
        with pytest.raises(NotExecutable, match="more than 5 interpreters"):
            programs.follow(make("script", f"#!{tmp_path}/script\n"), {})

    def test_what_is_not_there(self, make):
        with pytest.raises(NotFound):
            programs.follow("/missing", {})
        with pytest.raises(NotExecutable):
            programs.follow(make("tool", mode=0o644), {})

    def test_what_cannot_be_read(self, make, monkeypatch):
        def refuse(*args):
            raise PermissionError(13, "Permission denied")

        tool, python = make("tool"), make("python3")
        monkeypatch.setattr(files, "read_file", refuse)
        for file in (tool, python):
            with pytest.raises(Unknown, match="cannot be read: Permission denied"):
                programs.follow(file, {})
            with pytest.raises(Unknown):
                programs.read(file)

    def test_without_descriptors_there_is_no_answer(self, make, monkeypatch):
        def exhausted(*args):
            raise OSError(24, "Too many open files")

        tool = make("tool")
        monkeypatch.setattr(files, "read_file", exhausted)
        with pytest.raises(OSError, match="Too many open files"):
            programs.read(tool)

    def test_what_is_in_too_deep(self, make, tmp_path):
        for name in ("x" * 300, "a/" * 2000 + "x"):
            assert programs.read(name) is None
        deep = "/".join([str(tmp_path), *["d" * 200] * 25])
        with pytest.raises(Unknown, match="cannot be found: File name too long"):
            programs.read("x", {}, deep)
        with pytest.raises(Unknown, match="cannot be found"):
            programs.find("x", deep)

    @pytest.mark.parametrize("interpreter", ["/dev/stdin", "/proc/self/fd/9", "/usr/bin/env -S PATH=/dev/fd/9:/bin sh"])
    def test_an_interpreter_that_is_another_in_each_process(self, make, interpreter):
        with pytest.raises(Unknown, match="something else in another"):
            programs.read(make("script", f"#!{interpreter}\n"), {"PATH": "/bin"})

    def test_read_gives_none_instead(self, make):
        python = make("python")
        assert programs.read(python).interpreter == python
        assert programs.read("/missing") is None
        assert programs.read(make("script", "#!/missing\n")) is None

    def test_names_that_are_no_text(self, make, tmp_path):
        python = os.fsdecode(bytes(tmp_path) + b"/\xff/python")
        make(os.path.relpath(python, tmp_path))
        script = make("script", b"#!" + os.fsencode(python) + b" \xfe\n")
        assert programs.follow(script, {}).argv == [python, "\udcfe", script]


class TestHermetic:
    HEAD = "#!/bin/sh\n''':'\n# The hermetic command: ...\n'''\n"

    def install(self, make, packages="lib/python3.12/site-packages"):
        make(f"v/{packages}/hermetic-1.0.dist-info/RECORD", "")
        return make("v/bin/hermetic", self.HEAD)

    def test_its_own_environment(self, make, tmp_path):
        make("v/lib/python3.11/site-packages/other/__init__.py", "")
        make("v/bin/python3.11")
        python, command = make("v/bin/python3.12"), self.install(make)
        program = programs.follow(link(tmp_path / "local/bin/hermetic", command), {})
        assert os.path.realpath(program.interpreter) == python
        assert program.kind == "python"
        assert program.argv[1:] == ["-I", "-S", "-X", "disable-remote-debug", command]

    def test_debian_without_an_interpreter_beside_it(self, make):
        self.install(make, "lib/python3.11/dist-packages")
        assert programs.follow(f"{os.path.dirname(make('v/x'))}/bin/hermetic", {}).interpreter == "/usr/bin/python3.11"

    def test_no_installation(self, make):
        with pytest.raises(NotExecutable, match="no interpreter has hermetic installed"):
            programs.follow(make("v/bin/hermetic", self.HEAD), {})


class TestPyenv:
    """Shims: what they would start, without starting them."""

    @pytest.fixture
    def root(self, make, tmp_path):
        for version in ("3.9.2", "3.9.18", "3.12.1"):
            minor = version.rpartition(".")[0]
            make(f"root/versions/{version}/bin/python{minor}")
            link(tmp_path / f"root/versions/{version}/bin/python", f"python{minor}")
        make("root/versions/3.12.1/bin/tool", f"#!{tmp_path}/root/versions/3.12.1/bin/python3.12\n")
        shim = f'#!/usr/bin/env bash\nset -e\nexport PYENV_ROOT="{tmp_path}/root"\nexec "/x/pyenv" exec "$program" "$@"\n'
        for name in ("python", "python3.9", "python3.12", "tool", "other"):
            make(f"root/shims/{name}", shim)
        return tmp_path / "root"

    def follow(self, root, name, **environ):
        environ.setdefault("PATH", f"{root}/shims:{root.parent}/system")
        return programs.follow(programs.find(name, environ["PATH"]), environ, str(root.parent), name)

    def test_the_selected_version(self, root):
        program = self.follow(root, "python", PYENV_VERSION="3.12.1")
        assert program.interpreter == f"{root}/versions/3.12.1/bin/python"
        assert program.argv == [program.interpreter]
        assert program.environ["PATH"].startswith(f"{root}/versions/3.12.1/bin:{root}/shims:")
        assert program.environ["PYENV_VERSION"] == "3.12.1"
        assert program.environ["PYENV_ROOT"] == str(root)

    def test_a_script_of_the_selected_version(self, root):
        program = self.follow(root, "tool", PYENV_VERSION="3.12.1")
        assert program.script == f"{root}/versions/3.12.1/bin/tool"
        assert program.kind == "python"

    def test_the_first_of_several_that_has_it(self, root):
        assert self.follow(root, "python3.12", PYENV_VERSION="3.9.18:3.12.1").interpreter.endswith("/3.12.1/bin/python3.12")
        assert self.follow(root, "python", PYENV_VERSION="3.9.18:3.12.1").interpreter.endswith("/3.9.18/bin/python")

    @pytest.mark.parametrize("version", ["system", "3.12.1", "system:3.12.1"])
    def test_the_system(self, root, make, version):
        python = make("system/python3.9")
        program = self.follow(root, "python3.9", PYENV_VERSION=version)
        assert program.interpreter == python
        assert program.environ["PATH"] == f"{root}/shims:{root.parent}/system"

    def test_no_selected_version_has_it(self, root):
        with pytest.raises(NotFound, match="other: command not found in pyenv's version"):
            self.follow(root, "other", PYENV_VERSION="3.9.18")

    def test_through_env(self, root, make):
        script = make("script", "#!/usr/bin/env python\n")
        program = programs.follow(script, {"PATH": f"{root}/shims", "PYENV_VERSION": "3.9"})
        assert program.argv == [f"{root}/versions/3.9.18/bin/python", script]


OWN_NAMES = {
    "/dev/stdin": "0",
    "/dev/stdout/x": "1",
    "/dev/fd/7": "7",
    "/proc/self/fd/7": "7",
    "/proc/thread-self/fd/7/sub/tool": "7",
    "/proc/self/task/../fd/7": "7",
    "/proc/../proc//./self/fd/7": "7",
    "/proc/self/../self/cwd/tool": "cwd",
    "/proc/self/root/proc/self/fd/7": "7",
    "{0}/link": "7",
    "{0}/self/fd/../fd/7": "7",
    "/proc/{1}/fd/7": None,
    "/proc/self/exe": None,
    "/proc/self/fd": None,
    "/dev/null": None,
    "{0}/loop/tool": None,
    "{0}/fd/7": None,
    "cwd/fd/7": None,
    "": None,
}


@pytest.mark.parametrize("path", OWN_NAMES)
def test_names_that_are_something_else_in_each_process(path, tmp_path):
    for name, target in (("link", "/dev/fd/7"), ("self", "/proc/self"), ("loop", "loop"), ("fd", "/usr")):
        (tmp_path / name).symlink_to(target)
    assert programs.own_name(path.format(tmp_path, os.getpid())) == OWN_NAMES[path]
