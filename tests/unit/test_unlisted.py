"""Classes that no base lists any more."""

from __future__ import annotations

from hermetic_guard._loader import find_listings
from hermetic_guard.unlisted import unlist


def test_no_base_lists_them() -> None:
    class First:
        pass

    class Second(First):
        pass

    class Other(ValueError):
        pass

    assert First in object.__subclasses__()
    assert Other in ValueError.__subclasses__()
    others = set(object.__subclasses__()) - {First}
    unlist([First, Second, Other], find_listings())
    assert First not in object.__subclasses__()
    assert Other not in ValueError.__subclasses__()
    assert others <= set(object.__subclasses__())
    assert isinstance(Second(), First)
