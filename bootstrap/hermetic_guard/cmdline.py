"""Reads a command line as the interpreter it is meant for will read it.

The launcher and every guarded parent put options of their own between an interpreter and its program. Were they to take
the value of an option for a script, or an option for its value, the program would start without its guards, or not be
the one that was asked for.

One reading serves CPython 2.7 and 3.6 to 3.15 and PyPy: where they differ, some accept what the others refuse with
their usage, before they run anything. An option counts as known if any of them knows it. The rules are those of
CPython's Python/getopt.c and PyPy's app_main.py.
"""

SIMPLE = frozenset("bBdEiIOPqRsStuvx3U")
"""Options without a value. -P since 3.11; -3 and -U are of 2.7, -t and -R were kept as no-ops."""

VALUED = frozenset("WXQ")
"""Options with a value, attached or in the next word. -Q is of 2.7."""

COMMANDS = frozenset("cm")
"""They take a value too, and are the last option: all that follows is the program's."""

LONG_VALUED = frozenset(["check-hash-based-pycs", "jit"])
"""Their value is the next word, never attached. --jit is PyPy's."""


class CommandLine(object):
    """What a command line says.

    flags:   the words before the program with their values, as given; a cluster is cut before its `c` or `m`, `--`
    left out kind:    "f" a file, "m" a module, "c" code, "-" standard input by name,
             "i" nothing is named: an interactive session, or standard input if that is no terminal,
             "x" the interpreter answers by itself (help, version, usage) and runs nothing, neither site nor a program
    target:  the file, module or code; None for the other kinds
    rest:    what follows the target: the program's own arguments
    letters: the single-letter options in `flags`
    """

    __slots__ = ("flags", "kind", "letters", "rest", "target")

    def __init__(self, flags, kind, target, rest, letters):
        # type: (list[str], str, str | None, list[str], set[str]) -> None
        self.flags = flags
        self.kind = kind
        self.target = target
        self.rest = rest
        self.letters = letters

    def __repr__(self) -> str:
        return "CommandLine(%s)" % ", ".join("%s=%r" % (name, getattr(self, name)) for name in self.__slots__)


def parse(argv: "list[str]") -> CommandLine:
    """Read `argv`, the interpreter's own name included."""
    flags = []  # type: list[str]
    letters = set()  # type: set[str]
    words = list(argv[1:])
    while words and words[0][:1] == "-" and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            break
        known, meaning = _scan(word)
        letters.update(word[1:known])
        if meaning == "command":
            return _command(word, known, words, flags, letters)
        if meaning == "answer" or (meaning == "value" and not words):
            return _answered(flags, letters)
        flags.append(word)
        if meaning == "value":
            flags.append(words.pop(0))
        elif meaning == "end":
            break
    return _program(words, flags, letters)


def _scan(word: str) -> "tuple[int, str]":
    """Go through a word of options. Gives where its single letters end, and what comes of the word:

    "done", "value" (it wants the next word), "command", "answer" (or usage), "end" (no more options)
    """
    for index in range(1, len(word)):
        letter, attached = word[index], word[index + 1 :]
        if letter in COMMANDS:
            return index, "command"
        if letter in VALUED:
            return index + 1, "done" if attached else "value"
        if letter == "-":
            return index, _long(attached)
        if letter not in SIMPLE:
            return index, "answer"
    return len(word), "done"


def _long(name: str) -> str:
    """CPython reads what follows a `-` as a long option also amid a cluster; without a name (`-b-`) options end."""
    if not name:
        return "end"
    return "value" if name in LONG_VALUED else "answer"


def _command(word: str, index: int, words: "list[str]", flags: "list[str]", letters: "set[str]") -> CommandLine:
    """The option at `index` is -c or -m: its value is the rest of the word, else the next one."""
    attached = word[index + 1 :]
    if not attached and not words:
        return _answered(flags, letters)
    target = attached or words.pop(0)
    if index > 1:
        flags.append(word[:index])
    return CommandLine(flags, word[index], target, words, letters)


def _answered(flags: "list[str]", letters: "set[str]") -> CommandLine:
    return CommandLine(flags, "x", None, [], letters)


def _program(words: "list[str]", flags: "list[str]", letters: "set[str]") -> CommandLine:
    """Options are over: the next word, if any, is a file or `-`."""
    if not words:
        return CommandLine(flags, "i", None, [], letters)
    if words[0] == "-":
        return CommandLine(flags, "-", None, words[1:], letters)
    return CommandLine(flags, "f", words[0], words[1:], letters)
