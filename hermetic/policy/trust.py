"""Which files of projects the user has read and lets widen what built-in profiles grant: kept on the user's side, by path and content.

A cloned repository must not disarm its reader, so a file counts for no more than it takes away until `hermetic policy trust` has been said of
exactly this content. What a policy extends in other files of the project has to be trusted there.
"""

from __future__ import annotations

import os

from hermetic import kept
from hermetic.digest import digest_of
from hermetic.errors import PolicyFileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from hermetic.policy.load import Document

DIRECTORY = "trusted"
"""Below the configuration directory: one entry for each path, named by its digest."""

INSTALLERS = "indexes of "
"""Before the path, where it is what an installer reads that is trusted: a pyproject.toml may be both."""


class Store:
    """The entries below `config`, the user's configuration directory; "" where the user has none, and then nothing is trusted."""

    def __init__(self, config: str) -> None:
        self.directory = config and f"{config}/{DIRECTORY}"

    def trusts(self, document: Document) -> bool:
        """Whether exactly this content was trusted at this path."""
        return kept.own(self._path(document.file)) == line(document)

    def trust(self, document: Document) -> None:
        """Raises PolicyFileError where it cannot be kept."""
        self._keep(self._path(document.file), line(document))

    def trusts_urls(self, file: str, urls: list[str]) -> bool:
        """Whether exactly these indexes were trusted, as named by an installer's file."""
        return kept.own(self._path(INSTALLERS + file)) == url_line(file, urls)

    def trust_urls(self, file: str, urls: list[str]) -> None:
        """Raises PolicyFileError where it cannot be kept."""
        self._keep(self._path(INSTALLERS + file), url_line(file, urls))

    def _keep(self, entry: str, content: bytes) -> None:
        if not self.directory:
            raise PolicyFileError("nothing can be trusted here: there is no home, or it lies in a project, or XDG_CONFIG_HOME does")
        temporary = f"{entry}.{os.getpid()}"
        try:
            os.makedirs(self.directory, 0o700, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, entry)
        except OSError as error:
            raise PolicyFileError(f"{self.directory}: cannot be written: {error.strerror}") from None

    def forget(self, file: str) -> bool:
        """Take the trust in a path back; whether there was any. Raises PolicyFileError where that cannot be done."""
        gone = [self._forget(self._path(kind + file)) for kind in ("", INSTALLERS)]
        return any(gone)

    def _forget(self, entry: str) -> bool:
        try:
            os.unlink(entry)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise PolicyFileError(f"{self.directory}: cannot be written: {error.strerror}") from None
        return True

    def _path(self, file: str) -> str:
        return self.directory and f"{self.directory}/{digest_of(os.fsencode(file))}"


def line(document: Document) -> bytes:
    """What is kept: the digest of all that the file says, and its path for whoever looks."""
    return f"{digest(document)} {document.file!a}\n".encode()


def url_line(file: str, urls: list[str]) -> bytes:
    return f"{digest_of(repr(urls).encode())} {file!a}\n".encode()


def digest(document: Document) -> str:
    """Of what is said, not of how it is written: comments, and in a pyproject.toml the other tables, may change."""
    return digest_of(
        repr(canonical({"": document.top, **{f"profile {name}": table for name, table in document.profiles.items()}})).encode()
    )


def canonical(value: object) -> object:
    """The same for every order of keys."""
    if isinstance(value, dict):
        return [(key, canonical(inner)) for key, inner in sorted(value.items())]
    return [canonical(inner) for inner in value] if isinstance(value, list) else value


def store(environ: Mapping[str, str]) -> Store:
    """The user's."""
    from hermetic.policy.discover import kept_directory

    return Store(kept_directory(environ))
