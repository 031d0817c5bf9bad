"""Where `hermetic_guard` is. In the target of a run the guard has a package of that name in sight, of which only `errors` can be imported."""

from __future__ import annotations

import os
import sys

PACKAGE = "hermetic_guard"


def find_guard() -> None:
    """Let the modules of the package be imported. Raises ImportError where it is not installed."""
    package = sys.modules.get(PACKAGE)
    if package is None or list(package.__path__):
        return
    own = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for place in (own, f"{own}/bootstrap", *sys.path):
        if os.path.isfile(f"{place}/{PACKAGE}/policy.py"):
            package.__path__ = [f"{place}/{PACKAGE}"]
            return
    raise ImportError(f"{PACKAGE} is not installed beside hermetic", name=PACKAGE)
