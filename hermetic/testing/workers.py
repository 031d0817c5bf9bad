"""pytest-xdist: workers are started outside of every block, and put up guards of their own.

Started inside they would have the session's policy for all their life, and no test could have another. The guards of a worker stand before its
conftest files, as in any session: it is told the same options. What was refused there outside of tests comes with what it sends when it ends.
"""

from __future__ import annotations

import pytest

from hermetic.testing.switch import aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hermetic.testing.session import Session

KEY = "hermetic"


class Workers:
    """Has xdist's hooks."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config) -> None:
        manager = config.pluginmanager.get_plugin("dsession").nodemanager  # type: ignore[union-attr]
        manager.group.makegateway = aside(manager.group.makegateway)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._session.add(getattr(node, "workeroutput", {}).get(KEY, []))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            self._session.gather()
            output[KEY] = self._session.outside
