"""The fixture `hermetic`: a test asks what holds for it, and says what it expects to be refused."""

from __future__ import annotations

import contextlib

from hermetic.testing import asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from hermetic.blocks.refusals import Refusal
    from hermetic.testing.switch import Switch


class Hermetic:
    """What the fixture gives. Where nothing is guarded it says so, and nothing is refused."""

    def __init__(self, switch: Switch | None) -> None:
        self._switch = switch

    @property
    def policy(self) -> str:
        """What holds now, in words; "" where nothing is guarded."""
        found = self._switch.policy if self._switch is not None else None
        return asked.described(found) if found is not None else ""

    @property
    def violations(self) -> list[Refusal]:
        """What was refused in this part of the test, and was not expected."""
        return list(self._switch.refused) if self._switch is not None else []

    @contextlib.contextmanager
    def expected(self) -> Iterator[list[Refusal]]:
        """What is refused inside is the test's own business, however it is handled there: it is in the list when the block ends."""
        found: list[Refusal] = []
        earlier = self._switch.take() if self._switch is not None else []
        try:
            yield found
        finally:
            if self._switch is not None:
                found += self._switch.take()
                self._switch.put_back(earlier)
