"""The help pages: what each command is for, examples, and its options out of the one table."""

from __future__ import annotations

from typing import Any

import click

from hermetic import options
from hermetic.options import AUDIT, CHECK, COMPLETION, DIFF, DOCTOR, EXEC, INIT, POLICY, ROOT, RUN, SCHEMA, SHELL, SHOW, TRUST, WHY, Option
from hermetic.policy import load

OUTER_COMMANDS = (RUN, EXEC, SHELL, DOCTOR, AUDIT, WHY, POLICY, COMPLETION)

SETTINGS: dict[str, Any] = {"help_option_names": list(options.BY_NAME["--help"].names), "max_content_width": 100}

ABOUT = {
    ROOT: "Run Python code you do not fully trust, in whatever interpreter or virtual environment it lives, with "
    "network, processes, file writes and native code switched off. No root, no container, nothing installed there. The "
    "guards stand before the target's first line and in its Python children. On Linux the kernel holds the same policy for "
    "native code and programs in any language; 'hermetic doctor' says which layer holds what on this machine.",
    RUN: "Run a command: a console script, a Python file, an interpreter. It is found as a shell would find it, and "
    "runs in its own interpreter. Everything after -- belongs to it.",
    EXEC: "Run a script, a module or code in a named interpreter.",
    SHELL: "Start a guarded REPL.",
    COMPLETION: "Print the completion function of a shell.",
    DOCTOR: "Say which layer holds which guard on this machine, found by having small programs try what is forbidden, and what "
    "would help where one is missing. Exits with 1 if anything got through.",
    AUDIT: "List what runs whenever an interpreter starts, and whose it is. That is lines of .pth files, .start files, sitecustomize "
    "and usercustomize; what no installed distribution accounts for is marked. All is read, nothing of it is run. Exits with 1 if "
    "anything is not accounted for.",
    POLICY: "Show, check and trust what policy files say. A hermetic.toml in a project's directory, or above it, takes away from what runs there "
    "may do; its profiles allow more only when they are trusted.",
    SHOW: "Show the policy that a run with these options would have here, part by part as it is written, and behind each rule the layers that "
    "enforce it on this machine.",
    CHECK: "Read the policy files that count here, or these, and say what is wrong. Exits with 1 if anything is.",
    DIFF: "Say what the second policy allows and forbids that the first does not: profiles, or files. Exits with 1 if they differ.",
    SCHEMA: "Print the JSON schema of policy files, for editors.",
    TRUST: "Let the profiles of the project's policy files, or of FILE, as they are now, allow more than what stands without them; and say what.",
    INIT: "Begin a hermetic.toml for the project.",
    WHY: "Say whether a policy lets a server be connected to, a file be read or written, a program be run, or a distribution's native code be "
    "loaded; by which rule not, and what would allow it. Nothing of it is done. Exits with 1 if it is refused.",
}

EXAMPLES = {
    ROOT: (
        ("hermetic run -- pip install six", "no guard: pip's profile"),
        ("hermetic --no-network --allow-localhost -- pytest", "'run' can be left out"),
        ("hermetic exec --no-network --python ~/env app.py", "in another interpreter"),
        ("hermetic shell --no-network", ""),
    ),
    RUN: (
        ("hermetic run --no-network -- pip install six", ""),
        ("hermetic run --no-network --allow-localhost=8000 -- pytest", ""),
        ("hermetic run --profile net-hermetic -- tox", ""),
        ("hermetic run --with httpie --allow-domain example.com -- http example.com", "in an environment of its own"),
    ),
    EXEC: (
        ("hermetic exec --no-network --python 3.9 script.py a b", ""),
        ("hermetic exec --no-network --python ~/env -m module", ""),
        ("hermetic exec --no-network -- -X utf8 script.py", "Python's own flags"),
        ("echo 'print(1)' | hermetic exec --no-network -", ""),
    ),
    SHELL: (
        ("hermetic shell --no-network --python 3.12", ""),
        ("hermetic shell --with six --python 3.9", "with a package to try, installed for this"),
    ),
    DOCTOR: (("hermetic doctor", ""), ("hermetic doctor --json", "")),
    AUDIT: (("hermetic audit --python ~/env", ""), ("hermetic audit --python 3.12 --json", "")),
    WHY: (
        ("hermetic why --no-network net example.com:443", ""),
        ("hermetic why --allow-domain example.com net a.example.com:443", ""),
        ("hermetic why --allow-listen 8000 listen 8000", ""),
        ("hermetic why --profile pytest write .git/hooks/pre-commit", ""),
        ("hermetic why write src/module.py -- pytest", "by the profile of the command"),
        ("hermetic why --no-subprocess run git", ""),
    ),
    POLICY: (("hermetic policy init", ""), ("hermetic policy show -- pytest", "")),
    SHOW: (
        ("hermetic policy show", "what stands if nothing is asked for"),
        ("hermetic policy show --profile tests --resolved", ""),
    ),
    CHECK: (("hermetic policy check", ""),),
    DIFF: (("hermetic policy diff default net-hermetic", ""), ("hermetic policy diff old.toml hermetic.toml", "")),
    SCHEMA: (("hermetic policy schema > hermetic.schema.json", ""),),
    TRUST: (
        ("hermetic policy trust --dry-run", "what it would give"),
        ("hermetic policy trust", "all that count here"),
        ("hermetic policy trust --forget hermetic.toml", ""),
    ),
    INIT: (("hermetic policy init", ""),),
    COMPLETION: (
        ('eval "$(hermetic completion bash)"', "in ~/.bashrc"),
        ('eval "$(hermetic completion zsh)"', "in ~/.zshrc"),
        ("hermetic completion fish | source", "in config.fish"),
    ),
}

USAGE = {
    RUN: "[OPTIONS] [--] COMMAND [ARGS]...",
    EXEC: "[OPTIONS] SCRIPT|-m MODULE|-c CODE|- [ARGS]...",
    SHELL: "[OPTIONS]",
    COMPLETION: "bash|zsh|fish",
    DOCTOR: "[--json]",
    AUDIT: "[--python PY] [--json]",
    POLICY: "show|check|diff|schema|trust|init ...",
    SHOW: "[OPTIONS] [-- COMMAND [ARGS]...]",
    CHECK: "[FILE]...",
    DIFF: "PROFILE|FILE PROFILE|FILE",
    SCHEMA: "",
    TRUST: "[--dry-run|--forget] [FILE]",
    INIT: "",
    WHY: "[OPTIONS] net HOST:PORT|read PATH|write PATH|run PROGRAM|native DIST [-- COMMAND [ARGS]...]",
}

EXIT_CODES = (
    ("77", "an uncaught violation ended the target"),
    ("124", "--timeout ended it; another limit does by SIGKILL: 137"),
    ("125", "hermetic could not do its job; nothing was started"),
    ("126, 127", "the target cannot be executed, or was not found"),
    ("128+N", "signal N ended the target"),
    ("other", "the target's own"),
)


def write_page(command: str, formatter: click.HelpFormatter) -> None:
    """The help of `command` below its usage: text, examples, and the options under their headings."""
    formatter.write_paragraph()
    formatter.write_text(ABOUT[command])
    formatter.write_paragraph()
    formatter.write("Examples:\n")
    for line, why in EXAMPLES[command]:
        formatter.write(f"  {line:<50}  {why}".rstrip() + "\n")
    inner = {ROOT: OUTER_COMMANDS, POLICY: options.POLICY_COMMANDS}.get(command, ())
    if inner:
        with formatter.section("Commands"):
            formatter.write_dl([(name.removeprefix(f"{POLICY} "), ABOUT[name].partition(". ")[0].rstrip(".") + ".") for name in inner])
    for section in options.SECTIONS:
        rows = [(_spelled(option), help_of(option)) for option in options.known(command) if option.section == section]
        if rows:
            with formatter.section(section):
                formatter.write_dl(rows)
    if command not in options.ANSWERED:
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)


def _spelled(option: Option) -> str:
    value = {options.VALUE: f" {option.metavar}", options.OPTIONAL: f"[={option.metavar}]"}.get(option.kind, "")
    return ", ".join(option.names) + value


def help_of(option: Option) -> str:
    return option.text + (f" One of {', '.join(load.names())}." if option.key == "profile" else "")


class Page(click.Command):
    """A command with a help page of our own."""

    name: str

    @property
    def page(self) -> str:
        """Its name among the commands, as options and pages know it."""
        return self.name if self.name in ABOUT else f"{POLICY} {self.name}"

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(f"{ROOT} {self.page}", USAGE[self.page])
        write_page(self.page, formatter)
