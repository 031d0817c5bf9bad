"""The stack of policies in force in one process.

A run has one policy, set before user code. Code that uses the guard on itself opens and closes blocks on top of it; what holds is the
intersection of all that are open, so that no block can loosen what was set outside it.
"""

from hermetic_guard.intersection import intersect
from hermetic_guard.policy import BUILD, Policy, with_scratch
from hermetic_guard.serialized import dumps, loads
from hermetic_guard.unions import views


class Scopes(object):
    """`base` is the run's policy, `current` what holds now; `scratch` the directory that may be written under each but a build's, or None.

    handed_on:      what holds in whatever is started from here, None where that is `current`
    limits_reading: whether what holds now limits reading; asked at every `open`
    packages:       what holds now for single packages, see unions.views. Where there is something, no answer may be remembered: it depends on
                    who asks
    state:          another object whenever another policy holds, never one that was there before: by it is remembered what was found to be allowed.
                    It leads to nothing, for what is remembered the collector shows (collector.py)
    keywords:       whether it is a program's own code that says what holds, by arguments and not by options
    outside:        the policy that `current` is where nothing stands, not even what keeps guards in place; None where that cannot be
    """

    outside = None  # type: Policy | None
    keywords = False

    def __init__(self, base: Policy, scratch: "str | None" = None) -> None:
        self.scratch = scratch
        self.base = base if scratch is None else with_scratch(base, scratch)
        self.handed_on = None  # type: Policy | None
        self._open = [(None, self.base)]  # type: list[tuple[object, Policy]]
        self._combine()

    def push(self, policy: Policy) -> object:
        """Open a block; returns the token that closes it."""
        token = object()
        self._open.append((token, self._with_scratch(policy)))
        self._combine()
        return token

    def pop(self, token: object) -> None:
        """Close a block, in any order. Raises KeyError for a token that is not open; the base cannot be closed."""
        for index in range(1, len(self._open)):
            if self._open[index][0] is token:
                del self._open[index]
                self._combine()
                return
        raise KeyError("this block is not open")

    def tighten(self, serialized: bytes) -> None:
        """Open a block that stays open."""
        self.push(loads(serialized))

    def hand_on(self, serialized: bytes) -> "tuple[bytes, bytes, str]":
        """Have this policy hold as well in what this process starts, or becomes.

        Returns what held there before and what holds now, serialized, and the run's scratch directory, "" for none.
        """
        before = self.current if self.handed_on is None else self.handed_on
        self.handed_on = intersect(before, self._with_scratch(loads(serialized)))
        return dumps(before), dumps(self.handed_on), self.scratch or ""

    def narrowed(self) -> "bytes | None":
        """What holds in what is started from here, serialized; None if that is the run's own policy, which all its processes read by themselves."""
        if self.handed_on is not None:
            return dumps(intersect(self.current, self.handed_on))
        return None if self.current is self.base else dumps(self.current)

    def _with_scratch(self, policy: Policy) -> Policy:
        """Not for a build: it has a part of that, which its policy names."""
        return policy if self.scratch is None or policy.builds == BUILD else with_scratch(policy, self.scratch)

    def _combine(self) -> None:
        combined = self._open[0][1]
        for _, policy in self._open[1:]:
            combined = intersect(combined, policy)
        self.current = combined
        self.state = object()
        self.packages = views(combined)
        rules = combined.filesystem
        self.limits_reading = rules is not None and (rules.read is not None or bool(rules.hide) or combined.builds == BUILD)
