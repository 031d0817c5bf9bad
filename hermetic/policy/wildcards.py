"""What there is of names with a `*` in them, as `glob` finds it: the regular expressions of that take longer to load than all that is looked for."""

from __future__ import annotations

import os

from hermetic_guard.files import names_in
from hermetic_guard.policy import fits


def there(place: str, names: str) -> list[str]:
    """The paths that are there. place: as it is; names: what goes behind it, "" or from a `/` on. A `*` stands for no dot at a name's beginning."""
    before, star, after = names.partition("*")
    if not star:
        return [place + names] if os.path.lexists(place + names) else []
    folder, _, start = before.rpartition("/")
    end, slash, further = after.partition("/")
    found = [name for name in names_in(f"{place}{folder}" or "/") if name.startswith(start) and fits(name, f"{start}*{end}")]
    shown = [name for name in sorted(found) if start[:1] == "." or name[0] != "."]
    return [path for name in shown for path in there(f"{place}{folder}/{name}", slash + further)]
