"""What an answer of the world means, for the tests and for `scripts/containment` alike."""

from __future__ import annotations

from containment.attempt import BARE

CONTAINED, ESCAPED, ABSENT, BROKEN = "contained", "escaped", "absent", "broken"
KEPT, LOST = "kept", "lost"


class Verdict:
    """kind: one of the words above; why: what was seen instead, or is missing; said: the program's own last words"""

    def __init__(self, kind: str, why: str = "", said: str = "") -> None:
        self.kind = kind
        self.why = why
        self.said = said

    def __str__(self) -> str:
        return f"{self.kind}: {self.why}\n{self.said}".rstrip().rstrip(":")


class Trials:
    """Attempts and ordinary programs in one world, each with its control, which is run once for each interpreter."""

    def __init__(self, asked) -> None:
        self.asked = asked
        self.controls: dict[tuple[str, str], dict] = {}

    def attempt(self, attempt, python, layer: str) -> Verdict:
        """CONTAINED or ESCAPED; ABSENT if it cannot be tried here; BROKEN if nothing was shown: without the guard it does nothing."""
        control = self.control("attempt", attempt, python)
        if "missing" in control:
            return Verdict(ABSENT, control["missing"])
        if not any(effect.partition(" ")[0] == attempt.leaves for effect in control["effects"]):
            return Verdict(BROKEN, f"its control leaves {control['effects']}, not {attempt.leaves}", last_words(control))
        answer = self.asked.ask("attempt", attempt.name, python, layer)
        if not answer["began"] and not attempt.unstarted:
            return Verdict(BROKEN, "it never began", last_words(answer))
        escapes = attempt.escapes(answer["effects"])
        return Verdict(ESCAPED if escapes else CONTAINED, ", ".join(escapes), last_words(answer))

    def program(self, program, python, layer: str) -> Verdict:
        """KEPT if it prints what it prints without the guards, and ends as it does there; else LOST."""
        control = self.control("program", program, python)
        if "missing" in control:
            return Verdict(ABSENT, control["missing"])
        if not control["out"]:
            return Verdict(BROKEN, "its control prints nothing", last_words(control))
        answer = self.asked.ask("program", program.name, python, layer)
        same = (exit_code(control["code"]), control["out"]) == (answer["code"], answer["out"])
        return Verdict(KEPT if same else LOST, f"{control['code']} {control['out']!r}", last_words(answer))

    def control(self, kind: str, one, python) -> dict:
        key = one.name, python.name
        if key not in self.controls:
            self.controls[key] = self.asked.ask(kind, one.name, python, BARE)
        return self.controls[key]

    def close(self) -> None:
        self.asked.close()


def exit_code(code: int | None) -> int | None:
    """As hermetic gives it: a signal is told by a number."""
    return 128 - code if code is not None and code < 0 else code


def last_words(answer: dict) -> str:
    lines = (answer["out"] + answer["err"]).strip().splitlines()
    return "\n".join([f"exit code {answer['code']}", *lines[-12:]])
