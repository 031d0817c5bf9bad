"""What a sealed process starts: Python programs with guards of their own, and others only where the kernel's rules, which go on to them, are enough.

The run directory that guards start from has to be made while anything can be written. There is one for all seals and blocks of a process: what
holds besides the policy it has goes to a child by its environment, where it can only take away.
"""

from __future__ import annotations

import os
import sys

from hermetic_guard import children, errors, injection, serialized
from hermetic_guard.enforce import TIGHTEN, VIOLATION_EXIT
from hermetic_guard.guards import process
from hermetic_guard.hook import named
from hermetic_guard.injection import Handoff
from hermetic_guard.intersection import intersect
from hermetic_guard.policy import PolicyError
from hermetic_guard.starts import Planner, Start

from hermetic.blocks import starts
from hermetic.blocks.process import make_stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hermetic_guard.enforce import Enforcer
    from hermetic_guard.guards.process import Questions
    from hermetic_guard.policy import Policy

    from hermetic.blocks.process import Guards, Table
    from hermetic.blocks.refusals import Run
    from hermetic.launch.stage import RunDirectory


class First:
    """The seal of this process whose run directory its children start from. events: how its guard's own events begin; files: what is in there"""

    def __init__(self, run: RunDirectory, files: list[str]) -> None:
        self.run, self.files = run, files
        self.tighten = ""


class Known:
    """Of this process: its first seal that lets anything be started, and whether another one lets nothing."""

    first: First | None = None
    closed = False


class Starts:
    """path: of the run directory, "" where nothing may be started; held: whether the kernel's part is enough for a program that is not Python"""

    def __init__(self, standing: Guards, policy: Policy, run: Run) -> None:
        self._guards, self._policy, self._run = standing, policy, run
        self._stack = make_stack()
        self.held = False
        Known.closed = Known.closed or (policy.subprocess is not None and not policy.subprocess.run)
        self._begins = not Known.closed and Known.first is None
        if self._begins:
            Known.first = self._make()
        self.path = Known.first.run.path if Known.first and not Known.closed else ""

    def _make(self) -> First:
        from hermetic.launch import payload, stage

        files = payload.files(self._policy, [], [os.path.dirname(os.path.dirname(__file__)), payload.directory()])
        run = stage.RunDirectory.create(files, os.environ)
        self._guards.post.receive(run.events)
        return First(run, ["manifest", *files])

    def install(self, enforcer: Enforcer) -> Table:
        """Replace the spawn points; returns handlers of audit events."""
        asked = process.questions(enforcer)
        first = Known.first
        if first is not None and self._begins:
            first.tighten = named(TIGHTEN)
            planner: Planner = Guarding(self, self._asked_for_blocks_too(asked), first)
        else:
            planner = Judging(self, asked)
            if first is not None:
                sys.audit(first.tighten, [], serialized.dumps(self._policy))
        assert self._guards.children is not None
        self._guards.children.sealed = True
        starts.install(enforcer, planner.plan)
        return {"socket.connect": starts.make_on_connect(self.refuse)} if is_serving_forks() else {}

    def _asked_for_blocks_too(self, asked: Questions) -> Questions:
        """Blocks that are open when something is started have a say, as replacements of theirs are beneath the one that changes the start."""
        assert self._guards.children is not None
        blocks, both = self._guards.children.asked, object.__new__(process.Questions)
        both.judge = lambda action, shown, path=None: asked.judge(action, shown, path) and blocks.judge(action, shown, path)
        both.allows = lambda action, path=None: asked.allows(action, path) and blocks.allows(action, path)
        both.judge_reading = lambda path: (asked.judge_reading(path), blocks.judge_reading(path))
        both.set_variable = lambda name, value: (asked.set_variable(name, value), blocks.set_variable(name, value))
        both.refuse = asked.refuse
        both.narrowed = lambda: self._narrowed(asked)
        return both

    def _narrowed(self, asked: Questions) -> bytes | None:
        """What holds besides the first seal's policy."""
        own: bytes | None = asked.narrowed()
        block = self._guards.inside.find().rules.policy
        if not block.guards():
            return own
        try:
            return serialized.dumps(intersect(self._policy if own is None else serialized.loads(own), block))
        except PolicyError as error:
            asked.refuse("start", f"this block and the seal leave nothing: {error}")
            raise

    def admit(self, start: Start) -> None:
        """Whether a program that is not Python may be started."""
        program = "".join(start.executables[-1:])
        if not self.held and self._policy.subprocess is None:
            self.refuse(program, *starts.NOT_PYTHON)
        block = self._guards.inside.find().rules.policy
        if block.guards() and block.subprocess is None and self._guards.children is not None:
            self._guards.children.refuse(program, *starts.NOT_PYTHON)

    def refuse(self, target: str, rule: str, hint: str) -> NoReturn:
        """Raises the violation of a start that no policy would have to forbid."""
        fields = ("subprocess", "start", target, rule, hint)
        self._guards.post.tell(starts.refused(fields, self._stack()), (self._run,))
        if self._policy.on_violation == "kill":
            os._exit(VIOLATION_EXIT)
        raise errors.VIOLATIONS["subprocess"][self._policy.on_violation](*fields)

    def address(self) -> bytes:
        """Who is told of what a child is refused."""
        found = self._guards
        found.post.collect()
        return found.post.address((*found.sealed, *found.inside.find().runs))


class Guarding(Planner):
    """Always the stub: that this interpreter takes the other way has not been proved."""

    def __init__(self, owner: Starts, asked: Questions, first: First) -> None:
        self._owner = owner
        run = first.run
        handoff = Handoff(os.fsencode(run.path), run.digest.encode(), run.identity)
        super().__init__(asked, handoff, first.files, frozenset(), children.LOADER)

    def other(self, start: Start) -> Start:
        self._owner.admit(start)
        changed: Start = super().other(start)
        return changed

    def prepared(self, way: str, start: Start, loader: dict[bytes, bytes] | None = None) -> Start:
        changed: Start = super().prepared(way, start, loader)
        changed.environment[injection.BLOCK] = self._owner.address()
        return changed


class Judging(Planner):
    """Asks for a start and leaves it as it is: the guards that go with it are another planner's to give, if it is to be at all."""

    def __init__(self, owner: Starts, asked: Questions) -> None:
        self._owner = owner
        super().__init__(asked, Handoff(b"", b"", (0, 0)), [], frozenset(), children.LOADER)

    def fingerprint(self) -> list[tuple[int, ...]]:
        return []

    def plan(self, start: Start) -> Start:
        super().plan(start)
        return start

    def other(self, start: Start) -> Start:
        self._owner.admit(start)
        changed: Start = super().other(start)
        return changed


def is_serving_forks() -> bool:
    """Whether there is a server of multiprocessing's already, whose children come of what it was."""
    server = sys.modules.get("multiprocessing.forkserver")
    return server is not None and vars(server._forkserver).get("_forkserver_pid") is not None
