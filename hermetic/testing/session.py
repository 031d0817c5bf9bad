"""The guards of a session that asked for them: which policy stands when, and what becomes of what was refused.

Where no test runs the session's policy stands: for conftest files, collection, and fixtures of the whole session. A test has its own, with its
fixtures; so has a fixture of a class, a module or a package, by the markers that are there.
"""

from __future__ import annotations

import contextlib
import functools

import pytest

from hermetic.api import PolicyViolation
from hermetic.errors import HermeticError
from hermetic.testing import asked, told
from hermetic.testing.policies import Policies
from hermetic.testing.switch import Switch, aside
from hermetic.testing.warning import HermeticWarning
from hermetic.testing.workers import Workers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from hermetic_guard.policy import Policy

    from hermetic.blocks.refusals import Refusal

NAME = "hermetic-session"
WRONG = pytest.StashKey[HermeticError]()
OF_A_TEST = "function"


def begin(config: pytest.Config, names: list[str] | None) -> None:
    """Put the guards up. names: of profiles, None where markers alone ask. Raises UsageError."""
    try:
        needed = asked.needs(config)
        asked.look_at_machine()
        prepare = functools.partial(asked.with_needs, needed=needed)
        policy = prepare(asked.policy(config, names)) if names is not None else None
        found = Session(Policies(policy, prepare, asked.project(config)), asked.swallowed(config))
        found.stand(asked.outside_tests(policy))
    except (HermeticError, ValueError) as error:
        raise pytest.UsageError(f"hermetic: {error}{asked.mistaken(names)}") from None
    config.add_cleanup(found.end)
    config.pluginmanager.register(found, NAME)
    config.pluginmanager.register(Workers(found), f"{NAME}-workers")


class Session:
    """Has pytest's hooks. outside: what was refused while no test ran, as text"""

    def __init__(self, policies: Policies, swallowed: str) -> None:
        self.switch = Switch()
        self.outside: list[str] = []
        self._policies = policies
        self._swallowed = swallowed
        self._before: list[Policy | None] = []

    def stand(self, policy: Policy | None) -> None:
        self.switch.to(policy)

    def end(self) -> None:
        self.switch.to(None)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """The cache can be written, but is made by a change of the directory that it is in, which cannot."""
        cache, policy = getattr(session.config, "cache", None), self._policies.session
        if cache is not None and policy is not None and policy.filesystem is not None:
            with contextlib.suppress(OSError):  # where nothing can be kept pytest does without
                aside(lambda: cache.mkdir(NAME).rmdir())()

    def pytest_report_header(self) -> str:
        policy = self._policies.session
        return f"hermetic: {asked.described(policy)}" if policy is not None else "hermetic: for tests with markers"

    # Outside of tests.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        self.gather()
        report = yield
        refused = self.switch.take()
        if refused and report.passed and self._swallowed == asked.FAIL:
            report.outcome = "failed"
            report.longrepr = passed_over(refused)
        elif refused:
            self._note(refused)
        return report

    def gather(self) -> None:
        """What nobody has taken was refused outside of tests."""
        if self.switch.refused:
            self._note(self.switch.take())

    def _note(self, refused: list[Refusal]) -> None:
        self.add([told.told([one]) for one in refused])

    def add(self, texts: list[str]) -> None:
        self.outside = list(dict.fromkeys([*self.outside, *texts]))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            self.gather()
            self.switch.to(asked.after_tests(self._policies.session))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.gather()
        if (
            self.outside
            and self._swallowed == asked.FAIL
            and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self.gather()
        if self.outside and self._swallowed != asked.IGNORE:
            terminalreporter.section("hermetic: refused outside of tests", red=True)
            for text in self.outside[: told.SHOWN]:
                terminalreporter.line(text)

    # In tests.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        before = self.switch.policy
        try:
            self.switch.to(self._policies.of(item))
        except HermeticError as error:
            item.stash[WRONG] = error
        try:
            return (yield)
        finally:
            self.switch.to(before)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object], request: Any) -> Generator[None, object, object]:
        """What is wider than a test has the policy of the node it belongs to, when it is set up and when it is torn down."""
        if request.scope == OF_A_TEST:
            return (yield)
        policy = self._policies.of(request.node)
        fixturedef.addfinalizer(self._leave)  # of all the first, so it is called last
        self._enter(policy)
        try:
            return (yield)
        finally:
            self._leave()
            fixturedef.addfinalizer(functools.partial(self._enter, policy))

    def _enter(self, policy: Policy | None) -> None:
        self._before.append(self.switch.to(policy))

    def _leave(self) -> None:
        self.switch.to(self._before.pop())

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        wrong = item.stash.get(WRONG, None)
        if wrong is not None:
            pytest.fail(f"hermetic: {wrong}", pytrace=False)
        return (yield from self._phase(item, "setup"))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "call"))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        return (yield from self._phase(item, "teardown"))

    def _phase(self, item: pytest.Item, when: str) -> Generator[None, object, object]:
        """A part of a test, which fails where something was refused and the test went on. One that fails anyway, or is skipped, shows it."""
        self.gather()
        went_on = False
        try:
            result = yield
            went_on = True
        finally:
            refused = self.switch.take()
            if refused and not (went_on and self._swallowed == asked.FAIL):
                item.add_report_section(when, NAME.partition("-")[0], told.told(refused))
        if refused and self._swallowed == asked.FAIL:
            pytest.fail(passed_over(refused), pytrace=False)
        if refused and self._swallowed == asked.WARN:
            item.warn(HermeticWarning(passed_over(refused)))
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None and isinstance(call.excinfo.value, PolicyViolation):
            told.shorten(call.excinfo.value)
        return (yield)


def passed_over(refused: list[Refusal]) -> str:
    actions = "an action was" if len(refused) == 1 else f"{len(refused)} actions were"
    return f"hermetic: {actions} refused, and the code went on as if nothing had been\n{told.told(refused)}"
