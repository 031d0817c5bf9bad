"""What a refusal looks like in a report: what was tried, who asked, and which marker would allow it."""

from __future__ import annotations

import ast
import itertools
import os

import _pytest
import pluggy
from hermetic_guard.keywords import KEYWORDS, LOCALHOST
from hermetic_guard.starts import NOT_PYTHON

from hermetic.blocks.process import OWN
from hermetic.errors import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from hermetic.blocks.refusals import Refusal

RUNNERS = tuple(f"{os.path.dirname(str(module.__file__))}/" for module in (_pytest, pluggy))
SHOWN = 20
"""So many different refusals of one test are told."""


def told(refusals: Iterable[Refusal]) -> str:
    """Each once, with how often it was refused."""
    counts: dict[str, int] = {}
    for refusal in refusals:
        text = "\n".join(lines(refusal))
        counts[text] = counts.get(text, 0) + 1
    texts = [text if count == 1 else text.replace("\n", f" ({count} times)\n", 1) for text, count in counts.items()]
    more = [f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return "\n".join([*texts[:SHOWN], *more])


def lines(refusal: Refusal) -> list[str]:
    refusal = by_tests(refusal)
    found = [str(refusal), f"  asked by  {refusal.asked_by}" if refusal.asked_by else "", f"  allow it  {advice(refusal)}"]
    return [printable(line) for line in found if line]


def by_tests(refusal: Refusal) -> Refusal:
    """Without the frames of pytest's own that have called the test."""
    frames = itertools.takewhile(lambda frame: not frame[0].startswith(RUNNERS), refusal.stack)
    return refusal._replace(stack=tuple(frames) or refusal.stack)


def shorten(error: BaseException) -> None:
    """Leave our own frames, which are the innermost, out of its traceback."""
    last, entry = None, error.__traceback__
    while entry is not None:
        if not entry.tb_frame.f_code.co_filename.startswith(OWN):
            last = entry
        entry = entry.tb_next
    if last is not None:
        last.tb_next = None


def advice(refusal: Refusal) -> str:
    """What would allow it, for this test."""
    if refusal.rule == NOT_PYTHON[0]:
        return marker("allow_run", os.path.basename(refusal.target) or refusal.target)
    keyword, _, text = refusal.hint.partition("=")
    if keyword == LOCALHOST:
        return marker("allow_network", "localhost" if text == "True" else f"localhost:{text}")
    if keyword not in KEYWORDS:
        return 'nothing but @pytest.mark.no_hermetic(reason="...")' + (f": {refusal.hint}" if refusal.hint else "")
    (value,), key = ast.literal_eval(text), KEYWORDS[keyword]
    name, prefix = MARKERS.get(key, ("", ""))
    return marker(name, f"{prefix}{value}") if name else f"@pytest.mark.hermetic(..., {key}={value!r})"


def marker(name: str, value: object) -> str:
    return f'@pytest.mark.{name}("{value}")'


MARKERS = {
    "allow_domain": ("allow_network", ""),
    "allow_address": ("allow_network", ""),
    "allow_unix": ("allow_network", "unix:"),
    "allow_run": ("allow_run", ""),
    "allow_write": ("allow_write", ""),
}
"""The marker that allows what an option allows, by its key, and what goes before the value."""
