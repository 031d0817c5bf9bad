"""Ordinary programs, which must not notice the guards."""

from containment.items import kept, trials

__all__ = ["test_kept", "trials"]

test_kept = kept()
