"""`hermetic shell` on a real terminal: the prompt that this Python has natively, with its history, completion and Ctrl-C."""

import re
import termios

import pytest
from launch.bare import Terminal
from launch.environments import find_python

MODULES = ("_pyrepl", "pyrepl", "readline", "rlcompleter")
LOOK = f"import sys; print([n for n in {MODULES} if n in sys.modules], sys.argv, sys.path[0], sys.flags.interactive, 'lo' + 'ok')"
CALL = "import socket; socket.create_connection(('127.0.0.1', {}), 10).close()"
ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[=>]|\r")


class Prompt:
    """Talks to a Python prompt on a terminal. What is awaited never stands in what is typed, which the terminal shows as well."""

    def __init__(self, command, env):
        self.terminal = Terminal(command, env)
        termios.tcsetwinsize(self.terminal.slave, (50, 200))
        self.banner = ESCAPE.sub("", self.terminal.expect(">>> "))

    def say(self, line, answer):
        """Type a line, wait for the answer and the next prompt; returns what came before the answer."""
        self.terminal.type(line + "\r")
        before = self.terminal.expect(answer)
        self.terminal.expect(">>> ")
        return ESCAPE.sub("", before)

    def interrupt(self):
        """Ctrl-C in a line. Python before 3.13 may miss one that comes between two looks, natively, too."""
        self.terminal.type("z")
        self.terminal.expect("z")
        for _ in range(10):
            self.terminal.type("\x03")
            try:
                self.terminal.expect("KeyboardInterrupt", within=2)
                break
            except AssertionError:
                continue
        self.terminal.expect(">>> ")

    def end(self):
        self.terminal.type("exit(3)\r")
        return self.terminal.process.wait(30)


@pytest.fixture
def prompt(jobs, tmp_path):
    """Starts a prompt in a home of its own; interpreters that hermetic knows are in the shared one."""
    started = []

    def start(word, *command):
        home = tmp_path / word
        home.mkdir()
        env = jobs.environ(HOME=home, XDG_CACHE_HOME=jobs.home / ".cache", TERM="xterm")
        started.append(Prompt(command, env))
        return started[-1]

    yield start
    for one in started:
        one.terminal.close()


def talk(prompt, call, answer):
    """All that a user does at a prompt; what was seen of it."""
    seen = [prompt.say(LOOK, "look").splitlines()[-1]]
    prompt.say(call, answer)
    prompt.say("sys.maxunicod\t", "1114111")
    prompt.interrupt()
    prompt.say("print('his' + 'tory')", "history")
    prompt.say("\x10", "history")
    return [*seen, prompt.end()]


@pytest.mark.pythons("3.8", "3.11", "3.13", "3.15", "pypy3.9")
def test_prompt(prompt, jobs, python, port, hermetic_command, tmp_path):
    call = CALL.format(port.number)
    native = prompt("native", python.path)
    expected = talk(native, f"{call}; print('do' + 'ne')", "done")
    assert port.take()[0] == 1
    guarded = prompt("guarded", hermetic_command, "shell", "--no-network", "--python", python.path)
    assert guarded.banner == native.banner
    seen = talk(guarded, call, f"network disabled: connect(127.0.0.1:{port.number})")
    assert port.take()[0] == 0
    assert seen == expected
    assert ("'_pyrepl'" in seen[0]) == (python.version >= (3, 13))
    assert history(tmp_path / "guarded") == history(tmp_path / "native").replace("; print('do' + 'ne')", "")


def history(home):
    file = home / ".python_history"
    return file.read_text() if file.exists() else "none"


def test_refusal_is_told_at_the_prompt(prompt, hermetic_command):
    """In its three lines, which begin at the left although the prompt has the terminal in raw mode; the session goes on."""
    started = prompt("guarded", hermetic_command, "shell", "--no-network", "--python", find_python("3.13"))
    started.terminal.type("import socket; socket.gethostbyname('example.com')\r")
    started.terminal.expect("hermetic: blocked action: network disabled: DNS(example.com)\r\n  asked by  <python-input-0>:1\r\n")
    started.terminal.expect("  allow it  --allow-domain example.com\r\n")
    started.say("print('going' + 'on')", "goingon")
    started.end()
    started.terminal.expect("hermetic: blocked 1 action in all: network 1")


@pytest.mark.pythons("3.11", "3.13", "pypy3.9")
@pytest.mark.parametrize("guard", ["--no-network", "--no-subprocess", "--fs-readonly=.", "--block-native"])
def test_prompt_after_an_isolated_script(jobs, python, tmp_path, guard):
    """-I is the stub's, and -i has it handed over open, which is an exec more: under no guard is there anything missing."""
    (tmp_path / "script.py").write_text("value = 5\n")
    words = ("-I", "-i", "script.py")
    env, options = jobs.environ(), {"input": b"print('value', value)\n", "stdin": None}
    native = jobs.native(python.path, *words, env=env, **options)
    done = jobs.guarded("exec", guard, "--python", python.path, "--", *words, env=env, **options)
    assert done[:3] == native[:3]
    assert (done.code, "value 5\n" in done.out) == (0, True)


def test_script_on_stdin(jobs):
    """Without a terminal it runs what comes."""
    python = find_python("3.11")
    script = b"import sys\nprint(sys.argv, sys.flags.interactive)\nraise SystemExit(4)\n"
    native = jobs.native(python, env=jobs.environ(), input=script, stdin=None)
    done = jobs.guarded("shell", "--no-network", "--python", python, env=jobs.environ(), input=script, stdin=None)
    assert (done.code, done.out, done.err) == (native.code, native.out, native.err) == (4, "[''] 0\n", "")
