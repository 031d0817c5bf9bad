"""Attempts to get out: tampering."""

from containment.items import contained, trials

__all__ = ["test_contained", "trials"]

test_contained = contained("tampering")
