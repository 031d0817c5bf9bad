"""One run from its invocation to its exit code: policy, target, run directory, guarded start, what is told."""

from __future__ import annotations

import gc
import os

from hermetic_guard import serialized
from hermetic_guard.policy import CONFINED, with_scratch
from hermetic_guard.unions import whole

from hermetic import kept
from hermetic.errors import printable
from hermetic.events import EventReader, scan
from hermetic.launch import beforehand, environ, moved, nested, payload
from hermetic.launch.child import Child
from hermetic.launch.confined import ConfinedExecution
from hermetic.launch.finding import Sought, find_target
from hermetic.launch.later import Later
from hermetic.launch.made import Made
from hermetic.launch.process import launch
from hermetic.launch.speaker import Speaker
from hermetic.launch.stage import RunDirectory, sweep
from hermetic.linux import layers, syscalls
from hermetic.linux.here import Here
from hermetic.policy import combine
from hermetic.report import Narrowed, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hermetic_guard.policy import Policy

    from hermetic.events import Event
    from hermetic.launch.company import Company, Sink
    from hermetic.launch.limits import Keeper
    from hermetic.launch.private_tmp import PrivateTmp
    from hermetic.launch.process import Outcome
    from hermetic.linux.loopback_server import LoopbackServer
    from hermetic.options import Invocation
    from hermetic.policy.context import Context
    from hermetic.policy.repositories import Found
    from hermetic.target import interrogate, resolve

READY_WITHIN_S = 60.0
"""How long an interpreter may take to report that its guards stand: starting one takes a fiftieth of a second, on a machine with two hundred at
once some seconds."""

UNGUARDED = 125
VIOLATION = 77
LATE = 124
"""As timeout(1) has it."""
KILLED = 128 + 9
"""A limit was reached: the run was ended by SIGKILL, whoever of its processes was first."""
GUARDED_TOO = "Python programs that it starts get the guards as well"
TOO_LARGE = 128 + 25
"""SIGXFSZ has ended the target, or what a shell was waiting for."""
REASONS = 10
"""How many different reasons of failed guards are printed."""

UNCAUGHT = 1
"""The exit code CPython gives an uncaught exception."""


def main(invocation: Invocation) -> int:
    """Do what the command line asks for; returns the exit code.

    Raises HermeticError, with its exit code, for whatever keeps the target from being started.
    """
    cwd = beforehand.working_directory()
    beforehand.restore_environment()
    syscalls.set_dumpable(False)
    if invocation.flag("with"):
        from hermetic.throwaway import entering

        entering.enter(invocation, cwd, Speaker(invocation))
    return carry_out(invocation, cwd)[0]


def carry_out(invocation: Invocation, cwd: str | None, fills: str = "", company: Company | None = None) -> tuple[int, int]:
    """The exit code, and how many actions were blocked.

    fills: a directory of hermetic's own that this run may write, as no other may; company: the program that has asked for this run
    """
    if nested.is_inside() or (company and company.warm):  # that one is handed a socket, which is made later
        return decide_and_run(invocation, cwd, fills, company)
    with Child() as child:
        return decide_and_run(invocation, cwd, fills, company, child)


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
    if nested.is_inside():
        nested.refuse_what_the_outer_run_does(invocation)
        nested.attend(policy)
    outer = nested.tighten(policy)
    if outer is not None:
        say.notice(resolved.choice)
        say.detail("inside another hermetic: both policies hold, and the outer one tells")
        nested.become(target, *outer, invocation=invocation, say=say)
    facts = beforehand.ask_interpreter(target, policy) if target.python else None
    if company:
        policy = company.admit(policy, facts)
    run = Run(invocation, policy, target, facts, say)
    run.child = child
    run.policy_files = resolved.files
    run.fills, run.sweeps = fills, invocation.flag("with")
    run.choice, run.company = resolved.choice, company
    run.report.narrowed = narrowed(resolved)
    run.repositories = resolved.context.repositories
    if policy.builds == CONFINED:
        run.watch(resolved.context)
    with Made(policy), Later() as run.later:
        if policy.tmp == "private":
            run.make_tmp_private(cwd)
        return run.result(environment), sum(run.report.blocked.values())


class Run:
    """A target about to be run, and what its guarded processes tell meanwhile."""

    def __init__(
        self,
        invocation: Invocation,
        policy: Policy,
        target: resolve.Target,
        facts: interrogate.Interpreter | None,
        say: Speaker,
    ) -> None:
        values = invocation.values
        self.policy, self.target, self.facts, self.say = policy, target, facts, say
        self.carries = facts is not None and facts.guardable
        """Whether the target's interpreter carries the guards; else the kernel alone holds them."""
        self.require, self.best_effort = invocation.text("require"), invocation.flag("best_effort")
        self.strict = bool(values.get("strict"))
        self.report = Report(say.write, trace=bool(values.get("trace")), quiet=bool(values.get("quiet")))
        self.reader = EventReader()
        self.ready = self.uncaught = self.failed = False
        """What the target's own process has reported. Of others nothing is kept: there may be any number, and none need be true."""
        self.reasons: set[str] = set()
        self.policy_files: list[str] = []
        self.fills, self.sweeps = "", False
        self.brought: Callable[[], Iterable[str]] = tuple
        self.repositories: Found | None = None
        self.choice = ""
        """That a profile was chosen, to be said with the layers that hold it; "" where none was."""
        self.child: Child | None = None
        self.started: ConfinedExecution | None = None
        self.later: Later | None = None
        self.loopback: LoopbackServer | None = None
        self.private: PrivateTmp | None = None
        self.runs, self.file_too_large = True, False
        self.keeper: Keeper | None = None
        self.log_path = values.get("log")
        self.log: Sink | None = None
        self.company: Company | None = None

    @property
    def whole(self) -> Policy:
        """All that any package may do."""
        policy: Policy = whole(self.policy)
        return policy

    def make_tmp_private(self, cwd: str | None) -> None:
        from hermetic.launch import private_tmp

        self.policy, self.private = private_tmp.prepare(self.policy, self.target, cwd)
        if not self.private.mounts:
            self.say.notice(private_tmp.PARTIAL)

    def result(self, environment: dict[bytes, bytes]) -> int:
        """Run the target; the exit code. environment: the user's."""
        known = [self.facts] if self.facts is not None and self.carries else []
        protected = [*beforehand.protected_paths(self.fills), *self.policy_files]
        before = moved.identities([*beforehand.protected_paths(), *self.policy_files])
        files = payload.files(self.policy, known, protected, self.native_files(), cache=kept.directory(os.environ))
        self.loopback = beforehand.loopback_server(self.whole)
        if self.whole.network and self.whole.network.domains:
            files.update(beforehand.own_resolver(self.loopback))
        run = RunDirectory.create(files, os.environ)
        with run:
            self.open_log(os.path.basename(run.path))
            once, warm = self.policy.subprocess is not None, self.company is not None and self.company.warm
            start = environ.prepare(self.target, self.facts, environ.handoff(run), environment, once=once, warm=warm)
            if not self.carries:
                start.environment.update(environ.scratch(self.policy, f"{run.path}/scratch", start.environment))
            if self.private:
                self.private.make(run.path)
                start.environment[b"TMPDIR"] = self.private.tmpdir(run.path)
            self.runs = start.runs
            self.say.detail(f"guards by way of {start.way}: {start.why}")
            self.keeper = self.limits(os.path.basename(run.path))
            self.started = self.execution(start, run.path, protected)
            if self.company:
                self.company.attach(self, run.path)
            try:
                outcome = launch(
                    self.started,
                    run,
                    on_events=self.take,
                    ready=lambda pid: self.ready or not self.carries,
                    deadline=READY_WITHIN_S,
                    meanwhile=idle_work(environments=self.sweeps),
                    keeper=self.keeper,
                    company=self.company,
                )
            finally:
                if self.keeper:
                    self.keeper.close()
        self.tell_of_moved(moved.moved(before))
        for guard, number in self.started.refusals.untold.items():
            self.report.count(guard, number)
        return self.finish(outcome, killed=outcome.pid in self.started.killed)

    def limits(self, name: str) -> Keeper | None:
        if self.policy.limits is None:
            return None
        from hermetic.launch.limits import Keeper

        return Keeper(self.policy.limits, name, self.at_limit)

    def at_limit(self, field: str, value: float | None = None) -> None:
        """Tell that the run is ended for this limit, or that a process could not go on."""
        from hermetic.launch.limits import FLAGS
        from hermetic.policy.limits import shown

        value = value or getattr(self.policy.limits, field)
        self.say.notice(f"limit reached: {shown(field, value)} (allow more: {FLAGS[field]})")
        if self.log:
            self.log.write("limit", {"limit": FLAGS[field].removeprefix("--"), "value": value})

    def at_file_size(self, value: int | None = None) -> None:
        """A process could not go on for the one limit that ends it alone. Nobody else knows of those that could."""
        if self.policy.limits and self.policy.limits.file_size is not None and not self.file_too_large:
            self.file_too_large = True
            self.at_limit("file_size", value)

    def execution(self, start: environ.Start, run: str, protected: list[str]) -> ConfinedExecution:
        """How the target is executed: under the kernel's rules for the same policy."""
        here = Here(
            machine=os.uname().machine,
            root=os.geteuid() == 0,
            run=run,
            compiles=environ.makes_code(self.target, self.facts),
            protected=tuple(map(os.path.realpath, protected)),
            **(self.private.here(run) if self.private else {}),
        )
        policy = whole(with_scratch(self.policy, f"{run}/scratch"))
        return ConfinedExecution(
            start.interpreter,
            start.argv,
            start.environment,
            policy=policy,
            here=here,
            permit=self.permit,
            tell=self.refused_by_kernel,
            loopback=self.loopback,
            later=self.later,
            child=None if self.keeper and self.keeper.in_between else self.child,
        )

    def permit(self, here: Here) -> str:
        """Why the target may not be executed under what the kernel could be given; "" if it may."""
        found = layers.standings(self.whole, here, python=self.carries)
        self.report.all_counted = here.supervised or not (self.policy.network or self.policy.subprocess)
        needed = self.policy.kernel == "required"
        why_not = layers.shortfall(found, require=self.require, best_effort=self.best_effort, needed=needed)
        if self.private and self.private.mounts and not here.namespaced:
            why_not = "--tmp private cannot be held: the mounts that were permitted a moment ago are not any more"
        if self.company and not why_not:
            why_not = self.company.permit(here)
        if not why_not:
            self.tell_layers(found)
        if self.keeper and not why_not:
            why_not = self.keeper.why_not(best_effort=self.best_effort)
            self.say.detail("" if why_not else "limits: " + "; ".join(self.keeper.how(here)))
        why_not += self.whose(why_not)
        return why_not + without(why_not)

    def tell_layers(self, found: list[layers.Standing]) -> None:
        """Which profile was chosen and which layers hold it, in one line; all about the layers where that is asked for, or where the kernel has to
        hold by itself what was asked for.
        """
        held = "; ".join(map(layers.in_the_kernel, found))
        alone = f"{self.what_it_is()}, so the kernel alone holds it"
        if self.choice:
            more = "" if self.say.verbose else "-v says more"
            self.say.notice(f"{self.choice}; {layers.shortly(found, more) if self.carries else alone + layers.but_for(found, more)}")
        if self.carries:
            self.say.detail("; ".join(map(str, found)))
        elif self.say.verbose or not self.choice:
            self.say.notice(f"{alone} ({GUARDED_TOO}): {held}{self.uncounted()}")

    def whose(self, why_not: str) -> str:
        """Which policy files ask for the guard that cannot stand, where nobody else does."""
        asking = [one.shown for guard, one in self.report.narrowed.items() if one.alone and why_not.startswith(f"the {guard} guard ")]
        return f" (asked for by {asking[0]})" if asking else ""

    def uncounted(self) -> str:
        """What of the kernel's refusals nobody will hear of, as a sentence's end."""
        if not self.report.all_counted:
            return "; what it refuses is not counted"
        return "; what it refuses of files is not counted" if self.policy.filesystem else ""

    def what_it_is(self) -> str:
        name = os.path.basename(self.target.interpreter)
        return f"{name} is not Python" if self.facts is None else f"{name} is {self.facts.name}, which cannot carry the guards"

    def refused_by_kernel(self, event: Event) -> None:
        """Handle a refusal of the supervisor's, which no process of the target's can forge."""
        self.report.refused(event)
        if self.log:
            self.log.write("refused", event)

    def native_files(self) -> list[tuple[str, str]]:
        """What the policy's distributions may load."""
        native = self.whole.native
        if native is None or not native.distributions or self.facts is None:
            return []
        from hermetic.target import packages  # only where there are such

        names, target = native.distributions, self.target
        found = packages.native_files(names, target.interpreter, self.facts, target.environ, beforehand.working_directory() or "/")
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

    def planted(self) -> Iterator[str]:
        """What git would run from now on, where the policy keeps that from being changed."""
        if self.repositories:
            from hermetic.policy import repositories  # which then is loaded

            yield from repositories.planted(self.repositories.entered)

    def take(self, data: bytes) -> None:
        """Handle what was read from the run's FIFO."""
        for event in self.reader.feed(data):
            kind, by_target = event["event"], self.started is not None and event["pid"] == self.started.pid
            if kind == "ready":
                self.ready = self.ready or by_target
            elif kind == "uncaught":
                self.uncaught = self.uncaught or by_target
            elif kind == "failed":
                self.could_not_guard(event["why"], by_target)
            elif kind == "limit":
                self.at_file_size(event["value"])
                continue
            elif kind == "hidden":
                self.report.looked(event)
            else:
                self.report.refused(event)
            if self.log:
                self.log.write(kind, event)

    def could_not_guard(self, why: str, by_target: bool) -> None:
        """The guard ended a process before any of its code. The target is the first to report anything."""
        before = self.carries and by_target and not self.ready
        self.failed = self.failed or before
        if why not in self.reasons and len(self.reasons) < REASONS:
            self.reasons.add(why)
            tell = self.say.nothing_ran if before else self.say.told
            tell(f"{why}; {'nothing was run' if before else 'a Python child was ended'}")

    def finish(self, outcome: Outcome, *, killed: bool) -> int:
        """Tell the count, and make the exit code. killed: whether the supervisor ended the target for what it tried."""
        code = VIOLATION if killed else self.exit_code(outcome)
        if outcome.code == TOO_LARGE:
            self.at_file_size()
        lost = self.keeper.lost() if self.keeper else ""
        if lost:
            self.say.write(f"hermetic: not all output could be handed on: {lost}\n")
            code = code or UNGUARDED
        for line in (*self.brought(), *self.planted()):
            self.say.notice(line)
        self.report.finish(self.reader.foreign)
        if self.reasons or (self.carries and self.runs and not outcome.guarded):
            kept.forget(kept.directory(os.environ))  # it may be the cause
        if outcome.survivors:
            self.say.write(f"hermetic: {outcome.survivors} processes of the target could not be ended\n")
        if self.log:
            self.log.write("end", {"exit_code": code, "blocked": self.report.blocked})
        return code

    def tell_of_moved(self, places: list[str]) -> None:
        """What is kept there now somebody else has put there: it is forgotten, as far as it is a cache. What was trusted is the user's to look at."""
        for place in places:
            self.say.write(f"hermetic: {printable(place)} is not what it was when the run began: look at it before the next run\n")
        if places:
            from hermetic.throwaway.store import Store  # hardly ever

            for cache in {kept.directory(os.environ), kept.directory(beforehand.plain(os.environ))} - {""}:
                kept.forget(cache)
                Store(cache).forget()

    def exit_code(self, outcome: Outcome) -> int:
        if self.keeper and self.keeper.reached:
            return LATE if self.keeper.reached == "timeout" else KILLED
        if not self.runs:
            return outcome.code
        if self.failed:
            return UNGUARDED
        if not outcome.guarded and (outcome.late or outcome.signal is None):
            why = "did not report its guards in time and was ended" if outcome.late else "ended without reporting its guards"
            self.say.nothing_ran(f"{self.target.interpreter} {why}")
            return UNGUARDED
        if outcome.code == UNCAUGHT and self.uncaught:
            return VIOLATION
        if outcome.code == 0 and self.strict and self.report.blocked:
            return VIOLATION
        return outcome.code

    def open_log(self, run: str) -> None:
        if self.company:
            self.log = self.company.log
        elif isinstance(self.log_path, str):
            from hermetic.log import Log

            self.log = Log(self.log_path, run, self.say.write)
        if self.log:
            self.log.write("run", {"command": self.target.argv, "policy": serialized.dumps(self.policy).decode()})


def idle_work(*, environments: bool) -> Iterator[None]:
    """What is done while the target starts, in small steps: what the first refusal will need, so that it is told at once; the collector, which
    `main` has put off; sweeping, of what `--with` has made too.
    """
    from hermetic import distributions  # noqa: F401

    scan("{}")
    gc.freeze()
    gc.enable()
    yield
    yield from sweep(os.environ)
    if environments:
        from hermetic.throwaway.store import Store

        yield from Store(kept.directory(os.environ)).sweep()


def without(why_not: str) -> str:
    """How to start what cannot be guarded, where it is for no other reason that it is not started."""
    from hermetic import options

    guard, found, _ = why_not.removeprefix("the ").partition(" guard cannot stand: ")
    if not found:
        return ""
    ways = "with --best-effort" if " (asked for by " in why_not else f"without {options.flag_of(guard)}, or with --best-effort"
    return f"; it starts {ways}"


def narrowed(resolved: combine.Resolved) -> dict[str, Narrowed]:
    """What policy files have to say, by guard."""
    asked, packages = resolved.asked.guards(), resolved.packaging()
    return {
        guard: Narrowed(
            resolved.narrowing(guard),
            alone=guard not in asked,
            given=resolved.allows_already,
            packages=packages,
            untrusted=resolved.silencing(guard),
        )
        for guard in resolved.policy.guards()
    }
