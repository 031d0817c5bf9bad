"""Runs a real command twice: as a user would without hermetic, and guarded by it; both from the same clean environment."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from hermetic.target.interrogate import interrogate

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class Done(NamedTuple):
    """What came of a run. `out` and `err` are text with undecodable bytes kept (surrogateescape); `events` those of --log."""

    code: int
    out: str
    err: str
    events: tuple = ()

    def of(self, kind):
        return [event for event in self.events if event["event"] == kind]

    @property
    def refused(self):
        """`action(target)` of each refusal, in order."""
        return [f"{event['action']}({event['target']})" for event in self.of("refused")]

    @property
    def guarded_pids(self):
        return {event["pid"] for event in self.of("ready")}


class Jobs:
    """directory: of one test; home: shared by the tests of a session, so that interpreters are interrogated once."""

    def __init__(self, hermetic, directory, home):
        self.hermetic = hermetic
        self.directory = directory
        self.home = home
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self._count = 0

    def environ(self, environment=None, **more):
        """What both runs get: nothing of ours but where home and temporary files are. `environment` is activated, as by its script."""
        path = SYSTEM_PATH if environment is None else f"{environment.bin}:{SYSTEM_PATH}"
        activated = {} if environment is None else {"VIRTUAL_ENV": str(environment.path)}
        basis = {
            "PATH": path,
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            "PIP_CONFIG_FILE": os.devnull,  # --isolated does not keep pip from reading the machine's
            "VIRTUALENV_NO_PERIODIC_UPDATE": "1",
        }
        return basis | activated | {name: str(value) for name, value in more.items()}

    def acquaint(self, home, python):
        """Have hermetic know an interpreter in a home of the test's own, as if it had been asked for there before."""
        known = self.home / ".cache/hermetic"
        interrogate(python, str(known))
        shutil.copytree(known / "interpreters", home / ".cache/hermetic/interpreters")

    def native(self, *command, env, before=(), **options):
        """Run a command as it is; `before` is a command that shall start it."""
        return finished([*before, *command], {"cwd": self.directory} | options, env)

    def guarded(self, *words, env, before=(), log=True, **options):
        """Run hermetic with these words; `log` has it tell its events. A run directory left behind fails the test."""
        self._count += 1
        file = self.directory / f"log-{self._count}"
        words = with_log(words, file) if log else words
        done = finished([*before, self.hermetic, *words], {"cwd": self.directory} | options, env)
        assert [entry for entry in os.listdir(self.temporary) if entry.startswith("hermetic-")] == []
        return done._replace(events=events_of(file))


def events_of(log):
    lines = log.read_text().splitlines() if log.exists() else []
    return tuple(json.loads(line) for line in lines)


def with_log(words, log):
    """The words with --log as hermetic's first option, behind the name of the command if there is one."""
    at = 1 if words[0] in ("run", "exec", "shell") else 0
    return [*words[:at], f"--log={log}", *words[at:]]


def finished(command, options, env):
    words = [word if isinstance(word, bytes) else os.fsencode(str(word)) for word in command]
    done = subprocess.run(words, env=env, **{"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": PATIENCE_S} | options)
    return Done(done.returncode, decoded(done.stdout), decoded(done.stderr))


def decoded(data):
    return (data or b"").decode("utf-8", "surrogateescape")


def three_lines(action, asker, hint):
    """A pattern for what is printed at a first refusal. `asker` is a pattern, the others are plain text."""
    return rf"(?m)^hermetic: blocked action: {re.escape(action)}\n  asked by  {asker}\n  allow it  {re.escape(hint)}\n"


def transcript(command):
    """What the README shows of a command."""
    text = (ROOT / "README.md").read_text()
    block = re.search(rf"(?:^    \$ {re.escape(command)}.*\n)((?:    .*\n|\n)+)", text, re.MULTILINE)[1]
    return re.sub("^    ", "", block, flags=re.MULTILINE).rstrip("\n") + "\n"


def is_shown(shown, text):
    """Whether a text is as a transcript has it, in which `...` stands for anything within a line."""
    pattern = re.escape(rearranged(shown)).replace(re.escape("..."), ".*")
    return re.fullmatch(pattern, rearranged(text)) is not None


def rearranged(text):
    """Output as a transcript has it: without versions and line numbers, and with the three lines of a refusal first.

    The launcher writes them at once, but on a busy machine the target may be quicker all the same.
    """
    text = re.sub(r":\d+\)", ":N)", re.sub(r"\d+(\.\d+)+", "N", text))
    blocks = re.findall(r"(?m)^hermetic: blocked action: .*\n(?:  .*\n)*", text)
    for block in blocks:
        text = text.replace(block, "", 1)
    return "".join(blocks) + text


def first_line(err):
    """The first of the lines that hermetic wrote, between those of the target."""
    return next((line for line in err.splitlines() if line.startswith("hermetic: ")), "")
