"""One run from its invocation to its exit code: policy, target, run directory, guarded start, what is told."""

from __future__ import annotations

import gc
import os

from hermetic_guard.policy import CONFINED, with_scratch

from hermetic import ahead, kept
from hermetic.launch import beforehand, begin, environ, moved, nested, payload
from hermetic.launch.confined import ConfinedExecution
from hermetic.launch.finding import Sought, find_target
from hermetic.launch.later import Later
from hermetic.launch.made import Made
from hermetic.launch.process import launch
from hermetic.launch.speaker import Speaker
from hermetic.launch.stage import RunDirectory, sweep
from hermetic.linux.here import Here
from hermetic.policy import combine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hermetic_guard.policy import Policy

    from hermetic.digest import Content
    from hermetic.launch.child import Child
    from hermetic.launch.company import Company
    from hermetic.launch.limits import Keeper
    from hermetic.launch.private_tmp import PrivateTmp
    from hermetic.launch.process import Outcome
    from hermetic.launch.told import Told
    from hermetic.linux.loopback_server import LoopbackServer
    from hermetic.options import Invocation
    from hermetic.policy.context import Context
    from hermetic.policy.repositories import Found
    from hermetic.target import interrogate, resolve

READY_WITHIN_S = 60.0
"""How long an interpreter may take to report that its guards stand: starting one takes a fiftieth of a second, on a machine with two hundred at
once some seconds."""


def decide_and_run(
    invocation: Invocation, cwd: str | None, fills: str, company: Company | None, child: Child | None = None
) -> tuple[int, int]:
    """child: that will be the target, where it need not be this process"""
    resolved = combine.resolve(invocation, cwd, Sought(invocation, cwd or ""), begins=True)
    initial = dict(os.environb)
    environment = beforehand.granted(initial, resolved.policy, invocation)
    target = find_target(invocation, environ.as_text(environment), cwd or "")
    say = company.say if company else Speaker(invocation)
    for notice in resolved.notices:
        say.notice(notice)
    for detail in (*resolved.details, "; ".join(target.how)):
        say.detail(detail)
    if resolved.policy.environment is not None:
        taken = ", ".join(sorted(os.fsdecode(name) for name in initial.keys() - environment.keys()))
        say.detail(f"environment: {len(environment)} variables of {len(initial)}" + (f"; taken away: {taken}" if taken else ""))
    policy = beforehand.filling(beforehand.with_needs(resolved.policy, target, cwd), fills)
    beforehand.refuse_hidden(policy, target)
    outer = None
    if nested.is_inside():
        nested.refuse_what_the_outer_run_does(invocation)
        nested.attend(policy)
        outer = nested.tighten(policy)
    if outer is not None:
        say.notice(resolved.choice)
        say.detail("inside another hermetic: both policies hold, and the outer one tells")
        from hermetic.launch import stacked

        stacked.become(target, *outer, invocation=invocation, say=say)
    for notice in beforehand.keep_projects(policy, resolved.context):
        say.notice(notice)
    facts = beforehand.ask_interpreter(target, policy) if target.python else None
    if company:
        policy = company.admit(policy, facts)
    run = Run(invocation, policy, target, facts, say)
    run.child = child
    run.policy_files = resolved.files
    run.fills, run.sweeps = fills, invocation.flag("with")
    run.choice, run.company = resolved.choice, company
    run.resolved = resolved
    run.repositories = resolved.context.repositories
    if policy.builds == CONFINED:
        run.watch(resolved.context)
    with Made(policy), Later() as run.later:
        if policy.tmp == "private":
            run.make_tmp_private(cwd)
        return run.result(environment), sum(run.told.report.blocked.values())


class Run:
    """A target about to be run, and what there is besides once it is.

    carries: whether the target's interpreter carries the guards; else the kernel alone holds them
    choice:  that a profile was chosen, to be said with the layers that hold it; "" where none was
    """

    def __init__(
        self,
        invocation: Invocation,
        policy: Policy,
        target: resolve.Target,
        facts: interrogate.Interpreter | None,
        say: Speaker,
    ) -> None:
        self.invocation, self.policy, self.target, self.facts, self.say = invocation, policy, target, facts, say
        self.carries = facts is not None and facts.guardable
        self.require, self.best_effort, self.strict = invocation.text("require"), invocation.flag("best_effort"), invocation.flag("strict")
        self.policy_files: list[str] = []
        self.fills, self.sweeps = "", False
        self.brought: Callable[[], Iterable[str]] = tuple
        self.repositories: Found | None = None
        self.choice = ""
        self.resolved: combine.Resolved | None = None
        self.child: Child | None = None
        self.started: ConfinedExecution | None = None
        self.here: Here
        self.later: Later | None = None
        self.loopback: LoopbackServer | None = None
        self.private: PrivateTmp | None = None
        self.runs = self.all_counted = True
        self.keeper: Keeper | None = None
        self.company: Company | None = None
        self._told: Told | None = None

    @property
    def whole(self) -> Policy:
        """All that any package may do."""
        return all_of(self.policy)

    @property
    def told(self) -> Told:
        """What is told of it; loaded when there is something, or time."""
        if self._told is None:
            from hermetic.launch.told import Told, narrowed

            self._told = Told(self.invocation, self.policy, self.say, carries=self.carries)
            self._told.started = self.started
            self._told.report.narrowed = narrowed(self.resolved) if self.resolved else {}
        return self._told

    def load_before(self) -> None:
        """What `load` loads, while it can be loaded as it is on the disk."""
        ahead.load(ahead.ATTENDING)
        self.load()

    def load(self) -> None:
        """What will be needed while the target runs, and once it has ended."""
        from hermetic import distributions  # noqa: F401
        from hermetic.events import scan
        from hermetic.launch import ending, leftovers, removal  # noqa: F401

        scan("{}")  # so that the first refusal is told at once
        assert self.told

    def is_ready(self) -> bool:
        return not self.carries or (self._told is not None and self._told.ready)

    def make_tmp_private(self, cwd: str | None) -> None:
        from hermetic.launch import private_tmp

        self.policy, self.private = private_tmp.prepare(self.policy, self.target, cwd)
        if not self.private.mounts:
            self.say.notice(private_tmp.PARTIAL)

    def result(self, environment: dict[bytes, bytes]) -> int:
        """Run the target; the exit code. environment: the user's."""
        own = beforehand.protected_paths()
        protected = [*(beforehand.protected_paths(self.fills) if self.fills else own), *self.policy_files]
        before = moved.identities([*own, *self.policy_files])
        try:
            started, outcome = self.run(environment, protected)
        finally:
            if self.keeper:
                self.keeper.close()
        from hermetic.launch import ending

        self.told.report.all_counted = self.all_counted
        ending.tell_of_moved(self, moved.moved(before))
        for guard, number in started.refusals.untold.items():
            self.told.report.count(guard, number)
        return ending.finish(self, outcome, killed=outcome.pid in started.killed)

    def run(self, environment: dict[bytes, bytes], protected: list[str]) -> tuple[ConfinedExecution, Outcome]:
        with self.directory(protected) as run:
            self.open_log(os.path.basename(run.path))
            once, warm = self.policy.subprocess is not None, self.company is not None and self.company.warm
            start = environ.prepare(self.target, self.facts, environ.handoff(run), environment, once=once, warm=warm)
            if not self.carries:
                start.environment.update(environ.scratch(self.policy, f"{run.path}/scratch", start.environment))
            if self.private:
                start.environment[b"TMPDIR"] = self.private.tmpdir(run.path)
            self.runs = start.runs
            self.say.detail(f"guards by way of {start.way}: {start.why}")
            self.started = started = self.execution(start, run.path, protected)
            if self._told:
                self._told.started = started
            if self.company:
                self.company.attach(self, run.path)
            outcome = launch(
                started,
                run,
                on_events=lambda data: self.told.take(data),
                ready=lambda pid: self.is_ready(),
                deadline=READY_WITHIN_S,
                meanwhile=self.idle_work(),
                keeper=self.keeper,
                company=self.company,
            )
        return started, outcome

    def directory(self, protected: list[str]) -> RunDirectory:
        """The run directory, whose files are made while the child puts the kernel's rules on itself."""
        known = [self.facts] if self.facts is not None and self.carries else []
        self.loopback = beforehand.loopback_server(self.whole)
        names = self.whole.network is not None and bool(self.whole.network.domains)

        def begun(run: RunDirectory) -> dict[str, Content]:
            self.begin(run.path, protected)
            run.kept = self.child is not None and self.child.namespaced is True
            return payload.files(self.policy, known, protected, self.native_files(), cache=kept.directory(os.environ))

        return RunDirectory.create(beforehand.own_resolver(self.loopback) if names else {}, os.environ, begun)

    def begin(self, run: str, protected: list[str]) -> None:
        """Have the child put the kernel's rules on itself. Where the run directory could not be filled it is another now, and so is the child."""
        if self.keeper:
            self.keeper.close()
        if self.private:
            self.private.make(run)
        self.keeper = self.limits(os.path.basename(run))
        self.here = self.known(run, protected)
        if self.child and (self.child.began or (self.keeper and self.keeper.in_between)):
            self.child.end()
            self.child = None
        elif self.child:
            self.child.begin(self.target.interpreter, self.kernels(run), self.here)
            self.child.answer_early()

    def known(self, run: str, protected: list[str]) -> Here:
        """What rules are made from, besides the policy."""
        return Here(
            machine=os.uname().machine,
            root=os.geteuid() == 0,
            run=run,
            compiles=environ.makes_code(self.target, self.facts),
            protected=tuple(map(os.path.realpath, protected)),
            **(self.private.here(run) if self.private else {}),
        )

    def kernels(self, run: str) -> Policy:
        """What the kernel is to hold."""
        return all_of(with_scratch(self.policy, f"{run}/scratch"))

    def limits(self, name: str) -> Keeper | None:
        if self.policy.limits is None:
            return None
        from hermetic.launch.limits import Keeper

        return Keeper(self.policy.limits, name, lambda field: self.told.at_limit(field))

    def execution(self, start: environ.Start, run: str, protected: list[str]) -> ConfinedExecution:
        """How the target is executed: under the kernel's rules for the same policy."""
        return ConfinedExecution(
            start.interpreter,
            start.argv,
            start.environment,
            policy=self.kernels(run),
            here=self.here,
            permit=self.permit,
            tell=lambda event: self.told.refused_by_kernel(event),
            load=self.load_before,
            loopback=self.loopback,
            later=self.later,
            child=self.child,
        )

    def permit(self, here: Here) -> str:
        """Why the target may not be executed under what the kernel could be given; "" if it may."""
        from hermetic.launch import permission

        return permission.permit(self, here)

    def native_files(self) -> list[tuple[str, str]]:
        """What the policy's distributions may load."""
        native = self.whole.native
        if native is None or not native.distributions or self.facts is None:
            return []
        from hermetic.target import packages  # only where there are such

        names, target = native.distributions, self.target
        found = packages.native_files(names, target.interpreter, self.facts, target.environ, begin.working_directory() or "/")
        for name in packages.without_files(names, found):
            self.say.notice(f"--allow-native {name}: no compiled module of an installed distribution of this name was found")
        return found

    def watch(self, context: Context) -> None:
        """See what comes into the environment that runs when interpreters start."""
        from hermetic.indexes import command
        from hermetic.launch import brought  # only where packages are installed

        def sites() -> list[str]:
            return [*dict.fromkeys([*context.sites(), *command.sites_elsewhere(context)])]

        before = brought.look(sites(), context.value("VENV"))

        def lines() -> Iterable[str]:
            context.look_again()
            return brought.lines(before, sites(), context.value("VENV"))

        self.brought = lines

    def open_log(self, run: str) -> None:
        path = self.invocation.text("log")
        if self.company:
            self.told.begin_log(self.company.log, self.target.argv)
        elif path is not None:
            from hermetic.log import Log

            self.told.begin_log(Log(path, run, self.say.write), self.target.argv)

    def idle_work(self) -> Iterator[None]:
        """What is done while the target runs, in small steps: the collector, which `main` has put off; sweeping, of what `--with` has made too."""
        self.load()
        gc.freeze()
        gc.enable()
        yield
        yield from sweep(os.environ)
        if self.sweeps:
            from hermetic.throwaway.store import Store

            yield from Store(kept.directory(os.environ)).sweep()


def all_of(policy: Policy) -> Policy:
    """The policy with what single packages may do besides, which only Python can tell apart."""
    if not policy.packages:
        return policy
    from hermetic_guard.unions import whole

    every: Policy = whole(policy)
    return every
