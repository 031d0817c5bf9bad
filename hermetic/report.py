"""Tells the user: three lines at the first refusal of each thing, a count at the end, everything under --trace.

Names and paths come from strangers: what a terminal would act on is escaped.
"""

from __future__ import annotations

import os

from hermetic_guard.policy import OF_PACKAGE

from hermetic.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Event = dict[str, Any]
SHOWN = 20
"""How many different refusals are printed; more nobody reads."""

FURTHER = "hermetic: further refusals are counted, not shown (--trace shows all, --log FILE writes all)\n"


class Report:
    """Collects refusals. `write` takes one piece of text, which it must not interleave with others."""

    def __init__(self, write: Callable[[str], None], trace: bool = False, quiet: bool = False) -> None:
        self._write = write
        self._trace = trace
        self._quiet = quiet
        self._seen: set[tuple[str, str]] = set()
        self._full = False
        self.blocked: dict[str, int] = {}
        self.all_counted = True
        """Whether refusals by the kernel come here as well."""
        self.narrowed: dict[str, Narrowed] = {}
        """By guard."""

    def refused(self, event: Event) -> None:
        """Count a refusal, and print it if it is the first of its kind."""
        self.count(event["guard"], 1)
        if self._quiet:
            return
        if self._trace:
            self._write(self._message(event) + stack(event))
        elif (event["guard"], event["target"]) not in self._seen:
            self._first(event)

    def count(self, guard: str, number: int) -> None:
        self.blocked[guard] = self.blocked.get(guard, 0) + number

    def looked(self, event: Event) -> None:
        """A look at what is hidden: noted under --trace, never counted."""
        if self._trace and not self._quiet:
            asked = asker(event["stack"])
            lines = [f"hermetic: hidden: {event['action']}({event['target']})", *([f"  asked by  {asked}"] if asked else [])]
            self._write("".join(printable(line) + "\n" for line in lines))

    def _first(self, event: Event) -> None:
        """Print a refusal that is the first of its kind, unless there were many of other kinds."""
        if len(self._seen) < SHOWN:
            self._seen.add((event["guard"], event["target"]))
            self._write(self._message(event))
        elif not self._full:
            self._full = True
            self._write(FURTHER)

    def _message(self, event: Event) -> str:
        return message(event, self.narrowed.get(event["guard"]))

    def finish(self, foreign: int = 0) -> None:
        """Print the counts. foreign: how many lines of the target's side were no events."""
        total = sum(self.blocked.values())
        if total and not self._quiet:
            noun = "action" if total == 1 else "actions"
            parts = ", ".join(f"{guard} {count}" for guard, count in sorted(self.blocked.items()))
            besides = "" if self.all_counted else " (refusals by the kernel are not counted)"
            self._write(f"hermetic: blocked {total} {noun} in all: {printable(parts)}{besides}\n")
        if foreign and not self._quiet:
            self._write(f"hermetic: not understood: {foreign} {'line' if foreign == 1 else 'lines'} that did not come from the guards\n")


class Narrowed:
    """What policy files have to say of a guard: an option alone does not allow what they do not.

    files:     those that have its table; alone: whether it stands for their sake only, so that no option can adjust it
    given:     whether an option, as hints have it, is given already, so that it is only the files that do not allow it
    packages:  the files that let single packages do more; untrusted: those that would, were they trusted
    """

    def __init__(
        self,
        files: Sequence[str],
        *,
        alone: bool,
        given: Callable[[str], bool] = lambda option: False,
        packages: Sequence[str] = (),
        untrusted: Sequence[str] = (),
    ) -> None:
        self.files = files
        self.alone = alone
        self.given = given
        self.packages = packages
        self.untrusted = untrusted

    def hint(self, option: str) -> str:
        """What would allow something that `option` alone would allow if these files were not there."""
        if option.startswith(OF_PACKAGE):
            return f"in {listed(self.packages)}: {option}" if self.packages else option
        hint = self._for_all(option)
        return f"{hint} (or for a package alone, as {listed(self.untrusted)} may say: {TRUST})" if hint and self.untrusted else hint

    def _for_all(self, option: str) -> str:
        if not self.files or not option:
            return option
        in_files = self.alone or self.given(option)
        return f"in {self.shown}: {option.removeprefix('--')}" if in_files else f"{option} (so must {self.shown})"

    @property
    def shown(self) -> str:
        return listed(self.files)


TRUST = "after reading it, hermetic policy trust"


def listed(files: Sequence[str]) -> str:
    return " and ".join(map(shown, files))


def message(event: Event, narrowed: Narrowed | None = None) -> str:
    """The three lines: what was denied, who asked, what would allow it. The last two only where they are known."""
    lines = [f"hermetic: blocked action: {event['rule']}: {event['action']}({event['target']})"]
    asked = asker(event["stack"]) or (f"{event['program']} (process {event['pid']})" if "program" in event else "")
    if asked:
        lines.append(f"  asked by  {asked}")
    if event["hint"]:
        lines.append(f"  allow it  {narrowed.hint(event['hint']) if narrowed else event['hint']}")
    return "".join(printable(line) + "\n" for line in lines)


def asker(frames: list[list[Any]]) -> str:
    """The innermost frame that is not the standard library's, and the distributions on whose behalf it asked."""
    from hermetic.distributions import is_standard_library, origin

    callers = [frame for frame in frames if not is_standard_library(frame[0])] or frames[:1]
    if not callers:
        return ""
    file, line, _ = callers[0]
    first = origin(file)
    others = dict.fromkeys(origin(frame[0]).distribution for frame in callers[1:])
    others.pop(first.distribution, None)
    others.pop("", None)
    behalf = f", for {', '.join(others)}" if others else ""
    return (f"{first.distribution} ({first.path}:{line})" if first.distribution else f"{shown(file)}:{line}") + behalf


def shown(path: str) -> str:
    """A path as a reader would write it: relative where it lies below the working directory."""
    try:
        here = os.getcwd()
    except OSError:
        return path
    return path.removeprefix(here.rstrip("/") + "/") if path.startswith("/") else path


def stack(event: Event) -> str:
    """All frames, outermost first as in a traceback."""
    lines = (f"    {file}:{line} in {function}" for file, line, function in reversed(event["stack"]))
    return "".join(printable(line) + "\n" for line in lines)
