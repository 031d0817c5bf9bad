"""Reads the words of a command line, or of a line in a requirements file, for the options that name indexes and files.

Both installers have most of them in common; what is no option of theirs is passed over. Long options may be shortened, as optparse has it, and
short ones stand together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INDEX, LINKS, FILES = (
    ("--index-url", "--default-index"),
    ("--extra-index-url", "--index", "--find-links"),
    ("--requirement", "--constraint"),
)
NO_INDEX = "--no-index"
LONG = {"--pypi-url": "--index-url", "--requirements": "--requirement", "--constraints": "--constraint"}
"""Other names of the same."""

SHORT = {
    "i": "--index-url",
    "f": "--find-links",
    "r": "--requirement",
    "c": "--constraint",
    "e": "--editable",
    "t": "--target",
    "p": "--python",
}
SHORT |= {"d": "--dest", "w": "--wheel-dir", "b": "--build", "C": "--config-settings", "P": "--upgrade-package"}
"""Those with a value; any other stands for itself."""

VALUED = tuple(
    f"--{name}"
    for name in (
        "editable target prefix root python dest wheel-dir src log report cache-dir build config-settings upgrade-package proxy cert client-cert "
        "platform python-version implementation abi no-binary only-binary trusted-host timeout retries exists-action progress-bar use-feature "
        "keyring-provider override index-strategy group directory project root-user-action upgrade-strategy config-file out-dir global-option "
        "install-option hash"
    ).split()
)
"""Options with a value of their own, which is none of the command's words."""

OPTIONS = (*INDEX, *LINKS, *FILES, *VALUED)


def options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(option, value) of those that take a value, ("--no-index", "") for that one, and ("", word) for what is no option."""
    left = list(reversed(words))  # there may be many, and to take the first of a list moves all others
    while left:
        word = left.pop()
        if word == "--":
            yield from (("", rest) for rest in reversed(left))
            return
        if word.startswith("--"):
            yield from _long(word, left)
        elif word.startswith("-") and len(word) > 1:
            yield from _short(word, left)
        else:
            yield "", word


def _long(word: str, left: list[str]) -> Iterator[tuple[str, str]]:
    name, equals, value = word.partition("=")
    name = _full(LONG.get(name, name))
    if name == NO_INDEX:
        yield name, ""
    elif name in OPTIONS and (equals or left):
        yield name, value if equals else left.pop()


def _full(name: str) -> str:
    """A shortened name; one that could be several is an error of the installer's own to tell."""
    if name in OPTIONS or name == NO_INDEX:
        return name
    meant = [option for option in (*OPTIONS, NO_INDEX) if option.startswith(name)]
    return meant[0] if len(meant) == 1 else name


def _short(word: str, left: list[str]) -> Iterator[tuple[str, str]]:
    for at in range(1, len(word)):
        name = SHORT.get(word[at])
        if name:
            attached = word[at + 1 :].removeprefix("=")
            if attached or left:
                yield name, attached or left.pop()
            return
