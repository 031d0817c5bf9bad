"""What comes of a run. All of it can be pickled, compared, and handed on."""

from __future__ import annotations

from typing import NamedTuple

from hermetic.blocks.refusals import Refusal

__all__ = ["Refusal", "Result", "Usage"]


class Usage(NamedTuple):
    """wall: seconds from the start of the target to when nothing of it was left

    cpu:    seconds of processor time, of all its processes that somebody waited for
    memory: bytes that the largest of them held at once
    """

    wall: float
    cpu: float
    memory: int


class Result(NamedTuple):
    """exit_code: as the command line's: the target's own; 128+N where signal N ended it; 77, 124 and 137 as README.md has them

    stdout, stderr: what was written, as far as it is kept; stdout_dropped, stderr_dropped: how many bytes were written besides
    violations: what was refused, in its order, of which at most 10 000 are kept; refused: how many there were
    limit:      the limit that ended it, as its option is called: "timeout", "max-memory"; "" where none did
    notices:    what the command would have said on stderr besides
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    usage: Usage
    violations: tuple[Refusal, ...] = ()
    refused: int = 0
    limit: str = ""
    stdout_dropped: int = 0
    stderr_dropped: int = 0
    notices: tuple[str, ...] = ()

    @property
    def timed_out(self) -> bool:
        return self.limit == "timeout"

    @property
    def output(self) -> str:
        """Standard output as text, in which bytes that are none are escaped."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def errors(self) -> str:
        """Standard error, likewise."""
        return self.stderr.decode("utf-8", "backslashreplace")
