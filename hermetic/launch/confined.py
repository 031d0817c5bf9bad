"""The forked child becomes the target under kernel rules, once the launcher has seen what could be put in place.

This is the launcher's side; becoming.py is the child's, and says what they have to say to each other.
"""

from __future__ import annotations

import os
import time

from hermetic_guard.hosts import ANY

from hermetic import ahead
from hermetic.errors import GuardUnavailable, HermeticError
from hermetic.launch import becoming
from hermetic.launch.becoming import ALONE, ASKED, END, FAILED, NONE, SUPERVISED
from hermetic.launch.child import can_look_into, framed, send
from hermetic.launch.execution import Execution
from hermetic.launch.signals import wake_when_readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, NoReturn

    from hermetic_guard.guards.proxies import Proxy
    from hermetic_guard.policy import Policy

    from hermetic.launch.child import Child
    from hermetic.launch.later import Later
    from hermetic.linux.answers import Answers
    from hermetic.linux.datagrams import Workshop
    from hermetic.linux.here import Here
    from hermetic.linux.loopback_server import LoopbackServer
    from hermetic.linux.name_server import Ways
    from hermetic.linux.supervisor import Supervisor

    Event = dict[str, Any]
else:
    import _signal

SETTLING_S = 0.5
"""For what is judged still when nothing of the run is left: a look-up whose program did not wait for the answer. A connection may take longer, and is
nobody's any more."""


class ConfinedExecution(Execution):
    """policy, here: what the rules are made from
    permit: is told what was put in place (a Here), and says why that is not enough, "" if it is
    tell:   is given an event for each refusal of the supervisor's
    loopback: answers by UDP where all of localhost is open, if it could be had
    load:   loads what will be needed from now on; called before the target runs, where that could change it
    later:  what may have to be loaded once the target runs, where that may not come from files any more
    child:  what was forked for this already, if anything was; by now it may have begun
    """

    def __init__(
        self,
        program: str,
        argv: list[str],
        env: Mapping[bytes, bytes],
        *,
        policy: Policy,
        here: Here,
        permit: Callable[[Here], str],
        tell: Callable[[Event], None],
        load: Callable[[], None] = lambda: None,
        loopback: LoopbackServer | None = None,
        later: Later | None = None,
        child: Child | None = None,
    ) -> None:
        super().__init__(program, argv, env, (child.answers, child.answer) if child else None)
        self._policy, self._here = policy, here
        self._permit, self._tell, self._load = permit, tell, load
        self._child = child
        self.spare = child.spare if child else None
        self._go, self._went = (child.go, child.went) if child else os.pipe()
        self._supervisor: Supervisor | None = None
        self._placed = False
        self._said = child.said if child else b""
        self._input: int | None = None
        self._refused: HermeticError | None = None
        self._workshop: Workshop | None = None
        self._loopback = loopback
        self._proxies: tuple[Proxy, ...] = ()
        self._later = later

    def become(self) -> NoReturn:
        os.close(self._went)
        launcher = becoming.Launcher(self._answer, self._go)
        becoming.become(self.program, self._policy, self._here, launcher, lambda: (self.argv, self.env))

    # In the launcher.

    def fork(self, become: Callable[[], object]) -> int:
        if self._child is None:
            return super().fork(become)
        self._child.take()
        if not self._child.began:
            self._child.begin(self.program, self._policy, self._here)
        return self._child.pid

    def forked(self, pid: int) -> None:
        self.pid = self._here.pid = pid
        if self._child is None:
            os.close(self._answer)
            os.close(self._go)
        wake_when_readable(self.answers)
        if self._child and self._child.namespaced is not None:
            self._read_ahead(namespaced=self._child.namespaced)
        rules = self._policy.network
        if rules is not None and rules.domains and rules.localhost != ANY:
            from hermetic.linux.datagrams import open_workshop

            self._workshop = open_workshop(root=self._here.root)
            self.spare = frozenset([*(self.spare or ()), self._workshop.pid])

    def _read_ahead(self, *, namespaced: bool) -> None:
        """While the child is busy: what it will wait for, and what may have to be loaded once the target runs; then, where that cannot change it."""
        ahead.load(ahead.PERMITTING)
        from hermetic.launch import permission  # noqa: F401
        from hermetic.linux import supervisor  # noqa: F401

        if not namespaced:
            self._load()
        if self._later:
            self._later.hold(names=bool(self._policy.network and self._policy.network.domains), own=not namespaced)

    def is_awaited(self) -> bool:
        return not self._placed

    def meanwhile(self) -> Iterator[None]:
        """What the first call needs that is left to the supervisor."""
        from hermetic.linux import judge  # noqa: F401

        yield
        from hermetic.linux import process_answers  # noqa: F401

        yield
        from hermetic.linux import udp_sockets  # noqa: F401

        yield
        from hermetic.linux import answers  # noqa: F401

        yield

    def proceed(self) -> None:
        self._tell_all()
        if not self._placed:
            said, self._said = self._said, b""
            try:
                said += os.read(self.answers, 4096)
            except BlockingIOError:
                pass
            for line in said.split(END)[:-1]:
                self._hear(*line.split(b"\0"))

    def _tell_all(self) -> None:
        for event in self.refusals.take():
            self._tell(event)

    def settle(self) -> None:
        until = time.monotonic() + SETTLING_S
        while self._supervisor and self._supervisor.is_busy() and time.monotonic() < until:
            time.sleep(0.0005)
        self._tell_all()

    def _can_supervise(self) -> bool:
        return can_look_into(self.pid, self._answer)

    def _hear(self, kind: bytes, *words: bytes) -> None:
        if kind == ASKED:
            send(self._went, SUPERVISED if self._can_supervise() else ALONE)
            self._read_ahead(namespaced=words == (b"1",))
        else:
            self._placed = True
            self._let_go_on(kind, *words)

    def _let_go_on(self, kind: bytes, *words: bytes) -> None:
        """Let the child become the target, if what it could put in place is enough."""
        if kind == FAILED:
            step, why = (word.decode("utf-8", "replace") for word in words)
            self._refused = GuardUnavailable(f"the kernel's rules could not be put in place: {step}: {why}")
            return
        namespaced, filtered, abi, reads_anew, listener = map(int, words)
        if reads_anew:
            self._share_input()
        self._here.namespaced, self._here.filtered, self._here.abi = bool(namespaced), bool(filtered), abi
        supervisor = self._take(listener) if listener != NONE else None
        self._here.supervised = supervisor is not None
        why_not = self._permit(self._here)
        if why_not:
            self._refused = GuardUnavailable(why_not)
        else:
            order = framed((self.argv, dict(self.env))) if self._child else b""
            send(self._went, (SUPERVISED if supervisor else ALONE) + order)
        os.close(self._went)
        if supervisor:
            self._supervisor = supervisor
            supervisor.begin()

    def _share_input(self) -> None:
        """Who comes after the target, in a shell's parentheses say, reads on where it has stopped."""
        from hermetic.linux.notify import take_descriptor

        try:
            self._input = take_descriptor(self.pid, 0)
        except OSError:
            return  # this process may not look into its child

    def _return_input(self) -> None:
        if self._input is not None:
            os.lseek(0, os.lseek(self._input, 0, os.SEEK_CUR), os.SEEK_SET)

    def _take(self, listener: int) -> Supervisor | None:
        """Be ready to supervise; None where the listener cannot be had. Raises HermeticError."""
        from hermetic.linux.notify import hand_over, take_descriptor
        from hermetic.linux.supervisor import Supervisor

        try:
            taken = take_descriptor(self.pid, listener)
        except OSError:
            return None
        hand_over(taken)
        self._proxies = proxies(self.env)
        make, rules = self._make_answers, self._policy.network
        if rules is not None and (rules.unix or rules.domains):  # what is here now is what the policy speaks of
            made = make()
            make = lambda: made  # noqa: E731
        supervisor = Supervisor(taken, make)
        try:
            supervisor.start()
        except RuntimeError as error:
            raise HermeticError(f"no thread can be started to supervise the run: {error}") from None
        return supervisor

    def _make_answers(self) -> Answers:
        """Who answers the target."""
        from hermetic.linux import processes
        from hermetic.linux.answers import Answers

        launcher = os.getpid()

        def members() -> Iterator[int]:
            return processes.below(launcher, self.spare or ())

        return Answers(
            self._policy,
            self._here.machine,
            self.program,
            members,
            self._notice,
            killed=self.killed,
            proxies=self._proxies,
            ways=self._ways(),
        )

    def _ways(self) -> Ways | None:
        if not self._policy.network or not self._policy.network.domains:
            return None
        from hermetic.linux import name_server, resolver

        searched = () if self._here.namespaced else resolver.searched()
        return name_server.Ways(self._workshop, self._loopback, searched)

    def _notice(self, event: Event) -> None:
        """In one of the supervisor's threads: hand an event to the launcher's loop, and wake that."""
        self.refusals.put(event)
        os.kill(os.getpid(), _signal.SIGCHLD)

    def raise_failure(self) -> None:
        self._placed = True  # or it never will be: nothing more is read from the child
        self._return_input()
        if self._workshop:
            self._workshop.close()
        if self._refused:
            os.close(self.answers)
            raise self._refused
        os.set_blocking(self.answers, True)
        super().raise_failure()


def proxies(env: Mapping[bytes, bytes]) -> tuple[Proxy, ...]:
    """Those that an environment names; most name none, and load nothing for it."""
    if not any(name.lower().endswith(b"_proxy") for name in env):
        return ()
    from hermetic_guard.guards.proxies import read_proxies

    from hermetic.launch.environ import as_text
    from hermetic.linux import resolver
    from hermetic.linux.lookup_sources import Hosts

    found: tuple[Proxy, ...] = read_proxies(as_text(env), Hosts(resolver.lines(resolver.HOSTS)).addresses)
    return found
