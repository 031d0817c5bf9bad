"""click's side of the command line: help, completion, version.

Commands and options are made from the rows of the table that `options.parse` reads, so there is nothing here that could
differ from it but words. No run passes through this module: what `options.parse` understands is started without click.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class, shell_complete

from hermetic import __version__, options
from hermetic.errors import CANNOT, HermeticError, UsageError
from hermetic.options import COMPLETE_VARIABLE, COMPLETION, DOCTOR, EXEC, ROOT, RUN, SHELL, WHY, Invocation, Option
from hermetic.policy import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    Items = list[CompletionItem[str]]  # a generic class from click 8.5 on only

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
    WHY: "Say whether a policy lets HOST be looked up and PORT of it be connected to, by which rule not, and what would allow it. "
    "Nothing is sent. Exits with 1 if it is refused.",
}

EXAMPLES = {
    ROOT: (
        ("hermetic run -- pip install six", "no guard named: no network"),
        ("hermetic --no-network --allow-localhost -- pytest", "'run' can be left out"),
        ("hermetic exec --no-network --python ~/env app.py", "in another interpreter"),
        ("hermetic shell --no-network", ""),
    ),
    RUN: (
        ("hermetic run --no-network -- pip install six", ""),
        ("hermetic run --no-network --allow-localhost=8000 -- pytest", ""),
        ("hermetic run --profile net-hermetic -- tox", ""),
    ),
    EXEC: (
        ("hermetic exec --no-network --python 3.9 script.py a b", ""),
        ("hermetic exec --no-network --python ~/env -m module", ""),
        ("echo 'print(1)' | hermetic exec --no-network -", ""),
    ),
    SHELL: (("hermetic shell --no-network --python 3.12", ""),),
    DOCTOR: (("hermetic doctor", ""), ("hermetic doctor --json", "")),
    WHY: (
        ("hermetic why --no-network net example.com:443", ""),
        ("hermetic why --allow-domain example.com net a.example.com:443", ""),
    ),
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
    WHY: "[OPTIONS] net HOST:PORT",
}

EXIT_CODES = (
    ("77", "an uncaught violation ended the target"),
    ("124", "--timeout ended it; another limit does by SIGKILL: 137"),
    ("125", "hermetic could not do its job; nothing was started"),
    ("126, 127", "the target cannot be executed, or was not found"),
    ("128+N", "signal N ended the target"),
    ("other", "the target's own"),
)


def main(argv: Sequence[str]) -> int:
    """Answer a command line that `options.parse` left to click; returns the exit code.

    Raises UsageError, and HermeticError where the answer cannot be written.
    """
    try:
        code = _answer(argv)
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()  # what fails later is told by nobody but Python
        return code
    except BrokenPipeError:  # the reader of the help has gone
        _drop_output()
    except OSError as error:
        _drop_output()
        raise HermeticError(f"{error.filename or 'the answer cannot be written'}: {error.strerror}") from None
    return CANNOT


def _answer(argv: Sequence[str]) -> int:
    instruction = os.environ.get(COMPLETE_VARIABLE)
    if instruction:
        return _complete(instruction)
    try:
        if argv:
            return int(GROUP.main(list(argv), prog_name=ROOT, standalone_mode=False) or 0)
        click.echo(GROUP.get_help(click.Context(GROUP, info_name=ROOT, **SETTINGS)), err=True)
    except click.UsageError as error:
        raise UsageError(" ".join(error.format_message().split())) from None
    except click.Abort:
        raise KeyboardInterrupt from None
    return CANNOT


def _drop_output() -> None:
    """Python writes what is left of it when it exits, and would complain a second time, in its own words and with its own exit code."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complete(instruction: str) -> int:
    if shell_complete(GROUP, {}, ROOT, COMPLETE_VARIABLE, instruction):
        raise UsageError(f"{COMPLETE_VARIABLE} is set, to something that no shell's completion asks")
    return 0


# The help pages.


def write_page(command: str, formatter: click.HelpFormatter) -> None:
    """The help of `command` below its usage: text, examples, and the options under their headings."""
    formatter.write_paragraph()
    formatter.write_text(ABOUT[command])
    formatter.write_paragraph()
    formatter.write("Examples:\n")
    for line, why in EXAMPLES[command]:
        formatter.write(f"  {line:<52}{why}".rstrip() + "\n")
    if command == ROOT:
        with formatter.section("Commands"):
            formatter.write_dl([(name, ABOUT[name].partition(". ")[0].rstrip(".") + ".") for name in SUBCOMMANDS])
    for section in options.SECTIONS:
        rows = [(_spelled(option), _help(option)) for option in options.known(command) if option.section == section]
        if rows:
            with formatter.section(section):
                formatter.write_dl(rows)
    if command not in options.ANSWERED:
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)


def _spelled(option: Option) -> str:
    value = {options.VALUE: f" {option.metavar}", options.OPTIONAL: f"[={option.metavar}]"}.get(option.kind, "")
    return ", ".join(option.names) + value


def _help(option: Option) -> str:
    return option.text + (f" One of {', '.join(load.names())}." if option.key == "profile" else "")


# Completion.

FLAGS_FIRST = "hermetic.flags-first"
TARGET_BEGUN = "hermetic.target-begun"
"""Marks in a context's `meta`: options came before any command; from here on the words are the target's."""


def _file(incomplete: str) -> Items:
    """Leave it to the shell, which knows files."""
    return [CompletionItem(incomplete, type="file")]


def programs(incomplete: str) -> Items:
    """The commands on PATH whose name begins so; files where a path is being written, or nothing is yet."""
    if not incomplete or "/" in incomplete:
        return _file(incomplete)
    found = {name for directory in os.get_exec_path() if directory for name in _executables(directory, incomplete)}
    return [CompletionItem(name) for name in sorted(found)]


def _executables(directory: str, start: str) -> list[str]:
    try:
        return [path.name for path in Path(directory).iterdir() if path.name.startswith(start) and os.access(path, os.X_OK)]
    except OSError:
        return []


VALUES: dict[str, Any] = {
    "profile": lambda ctx, parameter, start: [CompletionItem(name) for name in load.names() if name.startswith(start)],
    "log": lambda ctx, parameter, start: _file(start),
    "python": lambda ctx, parameter, start: _file(start),
}
"""How the value of an option is completed, by its key."""


def _after_optional(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """click takes the word after an optional value's flag for the value; more likely it is the target's first."""
    return programs(incomplete)


def _word_of_target(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    first_of_run = ctx.info_name == RUN and not ctx.meta.get(TARGET_BEGUN)
    return programs(incomplete) if first_of_run else _file(incomplete)


def _print_completion(shell: str) -> None:
    made = get_completion_class(shell)
    if made is not None:
        # Not `source()` of the shell's own class: bash's starts a bash to ask for its version.
        click.echo(ShellComplete.source(made(GROUP, {}, ROOT, COMPLETE_VARIABLE)))


def _examine(json: bool) -> int:
    from hermetic import doctor

    found = doctor.examine()
    if json:
        from json import dumps

        click.echo(dumps(found.as_data(), indent=2))
    else:
        click.echo(doctor.report(found), nl=False)
    return 0 if found.holds else 1


def _explain(surface: str, what: str, **values: Any) -> int:
    from hermetic import explain
    from hermetic.policy import combine

    given = {key: value for key, value in values.items() if value not in (None, (), False)}
    resolved = combine.resolve(Invocation(RUN, given, []), os.getcwd())
    for notice in resolved.notices:
        click.echo(f"hermetic: {notice}", err=True)
    answers = explain.network(resolved.policy, what)
    click.echo("\n".join(map(str, answers)))
    return 0 if all(answer.decision.allowed for answer in answers) else 1


# The commands.


def separated(ctx: click.Context, command: str, words: list[str]) -> list[str]:
    """`words` with a `--` before the target.

    click would take the word after `--fs-readonly` for its value, and does not know where exec's target starts.
    """
    try:
        _, stop, start = options.scan(command, words)
    except UsageError:
        if not ctx.resilient_parsing:
            raise
        return words  # half a line, while completing
    ctx.meta[TARGET_BEGUN] = start < len(words)
    return [*words[:stop], "--", *words[start:]]


class Page(click.Command):
    """A command with a help page of our own."""

    name: str

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(f"{ROOT} {self.name}", USAGE[self.name])
        write_page(self.name, formatter)


class Launch(Page):
    """run, exec or shell. Never invoked: what can be launched, `options.parse` has launched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, separated(ctx, self.name, args))

    def invoke(self, ctx: click.Context) -> None:
        raise HermeticError("this command line was not understood, so nothing was started")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        return _file(incomplete) if ctx.meta.get(TARGET_BEGUN) else super().shell_complete(ctx, incomplete)


class Why(Page):
    """Its options are those of a run; its words come behind them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, separated(ctx, self.name, args))


class Group(click.Group):
    """`hermetic`, which is `run` where flags come first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-"):
            ctx.meta[FLAGS_FIRST] = True
            args = separated(ctx, ROOT, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ROOT, "[run] [OPTIONS] -- COMMAND [ARGS]...")
        formatter.write_usage(ROOT, "exec|shell|doctor|why|completion ...", prefix="       ")
        write_page(ROOT, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        if ctx.meta.get(TARGET_BEGUN):
            return _file(incomplete)
        if ctx.meta.get(FLAGS_FIRST) and not incomplete.startswith("-"):
            return programs(incomplete)
        return super().shell_complete(ctx, incomplete)


def parameter(option: Option) -> click.Option:
    """A row of the table as click has it."""
    settings: dict[str, Any] = {"help": _help(option), "shell_complete": VALUES.get(option.key)}
    if option.kind in (options.FLAG, options.ANSWER):
        settings["is_flag"] = True
    else:
        kind = click.Choice(option.choices) if option.choices else click.UNPROCESSED
        settings |= {"metavar": option.metavar, "multiple": option.many, "type": kind}
    if option.kind == options.OPTIONAL:
        settings |= {"is_flag": False, "flag_value": True, "shell_complete": _after_optional}
    if option.kind == options.ANSWER:
        settings |= {"is_eager": True, "expose_value": False, "callback": _version}
    return click.Option(option.names, **settings)


def _version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"{ROOT} {__version__}")
        ctx.exit()


def _parameters(command: str) -> list[click.Parameter]:
    """The options that `command` knows (click adds help itself), and its target."""
    made: list[click.Parameter] = [parameter(row) for row in options.known(command) if row.key != "help"]
    if command in (RUN, EXEC):
        made.append(click.Argument(["target"], nargs=-1, type=click.UNPROCESSED, shell_complete=_word_of_target))
    return made


_SHELL = click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")

_QUESTION: list[click.Parameter] = [
    click.Argument(["surface"], type=click.Choice(["net"]), metavar="net"),
    click.Argument(["what"], metavar="HOST:PORT"),
]

SUBCOMMANDS: dict[str, click.Command] = {
    **{name: Launch(name, params=_parameters(name), help=ABOUT[name], context_settings=SETTINGS) for name in options.COMMANDS},
    DOCTOR: Page(DOCTOR, params=_parameters(DOCTOR), callback=_examine, help=ABOUT[DOCTOR], context_settings=SETTINGS),
    WHY: Why(WHY, params=[*_parameters(WHY), *_QUESTION], callback=_explain, help=ABOUT[WHY], context_settings=SETTINGS),
    COMPLETION: Page(COMPLETION, params=[_SHELL], callback=_print_completion, help=ABOUT[COMPLETION], context_settings=SETTINGS),
}
GROUP = Group(ROOT, commands=SUBCOMMANDS, params=_parameters(ROOT), context_settings=SETTINGS)
