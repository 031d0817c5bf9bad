"""click's side of the command line: help, completion, version.

Commands and options are made from the rows of the table that `options.parse` reads, so there is nothing here that could
differ from it but words. No run passes through this module: what `options.parse` understands is started without click.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import ShellComplete, get_completion_class, shell_complete

from hermetic import __version__, answers, completion, explain, options
from hermetic.errors import CANNOT, HermeticError, UsageError, quoted
from hermetic.options import (
    AUDIT,
    CHECK,
    COMPLETE_VARIABLE,
    COMPLETION,
    DIFF,
    DOCTOR,
    EXEC,
    INIT,
    POLICY,
    ROOT,
    RUN,
    SCHEMA,
    SHOW,
    TRUST,
    WHY,
    Option,
)
from hermetic.pages import ABOUT, SETTINGS, Page, help_of, write_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hermetic.completion import Items


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


def _print_completion(shell: str) -> None:
    made = get_completion_class(shell)
    if made is not None:
        # Not `source()` of the shell's own class: bash's starts a bash to ask for its version.
        click.echo(ShellComplete.source(made(GROUP, {}, ROOT, COMPLETE_VARIABLE)))


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
    ctx.meta[completion.TARGET_BEGUN] = start < len(words)
    return [*words[:stop], "--", *words[start:]]


class Launch(Page):
    """run, exec or shell. Never invoked: what can be launched, `options.parse` has launched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, separated(ctx, self.name, args))

    def invoke(self, ctx: click.Context) -> None:
        raise HermeticError("this command line was not understood, so nothing was started")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        return completion.file(incomplete) if ctx.meta.get(completion.TARGET_BEGUN) else super().shell_complete(ctx, incomplete)


class Asks(Page):
    """Its options are those of a run; its words come behind them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, separated(ctx, self.page, args))


class Policies(Page, click.Group):
    """`hermetic policy`. Without a word more it shows its page, as `hermetic` does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(self.get_help(ctx), err=True)
            ctx.exit(CANNOT)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """`hermetic`, which is `run` where flags come first."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-"):
            ctx.meta[completion.FLAGS_FIRST] = True
            args = separated(ctx, ROOT, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ROOT, "[run] [OPTIONS] -- COMMAND [ARGS]...")
        formatter.write_usage(ROOT, "exec|shell|doctor|audit|why|policy|completion ...", prefix="       ")
        write_page(ROOT, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        if ctx.meta.get(completion.TARGET_BEGUN):
            return completion.file(incomplete)
        if ctx.meta.get(completion.FLAGS_FIRST) and not incomplete.startswith("-"):
            return completion.programs(incomplete)
        return super().shell_complete(ctx, incomplete)


def parameter(option: Option) -> click.Option:
    """A row of the table as click has it."""
    settings: dict[str, Any] = {"help": help_of(option), "shell_complete": completion.VALUES.get(option.key)}
    if option.kind in (options.FLAG, options.ANSWER):
        settings["is_flag"] = True
    else:
        kind = click.Choice(option.choices) if option.choices else click.UNPROCESSED
        settings |= {"metavar": option.metavar, "multiple": option.many, "type": kind}
    if option.kind == options.OPTIONAL:
        settings |= {"is_flag": False, "flag_value": True, "shell_complete": completion.after_optional}
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
    if command in (RUN, EXEC, SHOW):
        made.append(click.Argument(["target"], nargs=-1, type=click.UNPROCESSED, shell_complete=completion.word_of_target))
    return made


_SHELL = click.Argument(["shell"], type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")


class Surface(click.Choice):  # type: ignore[type-arg]
    """What is asked about, the first word of a question."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            asked = ", ".join(f"{name} {question.what}" for name, question in explain.QUESTIONS.items())
            raise click.UsageError(f"{quoted(value)} is nothing that can be asked about (there are {asked})", ctx)
        return value


_QUESTION: list[click.Parameter] = [
    click.Argument(["surface"], type=Surface(list(explain.QUESTIONS)), metavar="|".join(explain.QUESTIONS)),
    click.Argument(["what"], metavar="WHAT"),
    click.Argument(
        ["target"], nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]", shell_complete=completion.word_of_target
    ),
]

_FILES = click.Argument(["files"], nargs=-1, metavar="FILE", shell_complete=completion.files)
_FILE = click.Argument(["file"], required=False, metavar="FILE", shell_complete=completion.files)
_TWO: list[click.Parameter] = [
    click.Argument([name], metavar="PROFILE|FILE", shell_complete=completion.profiles) for name in ("one", "other")
]


def _page(command: str, callback: Any, *arguments: click.Parameter, kind: type[Page] = Page) -> Page:
    """A command that is answered from here."""
    name = command.rpartition(" ")[2]
    return kind(name, params=[*_parameters(command), *arguments], callback=callback, help=ABOUT[command], context_settings=SETTINGS)


_POLICY = Policies(POLICY, params=_parameters(POLICY), help=ABOUT[POLICY], context_settings=SETTINGS)
_POLICY.commands = {
    "show": _page(SHOW, answers.show, kind=Asks),
    "check": _page(CHECK, answers.check, _FILES),
    "diff": _page(DIFF, answers.difference, *_TWO),
    "schema": _page(SCHEMA, answers.schema),
    "trust": _page(TRUST, answers.trust, _FILE),
    "init": _page(INIT, answers.begin),
}

SUBCOMMANDS: dict[str, click.Command] = {
    **{name: Launch(name, params=_parameters(name), help=ABOUT[name], context_settings=SETTINGS) for name in options.COMMANDS},
    DOCTOR: _page(DOCTOR, answers.examine),
    AUDIT: _page(AUDIT, answers.audit),
    WHY: _page(WHY, answers.why, *_QUESTION, kind=Asks),
    POLICY: _POLICY,
    COMPLETION: _page(COMPLETION, _print_completion, _SHELL),
}
GROUP = Group(ROOT, commands=SUBCOMMANDS, params=_parameters(ROOT), context_settings=SETTINGS)
