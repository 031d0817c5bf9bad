"""Attempts to get out: native."""

from containment.items import contained, trials

__all__ = ["test_contained", "trials"]

test_contained = contained("native")
