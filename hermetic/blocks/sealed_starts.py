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
from hermetic_guard.policy import Policy, PolicyError, Subprocess
from hermetic_guard.start import Start
from hermetic_guard.starts import NOT_PYTHON, Planner

from hermetic.blocks import starts
from hermetic.blocks.process import make_stack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from hermetic_guard.enforce import Enforcer
    from hermetic_guard.guards.process import Questions

    from hermetic.blocks.process import Guards, Table
    from hermetic.blocks.refusals import Run
    from hermetic.launch.stage import RunDirectory


class First:
    """Whose run directory children start from: the first seal's, or that of the run that this process is in.

    path: of it; tighten: the audit event by which its guard takes a policy more; run, files: the directory and what is in it, if it is ours
    """

    def __init__(self, path: str, run: RunDirectory | None = None, files: tuple[str, ...] = ()) -> None:
        self.path, self.run, self.files = path, run, files
        self.tighten = TIGHTEN


class Known:
    """Of this process: its first seal that lets anything be started, whether another one lets nothing, and whether the kernel's part of all is enough
    for a program that is not Python."""

    first: First | None = None
    closed = False
    held = True


class Starts:
    """path: of the run directory, "" where nothing may be started; held: whether the kernel's part is enough for a program that is not Python

    stack: who asks; of a hook another one (observers.py)
    """

    def __init__(self, standing: Guards, policy: Policy, run: Run) -> None:
        self._guards, self._policy, self._run = standing, policy, run
        self.stack = make_stack()
        self.held = False
        self._closed = Known.closed or (policy.subprocess is not None and not policy.subprocess.run)
        self._first = None if self._closed else Known.first or self._found() or self._make()
        self.path = self._first.path if self._first else ""

    def drop(self) -> None:
        """The seal did not come to be."""
        if self._first is not None and self._first is not Known.first and self._first.run is not None:
            self._first.run.remove()

    def _found(self) -> First | None:
        """The run that this process is in."""
        from hermetic.launch import nested

        outer = nested.tighten(Policy()) if nested.is_inside() else None
        return First(outer[2]) if outer else None

    def _make(self) -> First:
        from hermetic.launch import payload, stage

        files = payload.files(self._policy, [], [os.path.dirname(os.path.dirname(__file__)), payload.directory()])
        run = stage.RunDirectory.create(files, os.environ)
        self._guards.post.receive(run.events)
        return First(run.path, run, ("manifest", *files))

    def install(self, enforcer: Enforcer) -> Table:
        """Replace the spawn points; returns handlers of audit events."""
        asked = process.questions(enforcer)
        planner: Planner = Judging(self, asked)
        Known.closed, Known.held = self._closed, Known.held and self.held
        first, made = self._first, self._first.run if self._first else None
        assert self._guards.children is not None
        if first is not None and made is not None and first is not Known.first:
            first.tighten = named(TIGHTEN)
            planner = Guarding(self, self._asked_for_blocks_too(asked), made, first.files)
            self._guards.children.asked_elsewhere = True
        elif first is not None:
            sys.audit(first.tighten, [], serialized.dumps(self._handed_on(first)))
        Known.first = Known.first or first
        self._guards.children.sealed = True
        starts.install(enforcer, planner.plan)
        return {"socket.connect": starts.make_on_connect(self.refuse)} if is_serving_forks() else {}

    def _handed_on(self, first: First) -> Policy:
        """What holds for children. Those of a run's know nothing of seals: where the kernel's part is not enough, this interpreter is all that they
        start."""
        if self._policy.subprocess is not None or self.held or first.run is not None:
            return self._policy
        changed: Policy = self._policy.replaced(subprocess=Subprocess(run=(os.path.realpath(sys.executable),)))
        return changed

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
            self.refuse(program, *NOT_PYTHON)
        block = self._guards.inside.find().rules.policy
        if block.guards() and block.subprocess is None and self._guards.children is not None:
            self._guards.children.refuse(program, *NOT_PYTHON)

    def refuse(self, target: str, rule: str, hint: str) -> NoReturn:
        """Raises the violation of a start that no policy would have to forbid."""
        fields = ("subprocess", "start", target, rule, hint)
        self._guards.post.tell(starts.refused(fields, self.stack()), (self._run,))
        if self._policy.on_violation == "kill":
            os._exit(VIOLATION_EXIT)
        raise errors.VIOLATIONS["subprocess"][self._policy.on_violation](*fields)

    def address(self) -> bytes:
        """Who is told of what a child is refused."""
        found = self._guards
        found.post.collect()
        told = found.post.address((*found.sealed, *found.inside.find().runs))
        return told if Known.held and not found.inside.find().rules.policy.guards() else b"%s,%s" % (injection.ONLY_PYTHON, told)


class Guarding(Planner):
    """Always the stub: that this interpreter takes the other way has not been proved."""

    def __init__(self, owner: Starts, asked: Questions, run: RunDirectory, files: tuple[str, ...]) -> None:
        self._owner = owner
        handoff = Handoff(os.fsencode(run.path), run.digest.encode(), run.identity)
        super().__init__(asked, handoff, [*files], frozenset(), children.LOADER)

    def other(self, start: Start) -> Start:
        self._owner.admit(start)
        changed: Start = super().other(start)
        return changed

    def prepared(self, way: str, start: Start, loader: dict[bytes, bytes] | None = None) -> Start:
        changed: Start = super().prepared(way, start, loader)
        changed.environment[injection.BLOCK] = self._owner.address()
        return changed


class Judging(starts.Asking):
    def __init__(self, owner: Starts, asked: Questions) -> None:
        self._owner = owner
        super().__init__(asked, Handoff(b"", b"", (0, 0)), [], frozenset(), children.LOADER)

    def other(self, start: Start) -> Start:
        self._owner.admit(start)
        changed: Start = super().other(start)
        return changed


def is_serving_forks() -> bool:
    """Whether there is a server of multiprocessing's already, whose children come of what it was."""
    server = sys.modules.get("multiprocessing.forkserver")
    return server is not None and vars(server._forkserver).get("_forkserver_pid") is not None
