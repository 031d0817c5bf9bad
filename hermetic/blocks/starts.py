"""What a block's code starts as a process.

Nothing in this process holds what another does. A Python child gets the guards of its own, from a run directory made for the block's policy when the
first such child starts; they stand for all its life. A program that is not Python would go where no kernel rule of ours holds it: it is refused,
unless the block lists it (`allow_run`), which says that it may do as it likes. A fork is this process once more, with its blocks.

Inside of a run it is that which guards the children. What the block's policy takes from them besides, the run's guard is told when it asks itself
what holds for a child.
"""

from __future__ import annotations

import _thread
import atexit
import os
import subprocess  # noqa: F401 - it has a function of _posixsubprocess for its own, which is replaced there as well
import sys

from hermetic_guard import children, errors, injection, pex, programs, pyenv, serialized, standard_library
from hermetic_guard.enforce import VIOLATION_EXIT
from hermetic_guard.guards import process
from hermetic_guard.injection import Handoff
from hermetic_guard.intersection import intersect
from hermetic_guard.policy import PolicyError, Subprocess
from hermetic_guard.start import OWN, Start
from hermetic_guard.starts import NOT_PYTHON, Planner, on_path

from hermetic.blocks.refusals import FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from hermetic_guard.enforce import Enforcer
    from hermetic_guard.policy import Policy

    from hermetic.blocks.inside import Inside
    from hermetic.blocks.post import Post
    from hermetic.launch.stage import RunDirectory

FORK_SERVER = "its children would not be in this block", "multiprocessing's start methods spawn and fork"
"""A rule of our own, and what would be allowed."""


def install(enforcer: Enforcer, plan: Callable[[Start], Start]) -> None:
    """Replace the spawn points."""
    for module in (programs, pyenv, pex, standard_library):
        module.os = OWN  # type: ignore[attr-defined]
    programs.read_head = enforcer.read_head  # type: ignore[assignment]
    children.replace_starts(enforcer, plan, on_path, lambda: dict(os.environb), lambda: None)


class Children:
    """Run directories by policy, made when they are needed and removed when this process ends.

    asked: what a start asks; sealed: whether there is a guard that stays; asked_elsewhere: whether that sees to starts, and asks for blocks too
    within: whether this is a run's target, or what one has started
    """

    asked: process.Questions

    def __init__(self, inside: Inside, post: Post, stack: Callable[[], list[tuple[str, int, str]]]) -> None:
        self._stack, self._post = stack, post
        self.sealed = self.asked_elsewhere = self.within = False
        self._inside = inside
        self._planners: dict[bytes, Planner] = {}
        self._interpreters: dict[int, str] = {}
        """What is being started within a run, by thread."""
        self._runs: list[RunDirectory] = []
        self._pid = os.getpid()
        atexit.register(self._remove)

    def install(self, enforcer: Enforcer) -> dict[str, Callable[..., None]]:
        """Replace the spawn points; returns handlers of audit events."""
        self.prepare()
        from hermetic.launch import nested

        self.within = nested.is_inside()
        self.asked = process.questions(enforcer)
        install(enforcer, self.plan)
        return {"socket.connect": make_on_connect(self.refuse)}

    @staticmethod
    def prepare() -> None:
        """Load what is needed when nothing may be read any more."""
        from _json import make_scanner  # noqa: F401

        from hermetic import kept  # noqa: F401
        from hermetic.launch import payload, removal, stage  # noqa: F401

    def plan(self, start: Start) -> Start:
        """The same program, guarded. Raises a violation where that cannot be."""
        standing = self._inside.find()
        policy = standing.rules.policy
        if not policy.guards() or self.asked_elsewhere:
            return start
        self._post.collect()
        key = serialized.dumps(policy)
        planner = self._planners.get(key)
        if planner is None:
            planner = self._planners[key] = WithinRun(self, policy) if self.within else self._made(policy)
        changed: Start = planner.plan(start)
        if injection.PREFIX in changed.environment:
            changed.environment[injection.BLOCK] = b"%s,%s" % (injection.ONLY_PYTHON, self._post.address(standing.runs))
        return changed

    def narrow(self, answer: object) -> None:
        """The run's guard has answered what holds for a child besides the run's own policy, None for nothing: so do the blocks.

        The kernel knows nothing of these, so what such a child starts is its own interpreter, or what a block lists.
        """
        policy = self._inside.find().rules.policy
        interpreter = self._interpreters.pop(_thread.get_ident(), "")
        if type(answer) is not list or not answer or not policy.guards():
            return
        if policy.subprocess is None:
            policy = policy.replaced(subprocess=Subprocess(run=(interpreter,) if interpreter else ()))
        try:
            answer[0] = serialized.dumps(policy if answer[0] is None else intersect(serialized.loads(answer[0]), policy))
        except PolicyError as error:
            self.refuse("a child", f"this block and what stands around it leave nothing: {error}", "")

    def starting(self, interpreter: str) -> None:
        """This thread is about to start it, and will be asked what holds there."""
        self._interpreters[_thread.get_ident()] = OWN.path.realpath(interpreter)

    def refuse(self, target: str, rule: str, hint: str) -> NoReturn:
        """Raises the violation of a start that no policy would have to forbid."""
        standing, frames = self._inside.find(), self._stack()
        fields = ("subprocess", "start", target, rule, hint)
        self._post.tell(refused(fields, frames), standing.runs)
        manner = standing.rules.policy.on_violation
        if manner == "kill":
            os._exit(VIOLATION_EXIT)
        raise errors.VIOLATIONS["subprocess"][manner](*fields)

    def _made(self, policy: Policy) -> Planner:
        """By a thread of its own, for which no block holds: no signal handler runs in it, and nothing of the block's."""
        outcome: list[Any] = []
        done = _thread.allocate_lock()
        done.acquire()
        original = OWN_STARTER

        def make() -> None:
            thread = _thread.get_ident()
            self._inside.aside.add(thread)
            try:
                outcome.append(self._staged(policy))
            except OSError as error:
                outcome.append(error)
            finally:
                self._inside.aside.discard(thread)
                done.release()

        original(make, ())
        done.acquire()
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        planner: Planner = outcome[0]
        return planner

    def _staged(self, policy: Policy) -> Planner:
        from hermetic.launch import payload, stage

        files = payload.files(policy, [], [os.path.dirname(os.path.dirname(__file__)), payload.directory()])
        run = stage.RunDirectory.create(files, os.environ)
        self._runs.append(run)
        self._post.receive(run.events)
        handoff = Handoff(os.fsencode(run.path), run.digest.encode(), run.identity)
        return BlockPlanner(self, handoff, ["manifest", *files], policy)

    def _remove(self) -> None:
        """What cannot be removed any more the next start of hermetic's sweeps."""
        if os.getpid() == self._pid and not self.sealed:
            self._inside.aside.add(_thread.get_ident())  # somebody may have left a block open
            self._post.collect()
            for run in self._runs:
                run.remove()


class BlockPlanner(Planner):
    """For a start out of a block. Always the stub: that this interpreter takes the other way has not been proved."""

    def __init__(self, owner: Children, handoff: Handoff, files: list[str], policy: Policy) -> None:
        self._owner = owner
        super().__init__(owner.asked, handoff, files, frozenset(), children.LOADER)
        self._lists = policy.subprocess is not None

    def other(self, start: Start) -> Start:
        """What has come here while the block guards processes is listed."""
        if not self._lists:
            self._owner.refuse("".join(start.executables[-1:]), *NOT_PYTHON)
        changed: Start = super().other(start)
        return changed


class Asking(Planner):
    """Asks for a start and leaves it as it is: the guards that go with it are another planner's to give, if it is to be at all."""

    def fingerprint(self) -> list[tuple[int, ...]]:
        return []

    def plan(self, start: Start) -> Start:
        super().plan(start)
        return start


class WithinRun(Asking, BlockPlanner):
    """For a start out of a block in a run's target: its replacements are beneath ours."""

    def __init__(self, owner: Children, policy: Policy) -> None:
        super().__init__(owner, Handoff(b"", b"", (0, 0)), [], policy)

    def python(self, start: Start, program: programs.Program, words: list[str]) -> Start:
        self._owner.starting(program.interpreter)
        found: Start = super().python(start, program, words)
        return found


def refused(fields: tuple[str, ...], frames: list[tuple[str, int, str]]) -> dict[str, Any]:
    """The event."""
    named: dict[str, Any] = dict(zip(FIELDS, fields, strict=True))
    return {"event": "refused", "pid": os.getpid(), **named, "stack": frames}


OWN_STARTER = _thread.start_new_thread


def make_on_connect(refuse: Callable[[str, str, str], NoReturn]) -> Callable[..., None]:
    """A server of multiprocessing's forks a child out of what it was before the block."""
    modules = sys.modules

    def on_connect(_: object, address: object) -> None:
        server = modules.get("multiprocessing.forkserver")
        if server is not None and type(address) in (str, bytes):
            own = vars(server._forkserver).get("_forkserver_address")
            if own is not None and address in (own, os.fsencode(own)):
                refuse("a fork server's child", *FORK_SERVER)

    return on_connect
