"""What can keep hermetic from starting a target, as one tree of exceptions.

Each knows the exit code it ends the command with, so that no caller has to keep a second list of them. `str(error)` is
always one printable line: names and paths come from strangers, and neither a newline nor an escape sequence in them may
forge a second line on the user's terminal.
"""

from __future__ import annotations

CANNOT = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127

LONGEST = 200
"""Characters of one word of the user's that a message shows; a command line may hold a word of megabytes."""


def printable(text: str) -> str:
    """`text` with everything a terminal would act on, or could not encode, escaped as Python would write it."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)  # without a codec, which would have to be loaded


def cut(text: str) -> str:
    """`text`, without the rest where it is very long."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def quoted(word: str) -> str:
    """`word` as a message shows it: cut, and in quotes where its limits could not be seen."""
    return f"'{cut(word)}'" if not word or word != word.strip() or " " in word else cut(word)


class HermeticError(Exception):
    """hermetic could not do its job, so the target was not started.

    `message` says what is wrong; `hint`, where there is one, what would help. Both are kept as one printable line.
    """

    exit_code = CANNOT

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = printable(message)
        self.hint = printable(hint) if hint else None
        super().__init__(self.message, self.hint)

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class UsageError(HermeticError):
    """The command line does not say what to do."""


class PolicyFileError(HermeticError):
    """A profile or policy file is missing, unreadable, or holds something that is not a policy."""


class TargetNotFound(HermeticError):
    """There is no such command, file or interpreter."""

    exit_code = NOT_FOUND


class TargetNotExecutable(HermeticError):
    """It is there, and cannot be run: a directory, no permission, a first line that leads nowhere."""

    exit_code = NOT_EXECUTABLE


class NotPython(HermeticError):
    """The target is not run by a Python interpreter that hermetic can guard."""


class GuardUnavailable(HermeticError):
    """A guard or a layer that was asked for cannot be put in place here."""


class StageError(HermeticError):
    """The run directory could not be made or filled."""


class BadBlock(HermeticError, ValueError):
    """A block that cannot be: its arguments say something that is no policy, or one that leaves nothing, or one that a block cannot hold."""


class BadArgument(HermeticError, TypeError):
    """An argument of a block's that is not of a type it can have."""
