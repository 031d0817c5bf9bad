"""A name that was allowed, and is remembered, is refused where a block inside does not allow it, and allowed again after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks.test_api import lines

OUTSIDE = {"block_network": True, "allow_localhost": True, "allow_domains": ["allowed.invalid"]}


@pytest.mark.parametrize("scope", ["process", "context"])
def test_a_name_asked_for_again(tmp_path: Path, scope: str) -> None:
    code = f"""
    def ask():
        return said(socket.getaddrinfo, "localhost", 80), said(socket.getaddrinfo, "allowed.invalid", 80)
    def short():
        return "|".join(one.partition(":")[0] for one in (*ask(), *ask()))
    with hermetic_blocker(scope={scope!r}, **{OUTSIDE}):
        print(short())
        with hermetic_blocker(block_network=True, scope={scope!r}):
            print(short())
        print(short())
    """
    found = lines(code, tmp_path)
    assert found == ["done|gaierror|done|gaierror", "|".join(["NetworkViolation"] * 4), "done|gaierror|done|gaierror"]
