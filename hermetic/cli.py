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

from hermetic import __version__, explain, options
from hermetic.errors import CANNOT, HermeticError, UsageError, printable, quoted
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
    Invocation,
    Option,
)
from hermetic.pages import ABOUT, SETTINGS, Page, help_of, write_page
from hermetic.policy import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Items = list[CompletionItem[str]]  # a generic class from click 8.5 on only


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


def _complete_file(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    return _file(incomplete)


def _complete_profile(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    return [CompletionItem(name) for name in load.names() if name.startswith(incomplete)]


VALUES: dict[str, Any] = {
    "profile": _complete_profile,
    "policy": _complete_file,
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


def _audit(python: str | None, json: bool) -> int:
    from hermetic import audit

    found = audit.examine(python, os.environ, os.getcwd(), sys.executable)
    if json:
        from json import dumps

        click.echo(dumps(found.as_data(), indent=2))
    else:
        click.echo(audit.report(found), nl=False)
    return 0 if found.accounted else 1


def _explain(surface: str, what: str, target: tuple[str, ...], package: str | None, **values: Any) -> int:
    from hermetic.launch import beforehand, finding, told
    from hermetic.policy import combine

    if target and (target[0] != "--" or len(target) == 1):
        raise click.UsageError(f"what comes behind {quoted(what)} is -- and a command, not {quoted(target[0])}")
    cwd, command = os.getcwd(), [*target[1:]]
    resolved = combine.resolve(
        Invocation(RUN, _given(values), command), cwd, finding.Sought(Invocation(RUN, {}, command), cwd) if command else None
    )
    for notice in (resolved.choice, *resolved.notices) if resolved.choice else resolved.notices:
        click.echo(f"hermetic: {notice}", err=True)
    answers = explain.answers(resolved.policy, surface, what, [*map(os.path.realpath, beforehand.own_paths()), *resolved.files], package)
    narrowed = told.narrowed(resolved).get(explain.QUESTIONS[surface].guard)
    sites = resolved.context.sites() if surface == "native" else []
    answers = [explain.as_installed(answer, what, sites) for answer in answers]
    click.echo("\n".join(answer.told(narrowed) for answer in answers))
    if surface == "native" and explain.is_missing(what, sites):
        click.echo(f"hermetic: no distribution {printable(what)} is installed for {quoted(command[0])}", err=True)
    if surface == "native" and not command and not answers[-1].decision.allowed:
        click.echo(
            f"hermetic: with -- COMMAND behind it, it is known whether {printable(what)} has compiled code: else it is allowed", err=True
        )
    for variable, answer in explain.by_proxies(resolved.policy, what, os.environ, package) if surface == "net" else ():
        click.echo(f"through the proxy of the environment, {variable}: {answer.told(narrowed)}")
    return 0 if all(answer.decision.allowed for answer in answers) else 1


def _given(values: dict[str, Any]) -> dict[str, object]:
    """The options that were given, as `Invocation.values` has them."""
    return {key: value for key, value in values.items() if value not in (None, (), False)}


def _policy(answer: Callable[..., tuple[str, int]], **words: Any) -> int:
    """Print what policies.py answers; names and paths in it come from strangers."""
    text, code = answer(**words)
    click.echo("\n".join(map(printable, text.split("\n"))), nl=False)
    return code


def _show(target: tuple[str, ...], resolved: bool, json: bool, **values: Any) -> int:
    from hermetic import policies
    from hermetic.launch import finding

    cwd = os.getcwd()
    invocation = Invocation(RUN, {}, list(target))
    sought = finding.Sought(invocation, cwd) if target else None
    return _policy(policies.show, values=_given(values), cwd=cwd, target=sought, resolved=resolved, as_json=json)


def _check(files: tuple[str, ...]) -> int:
    from hermetic import policies

    return _policy(policies.check, files=files, cwd=os.getcwd())


def _diff(one: str, other: str) -> int:
    from hermetic import policies

    return _policy(policies.difference, one=one, other=other, cwd=os.getcwd())


def _schema() -> int:
    from hermetic.policy import schema

    return _policy(lambda: (schema.text(), 0))


def _trust(file: str | None, forget: bool, dry_run: bool) -> int:
    from hermetic import policies

    return _policy(policies.trust_files, file=file, cwd=os.getcwd(), forget=forget, dry_run=dry_run)


def _init() -> int:
    from hermetic import policies

    return _policy(policies.begin, cwd=os.getcwd())


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


class Launch(Page):
    """run, exec or shell. Never invoked: what can be launched, `options.parse` has launched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, separated(ctx, self.name, args))

    def invoke(self, ctx: click.Context) -> None:
        raise HermeticError("this command line was not understood, so nothing was started")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        return _file(incomplete) if ctx.meta.get(TARGET_BEGUN) else super().shell_complete(ctx, incomplete)


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
            ctx.meta[FLAGS_FIRST] = True
            args = separated(ctx, ROOT, args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ROOT, "[run] [OPTIONS] -- COMMAND [ARGS]...")
        formatter.write_usage(ROOT, "exec|shell|doctor|audit|why|policy|completion ...", prefix="       ")
        write_page(ROOT, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> Items:
        if ctx.meta.get(TARGET_BEGUN):
            return _file(incomplete)
        if ctx.meta.get(FLAGS_FIRST) and not incomplete.startswith("-"):
            return programs(incomplete)
        return super().shell_complete(ctx, incomplete)


def parameter(option: Option) -> click.Option:
    """A row of the table as click has it."""
    settings: dict[str, Any] = {"help": help_of(option), "shell_complete": VALUES.get(option.key)}
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
    if command in (RUN, EXEC, SHOW):
        made.append(click.Argument(["target"], nargs=-1, type=click.UNPROCESSED, shell_complete=_word_of_target))
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
    click.Argument(["target"], nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]", shell_complete=_word_of_target),
]

_FILES = click.Argument(["files"], nargs=-1, metavar="FILE", shell_complete=_complete_file)
_FILE = click.Argument(["file"], required=False, metavar="FILE", shell_complete=_complete_file)
_TWO: list[click.Parameter] = [
    click.Argument([name], metavar="PROFILE|FILE", shell_complete=_complete_profile) for name in ("one", "other")
]


def _page(command: str, callback: Any, *arguments: click.Parameter, kind: type[Page] = Page) -> Page:
    """A command that is answered from here."""
    name = command.rpartition(" ")[2]
    return kind(name, params=[*_parameters(command), *arguments], callback=callback, help=ABOUT[command], context_settings=SETTINGS)


_POLICY = Policies(POLICY, params=_parameters(POLICY), help=ABOUT[POLICY], context_settings=SETTINGS)
_POLICY.commands = {
    "show": _page(SHOW, _show, kind=Asks),
    "check": _page(CHECK, _check, _FILES),
    "diff": _page(DIFF, _diff, *_TWO),
    "schema": _page(SCHEMA, _schema),
    "trust": _page(TRUST, _trust, _FILE),
    "init": _page(INIT, _init),
}

SUBCOMMANDS: dict[str, click.Command] = {
    **{name: Launch(name, params=_parameters(name), help=ABOUT[name], context_settings=SETTINGS) for name in options.COMMANDS},
    DOCTOR: _page(DOCTOR, _examine),
    AUDIT: _page(AUDIT, _audit),
    WHY: _page(WHY, _explain, *_QUESTION, kind=Asks),
    POLICY: _POLICY,
    COMPLETION: _page(COMPLETION, _print_completion, _SHELL),
}
GROUP = Group(ROOT, commands=SUBCOMMANDS, params=_parameters(ROOT), context_settings=SETTINGS)
