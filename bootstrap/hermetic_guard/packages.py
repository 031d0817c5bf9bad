"""What is said of single distributions: who asks, which versions are meant, and what of two such sayings holds together.

That a distribution asks is found from the frames below a request (attribution.py), and code can have another's frames there. So this helps against
accidents and careless dependencies; it is no wall.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hermetic_guard.policy import Package, Policy

NOBODY = ("", "")
"""Who asks where the code is no installed distribution's."""

ANY_END = ".*"
DIGITS = frozenset("0123456789")


def named(policy: "Policy", name: str) -> "Package | None":
    """What is said of a distribution."""
    for package in policy.packages:
        if package.name == name:
            return package
    return None


# Who asks.


def version_asking(package: "Package", asked: "tuple[tuple[str, str], ...]") -> "str | None":
    """The version in which a distribution asks, None if it does not: it is the nearest, past those that it asks by.

    asked: names and versions of the distributions whose frames lead to the request, the innermost first; NOBODY for code that is none's
    """
    for name, version in asked:
        if name not in package.through:
            return version if name == package.name else None
    return None


def holds_for(package: "Package", asked: "tuple[tuple[str, str], ...]") -> bool:
    """Whether what is said of a distribution is said of who asks."""
    version = version_asking(package, asked)
    return version is not None and approves(package.approved, version)


# Versions.


def approves(approved: "tuple[str, ...]", version: str) -> bool:
    """Whether a version is one of those approved. Its release is compared, as PEP 440 does it: `1.42` is `1.42.0`, and `1.42.*` all that begin so.

    A pre-, post- or development release is only one of those that `*` stands for; a local label does not matter.
    """
    return not approved or any(_fits(pattern, version) for pattern in approved)


def _fits(pattern, version):
    epoch, release, rest = read_version(version)
    wanted_epoch, wanted, _ = read_version(pattern[: -len(ANY_END)] if pattern.endswith(ANY_END) else pattern)
    if epoch != wanted_epoch or not release:
        return False
    if pattern.endswith(ANY_END):
        return padded(release, len(wanted))[: len(wanted)] == wanted
    longest = max(len(release), len(wanted))
    return not rest and padded(release, longest) == padded(wanted, longest)


def read_version(text: str) -> "tuple[int, tuple[int, ...], str]":
    """The epoch, the release, and what follows it, of a version; an empty release where there is none."""
    text = text.strip().lower().partition("+")[0]
    before, bang, after = (text[1:] if text[:1] == "v" else text).partition("!")
    epoch, rest = (before, after) if bang else ("0", before)
    release = []  # type: list[int]
    while True:
        digits = leading_digits(rest)
        if not digits:
            break
        release.append(int(digits))
        rest = rest[len(digits) :]
        if rest[:1] != "." or rest[1:2] not in DIGITS:
            break
        rest = rest[1:]
    return (int(epoch) if leading_digits(epoch) == epoch != "" else -1), tuple(release), rest


def pattern_of(version: str) -> str:
    """The narrowest of the patterns that approve a version; "" where it is none."""
    epoch, release, rest = read_version(version)
    if epoch < 0 or not release:
        return ""
    return ("%d!" % epoch if epoch else "") + ".".join(["%d" % number for number in release]) + (ANY_END if rest else "")


def leading_digits(text: str) -> str:
    end = 0
    while end < len(text) and text[end] in DIGITS:
        end += 1
    return text[:end]


def padded(release: "tuple[int, ...]", length: int) -> "tuple[int, ...]":
    return release + (0,) * (length - len(release))


def normalized_version(pattern: str) -> str:
    """A version, or the beginning of some, in the one way in which it is held. Raises ValueError for what is none."""
    end = ANY_END if pattern.endswith(ANY_END) else ""
    epoch, release, rest = read_version(pattern[: len(pattern) - len(end)])
    if epoch < 0 or not release or rest or "+" in pattern:
        raise ValueError("a version was expected")
    if not end:
        while len(release) > 1 and release[-1] == 0:
            release = release[:-1]
    return ("%d!" % epoch if epoch else "") + ".".join(["%d" % number for number in release]) + end


# Two sayings about the same distribution.


def common_conditions(x: "Package | None", y: "Package | None") -> "dict[str, Any] | None":
    """Under which what both say holds; None if that is never. One may be silent, which sets no condition."""
    if x is None or y is None:
        only = x or y
        return {field: getattr(only, field) for field in ("through", "approved", "expires", "reason")}
    approved = common_versions(x.approved, y.approved)
    if approved is None:
        return None
    return {
        "through": tuple(sorted(set(x.through) & set(y.through))),
        "approved": approved,
        "expires": min([day for day in (x.expires, y.expires) if day] or [""]),
        "reason": "; ".join(sorted(set(x.reason.split("; ") + y.reason.split("; ")) - {""})),
    }


def common_versions(x: "tuple[str, ...]", y: "tuple[str, ...]") -> "tuple[str, ...] | None":
    """Of each two patterns of which one has all of the other's versions, the narrower."""
    if not x or not y:
        return x or y
    found = {inner for one, other in ((x, y), (y, x)) for inner in one if any(has_all(outer, inner) for outer in other)}
    return tuple(sorted(found)) or None


def has_all(outer: str, inner: str) -> bool:
    """Whether each version that `inner` stands for is one of `outer`'s; both as normalized_version makes them."""
    if not inner.endswith(ANY_END):
        return _fits(outer, inner)
    return outer.endswith(ANY_END) and (inner[:-1]).startswith(outer[:-1])
