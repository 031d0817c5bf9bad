"""Which hosts an installer's indexes are at: `@pypi`, found by reading what pip and uv read, and never by asking them.

Of each URL it is known who says it. The user does, by the command line, the environment and files of their own; and so does whoever administers the
machine. What a project brings along, or an earlier run may have written, is a stranger's word: it counts once `hermetic policy trust FILE` has
been said of it. Where nobody names an index it is the one that the installer's own code names, which is read as data. hermetic knows none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Said:
    """URLs, as one source has them.

    urls:  of indexes and of pages with links
    projects: paths of what is to be installed from this machine's disks, as they are written
    index: whether one of them takes the place of the default index
    none:  whether no index is to be asked
    file:  the file that says so, "" for the command line and the environment
    """

    __slots__ = ("file", "index", "none", "projects", "urls")

    def __init__(self, urls: Iterable[str] = (), *, index: bool = False, none: bool = False, file: str = "") -> None:
        self.urls = list(urls)
        self.projects: list[str] = []
        self.index = index
        self.none = none
        self.file = file

    def take(self, option: str, value: str) -> None:
        """One option, or a requirement ("")."""
        from hermetic.indexes import urls, words  # `urls` loads `re`

        self.none = self.none or option == words.NO_INDEX
        self.index = self.index or option in words.INDEX
        if option in (*words.INDEX, *words.LINKS):
            self.urls.append(value)
        elif option in ("", "--editable"):
            self.urls += urls.inside(value)

    def __repr__(self) -> str:
        return f"Said({self.urls}, index={self.index}, none={self.none}, file={self.file!r})"
