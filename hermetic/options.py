"""The one table of options, and the small parser that reads a command line with it.

All that is said about an option (its names, whether it takes a value, its help, which commands know it, its key in a
profile) stands in OPTIONS and nowhere else. `parse` reads a command line on the way to a run; cli.py makes click's
commands from the same rows for help and completion. Two parsers, because importing click takes longer than starting
the interpreter that is to be guarded; one table, because two lists of flags would come to differ, and a flag that only
one of them knows is a guard that silently does not stand.

Everything after `--`, or from the first word on that is no option, belongs to the target and is never looked at. Values
of options with an optional value come with `=` only: `--fs-readonly pytest` runs pytest.
"""

from __future__ import annotations

from hermetic.errors import UsageError, cut, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Given = tuple["Option", str | None]

ROOT = "hermetic"
RUN, EXEC, SHELL = COMMANDS = ("run", "exec", "shell")
COMPLETION, DOCTOR, AUDIT, WHY, POLICY = "completion", "doctor", "audit", "why", "policy"
SHOW, CHECK, DIFF, SCHEMA, TRUST, INIT = POLICY_COMMANDS = tuple(
    f"policy {name}" for name in ("show", "check", "diff", "schema", "trust", "init")
)
ANSWERED = (COMPLETION, DOCTOR, AUDIT, WHY, POLICY, *POLICY_COMMANDS)
"""Commands that only click knows: they print, and start no target."""

COMPLETE_VARIABLE = "_HERMETIC_COMPLETE"
"""Set by the shell's completion function; click answers it."""

FLAG = "flag"
VALUE = "value"
OPTIONAL = "optional value"
ANSWER = "answer"
"""Kinds of option. An ANSWER (--help, --version) ends the reading: click prints, nothing is run."""

GUARDS = "Guards"
ADJUST = "Adjusting them"
LIMITS = "Environment and limits"
FILES = "Policy files"
TELLING = "What you are told"
TARGET = "Target"
OTHER = "Other"
SECTIONS = (GUARDS, ADJUST, LIMITS, FILES, TARGET, TELLING, OTHER)


class Option:
    """One row of the table.

    names:    as typed; the first long one names the value in `Invocation.values`
    kind:     FLAG, VALUE (next word or after `=`), OPTIONAL (after `=` only) or ANSWER
    section:  the heading of the help it stands under; a GUARDS option is one that puts a guard up
    text:     its help
    commands: the commands that know it
    policy:   its key in a profile: the guard it concerns, and after a dot the key in that guard's table
    many:     whether it may be given repeatedly with different values
    choices:  the values it may have, where they are few
    """

    __slots__ = ("choices", "commands", "key", "kind", "many", "metavar", "names", "policy", "section", "text")

    def __init__(
        self,
        *names: str,
        section: str,
        text: str,
        kind: str = FLAG,
        metavar: str = "",
        commands: tuple[str, ...] = COMMANDS,
        policy: str = "",
        many: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.names = names
        self.key = next(name for name in names if name.startswith("--"))[2:].replace("-", "_")
        self.kind = kind
        self.section = section
        self.text = text
        self.metavar = metavar
        self.commands = commands
        self.policy = policy
        self.many = many
        self.choices = choices

    @property
    def name(self) -> str:
        """The long name, as messages show it."""
        return "--" + self.key.replace("_", "-")

    @property
    def puts_up(self) -> bool:
        """Whether it puts up a part of the policy, or says a word of all of it: these need nothing that stands already."""
        return bool(self.policy) and self.section in (GUARDS, LIMITS) and not self.many

    @property
    def adjusts(self) -> bool:
        """Whether it changes a part of the policy that stands, and puts none up."""
        return bool(self.policy) and not self.puts_up

    def belongs_to(self, command: str) -> bool:
        """Whether `command` knows it. Where no command is named, `run` is meant: what it knows, ROOT knows. WHY and SHOW know what makes a policy."""
        return (
            command in self.commands
            or (command == ROOT and RUN in self.commands)
            or (command in (WHY, SHOW) and (bool(self.policy) or self.key == "profile" or self.section == FILES))
        )


OPTIONS = (
    Option("--no-network", section=GUARDS, policy="network", text="No connection out, no name lookup, no listening."),
    Option("--no-subprocess", section=GUARDS, policy="subprocess", text="No new process."),
    Option("--fs-readonly", section=GUARDS, kind=OPTIONAL, metavar="ROOT", policy="filesystem.root",
           text="No file is written, made or deleted; with ROOT, none outside is read."),
    Option("--block-native", section=GUARDS, policy="native",
           text="No extension module but the standard library's, no ctypes."),
    Option("--profile", section=GUARDS, kind=VALUE, metavar="NAME", many=True,
           text="The guards of a named profile; of several, what all of them allow."),
    Option("--allow-localhost", section=ADJUST, kind=OPTIONAL, metavar="PORTS", policy="network.allow-localhost",
           many=True, text="Allow this machine itself: all ports, or PORTS as in 80,8000-8010."),
    Option("--allow-domain", section=ADJUST, kind=VALUE, metavar="HOST", policy="network.allow-domain", many=True,
           text="Allow HOST, or *.HOST below it, on ports 80 and 443 or on those given as in HOST:8000-8010."),
    Option("--allow-address", section=ADJUST, kind=VALUE, metavar="ADDRESS", policy="network.allow-address", many=True,
           text="Allow connections to an IP address or a block, as in 192.0.2.0/24, on all ports or on those given as in 192.0.2.1:80."),
    Option("--deny-address", section=ADJUST, kind=VALUE, metavar="ADDRESS", policy="network.deny-address", many=True,
           text="Refuse connections to an IP address or a block, whatever allows them."),
    Option("--allow-listen", section=ADJUST, kind=VALUE, metavar="PORTS", policy="network.allow-listen", many=True,
           text="Allow PORTS to be listened at, on all addresses of this machine."),
    Option("--allow-unix", section=ADJUST, kind=VALUE, metavar="PATH", policy="network.allow-unix", many=True,
           text="Allow the local (AF_UNIX) socket PATH, or those below it."),
    Option("--allow-run", section=ADJUST, kind=VALUE, metavar="PROGRAM", policy="subprocess.allow-run", many=True,
           text="Allow PROGRAM to be started: a name on PATH, or a path."),
    Option("--allow-write", section=ADJUST, kind=VALUE, metavar="PATH", policy="filesystem.allow-write", many=True,
           text="Allow PATH, and everything below it, to be written, made and deleted."),
    Option("--allow-read", section=ADJUST, kind=VALUE, metavar="PATH", policy="filesystem.allow-read", many=True,
           text="Allow PATH, and everything below it, to be read, where --fs-readonly=ROOT limits reading."),
    Option("--protect", section=ADJUST, kind=VALUE, metavar="PATH", policy="filesystem.protect", many=True,
           text="Keep PATH, and everything below it, as it is, whatever is allowed."),
    Option("--hide", section=ADJUST, kind=VALUE, metavar="PATH", policy="filesystem.hide", many=True,
           text="Have PATH, and everything below it, look as if it were not there."),
    Option("--allow-native", section=ADJUST, kind=VALUE, metavar="DIST", policy="native.allow-native", many=True,
           text="Allow the extension modules of the installed distribution DIST."),
    Option("--require", section=ADJUST, kind=VALUE, metavar="python|kernel|both", choices=("python", "kernel", "both"),
           text="Do not start unless every guard holds fully in this layer."),
    Option("--kernel", section=ADJUST, kind=VALUE, metavar="required|wanted", policy="kernel", choices=("required", "wanted"),
           text="required: do not start unless it has a part in every guard."),
    Option("--best-effort", section=ADJUST, text="Start even where no layer holds a guard; what is missing is said."),
    Option("--on-violation", section=ADJUST, kind=VALUE, metavar="raise|refuse|kill", policy="on-violation",
           choices=("raise", "refuse", "kill"),
           text="What a violation is to the target. refuse, the default: the error that a locked-down machine gives; "
                "raise: an error that no 'except OSError' hides; kill: the end of its process."),
    Option("--builds", section=ADJUST, kind=VALUE, metavar="alike|confined|build", policy="builds", choices=("alike", "confined", "build"),
           text="What holds for the code that builds packages for pip and uv. alike: what holds for all; confined: besides, no network, and "
                "no writing but in its own tree; build: this is such a build."),
    Option("--clean-env", section=LIMITS, policy="environment",
           text="Take all variables away but PATH, HOME, LANG and the like."),
    Option("--allow-env", section=LIMITS, kind=VALUE, metavar="NAME", policy="environment.allow-env", many=True,
           text="Leave NAME too, or a pattern as in 'AWS_*'; with --clean-env."),
    Option("--set-env", section=LIMITS, kind=VALUE, metavar="NAME=VALUE", many=True, text="Set a variable."),
    Option("--tmp", section=LIMITS, kind=VALUE, metavar="private|shared", policy="tmp", choices=("private", "shared"),
           text="private: a /tmp of the run's own; shared: the default."),
    Option("--timeout", section=LIMITS, kind=VALUE, metavar="TIME", policy="limits.timeout",
           text="End the run after TIME: seconds, or as in 1h30m."),
    Option("--max-memory", section=LIMITS, kind=VALUE, metavar="SIZE", policy="limits.max-memory",
           text="End it beyond so much memory: bytes, or as in 512M."),
    Option("--max-cpu", section=LIMITS, kind=VALUE, metavar="TIME", policy="limits.max-cpu",
           text="End it beyond so much processor time."),
    Option("--max-file-size", section=LIMITS, kind=VALUE, metavar="SIZE", policy="limits.max-file-size",
           text="Let no file grow beyond SIZE."),
    Option("--max-processes", section=LIMITS, kind=VALUE, metavar="NUMBER", policy="limits.max-processes",
           text="End it at more processes and threads at once."),
    Option("--max-output", section=LIMITS, kind=VALUE, metavar="SIZE", policy="limits.max-output",
           text="End it beyond so much output, which no terminal may get."),
    Option("--policy", section=FILES, kind=VALUE, metavar="FILE",
           text="Follow the policy in FILE, and your own, but not the project's."),
    Option("--no-policy", section=FILES, text="Follow no policy file."),
    Option("--python", section=TARGET, kind=VALUE, metavar="PY", commands=(RUN, EXEC, SHELL, AUDIT),
           text="The interpreter: a path, the directory of a virtual environment, or a version."),
    Option("--with", section=TARGET, kind=VALUE, metavar="PACKAGE", many=True,
           text="Install PACKAGE for this: a requirement, a wheel, an sdist, a project, or @FILE of requirements."),
    Option("--trace", section=TELLING, text="Print every blocked action, with the stack that asked."),
    Option("--log", section=TELLING, kind=VALUE, metavar="FILE", text="Write every event to FILE, one JSON line each."),
    Option("--strict", section=TELLING, text="Exit with 77 instead of 0 if anything was blocked."),
    Option("-v", "--verbose", section=TELLING, text="Say what is run, in which way, and why."),
    Option("-q", "--quiet", section=TELLING, text="Print nothing but errors of hermetic's own."),
    Option("--package", section=OTHER, kind=VALUE, metavar="NAME", commands=(WHY,),
           text="Ask for a distribution, as in boto3 or boto3==1.42.3: policy files can let it do more than others."),
    Option("--resolved", section=OTHER, commands=(SHOW,), text="Print the one policy that comes of all parts, with paths as they are."),
    Option("--forget", section=OTHER, commands=(TRUST,), text="Trust it no longer."),
    Option("--dry-run", section=OTHER, commands=(TRUST,), text="Say what trusting it would give, and change nothing."),
    Option("--json", section=OTHER, commands=(DOCTOR, AUDIT, SHOW), text="Print what was found as JSON."),
    Option("-h", "--help", section=OTHER, kind=ANSWER, commands=(*COMMANDS, *ANSWERED), text="Show this help."),
    Option("-V", "--version", section=OTHER, kind=ANSWER, commands=(ROOT,), text="Show the version."),
)  # fmt: skip

EXCLUSIVE = (("verbose", "quiet"), ("trace", "quiet"), ("policy", "no_policy"))
BY_NAME = {name: option for option in OPTIONS for name in option.names}


class Invocation:
    """A command line, read.

    command: "run", "exec" or "shell"
    values:  what was given, by `Option.key`: True for a flag or an optional value left out, else the text; a tuple of
             these for an option that may be repeated. What was not given is not there.
    target:  the target's words, untouched
    meant:   `--option=WORD` where the target's first word follows an option that may have a value, and so may have been
             meant for it; else ""
    """

    __slots__ = ("command", "meant", "target", "values")

    def __init__(self, command: str, values: dict[str, object], target: list[str], meant: str = "") -> None:
        self.command = command
        self.values = values
        self.target = target
        self.meant = meant

    def flag(self, key: str) -> bool:
        """Whether the option was given at all."""
        return key in self.values

    def text(self, key: str) -> str | None:
        """The option's value, None where none was given."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None


def parse(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Invocation | None:
    """Read the words after `hermetic`; None where click has to answer (help, version, completion, no words at all).

    Raises UsageError for everything that does not say exactly what to do: a flag that is guessed at or passed over is
    a guard that does not stand.
    """
    if not argv or _completing(environ) or argv[0] in ANSWERED:
        return None
    command, words = _command(argv)
    given, stop, start = scan(command, words)
    if given and given[-1][0].kind == ANSWER:
        return None
    target = list(words[start:])
    if command == ROOT:
        _refuse_late_command(words[:stop], target, dashes=start > stop)
        command = RUN
    values = settle(given)
    _refuse_python(command, values)
    _check_target(command, target)
    return Invocation(command, values, target, _meant_for_value(given, target, dashes=start > stop))


def scan(command: str, words: Sequence[str]) -> tuple[list[Given], int, int]:
    """The options given, the index where they stop, and the index where the target starts (after a `--`).

    Stops at an ANSWER. Raises UsageError for an option that `command` does not know, or one with a wrong value.
    """
    given: list[Given] = []
    index = 0
    while index < len(words):
        word = words[index]
        if word == "--":
            return given, index, index + 1
        if _starts_target(command, word):
            break
        following = words[index + 1] if index + 1 < len(words) else None
        found, used = _long(command, word, following) if word.startswith("--") else _short(command, word)
        given += found
        index += used
        if given[-1][0].kind == ANSWER:
            break
    return given, index, index


def settle(given: Iterable[Given]) -> dict[str, object]:
    """The values by key. Raises UsageError for options that contradict each other."""
    values: dict[str, object] = {}
    for option, text in given:
        value = True if text is None else text
        earlier = values.get(option.key)
        if option.many:
            values[option.key] = (*earlier, value) if isinstance(earlier, tuple) else (value,)
        elif earlier in (None, value):
            values[option.key] = value
        else:
            raise UsageError(f"{option.name} is given twice, and says two different things")
    for one, other in EXCLUSIVE:
        if one in values and other in values:
            raise UsageError(f"--{one} and --{other.replace('_', '-')} exclude each other")
    return values


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant."""
    import difflib  # only on the way to an error

    candidates = list(words)
    close = difflib.get_close_matches(word, candidates, 1)
    longer = [candidate for candidate in candidates if word and candidate.startswith(word)]
    return next(iter([*close, *longer]), None)


def known(command: str) -> list[Option]:
    """The options that `command` knows, in the order of the table."""
    return [option for option in OPTIONS if option.belongs_to(command)]


def flag_of(guard: str) -> str:
    """The option that puts a guard up."""
    return next(option.name for option in OPTIONS if option.policy.partition(".")[0] == guard)


def worded(hint: str) -> tuple[Option, object]:
    """The option and the value in a hint, as a shell would read it."""
    from hermetic_guard.keywords import from_shell, without_comment  # only on the way to a refusal

    name, blank, value = without_comment(hint).partition(" ")
    (option, text), *_ = scan(RUN, [name, from_shell(value)] if blank else [name])[0]
    return option, True if text is None else text


def _completing(environ: Mapping[str, str] | None) -> bool:
    if environ is None:
        import os

        environ = os.environ
    return bool(environ.get(COMPLETE_VARIABLE))


def _command(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command and its words; ROOT where flags come first."""
    word = argv[0]
    if word in COMMANDS:
        return word, argv[1:]
    if word.startswith("-") and word != "-":
        return ROOT, argv
    meant = nearest(word, COMMANDS)
    run = f"hermetic run -- {quoted(word)}"
    hint = f"did you mean {meant}? to run a program of that name: {run}" if meant else f"to run it: {run}"
    raise UsageError(f"{quoted(word)} is not a command of hermetic", hint)


def _refuse_late_command(options: Sequence[str], target: list[str], dashes: bool) -> None:
    """`hermetic --no-network run x` would look for a program called run; hardly anybody means that."""
    if target and target[0] in COMMANDS and not dashes:
        name = target[0]
        raise UsageError(
            f"options come after the command: hermetic {name} {cut(' '.join(options))} ...",
            f"for a program called {name}, write -- before it",
        )


def _refuse_python(command: str, values: Mapping[str, object]) -> None:
    """A command runs in its own interpreter, unless an environment is made for it."""
    if command == RUN and "python" in values and "with" not in values:
        raise UsageError("--python goes with exec and shell, with run only beside --with", "as in hermetic exec --python")


def _meant_for_value(given: list[Given], target: list[str], dashes: bool) -> str:
    option, text = given[-1] if given else (None, None)
    if option is None or option.kind != OPTIONAL or text is not None or dashes or not target:
        return ""
    return f"{option.name}={quoted(target[0])}"


def _check_target(command: str, target: list[str]) -> None:
    if command == SHELL and target:
        raise UsageError(f"shell takes no command, and got {quoted(target[0])}", "to run it: hermetic exec -- ...")
    if command == RUN and not target:
        raise UsageError("there is nothing to run", "hermetic run -- COMMAND")
    if command == EXEC and not target:
        raise UsageError("exec needs a script, -m MODULE, -c CODE or -", "for a REPL: hermetic shell")


def _starts_target(command: str, word: str) -> bool:
    """Whether the target starts here; exec's own may start with what Python itself would take there."""
    return not word.startswith("-") or word == "-" or (command == EXEC and word[:2] in ("-m", "-c"))


def _long(command: str, word: str, following: str | None) -> tuple[list[Given], int]:
    """Read `--name`, `--name=value` or `--name value`; the options found, and how many words they took."""
    name, equals, value = word.partition("=")
    option = _find(command, name)
    if option.kind in (FLAG, ANSWER):
        if equals:
            raise UsageError(f"{name} takes no value")
        return [(option, None)], 1
    if equals:
        return [(option, _checked(option, value))], 1
    if option.kind == OPTIONAL:
        return [(option, None)], 1
    if following is None or following == "--":
        raise UsageError(f"{name} needs a value", f"{name} {option.metavar}")
    if following.startswith("-") and following != "-":
        raise UsageError(
            f"{name} needs a value, and {quoted(following)} looks like an option",
            f"if it is one: {name}={quoted(following)}",
        )
    return [(option, _checked(option, following))], 2


def _short(command: str, word: str) -> tuple[list[Given], int]:
    """Read `-v`, or several in one word as in `-vq`; none of them takes a value."""
    return [(_find(command, "-" + letter, word), None) for letter in word[1:]], 1


def _checked(option: Option, value: str) -> str:
    if not value:
        raise UsageError(f"{option.name} is given an empty value")
    if option.choices and value not in option.choices:
        meant = nearest(value, option.choices)
        raise UsageError(
            f"{option.name} cannot be {quoted(value)}, only {' or '.join(option.choices)}",
            meant and f"did you mean {meant}?",
        )
    return value


def _find(command: str, name: str, word: str = "") -> Option:
    """The option called `name`; raises UsageError, naming what was probably meant, if `command` knows none such."""
    option = BY_NAME.get(name)
    if option is not None and option.belongs_to(command):
        return option
    if option is not None:
        owner = "" if ROOT in option.commands else option.commands[0] + " "
        others = " and ".join(filter(None, (", ".join(option.commands[:-1]), option.commands[-1])))
        like = "the interpreter is that of a command, named behind the question: -- COMMAND" if (command, name) == (WHY, "--python") else ""
        raise UsageError(f"{name} is an option of {others} only", like or f"as in hermetic {owner}{name}")
    inside = f" in {quoted(word)}" if word not in ("", name) else ""
    raise UsageError(f"unknown option {quoted(name)}{inside}", _meant(command, word or name))


def _meant(command: str, word: str) -> str:
    if word[:2] in ("-m", "-c") and command in (ROOT, RUN):
        return f"for Python's own: hermetic exec {word[:2]} ..."
    meant = nearest(word, [option.name for option in known(command)])
    if meant:
        return f"did you mean {meant}?"
    if command == EXEC:
        return "Python's own flags go after --"
    return f"hermetic {'run' if command == ROOT else command} --help lists them"
