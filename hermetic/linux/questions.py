"""Asks for the addresses of names, outside the run, as often as a program would that asked by itself.

A name server's clients ask again while they wait, and once they are told of a failure; and of a name that is asked for by both kinds of address only
the two answers together say whether there is one. So what is being asked is not asked again, and a failure counts for a moment.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable

    Lookup = Callable[[str, int], list[bytes]]

EAI_NONAME, EAI_AGAIN, EAI_NODATA = -2, -3, -5
"""Of glibc's netdb.h; negative, so that they are no errno."""
BESIDES = {0: (), 2: (0, 10), 10: (0, 2)}
"""AF_UNSPEC, which is both, AF_INET and AF_INET6: by which others a name may be found that is not by this one."""
MANY = 100
"""Questions that are known at a time; beyond that it is looked which need be no longer."""
RECENT_S = 1.0
"""How long a failure counts, and with it that the name's other kind of address is known."""


class Question:
    """One that is being asked, until `outcome` is there."""

    __slots__ = ("done", "ended", "outcome")

    def __init__(self, done: LockType) -> None:
        self.done = done
        self.ended = float("inf")
        self.outcome: list[bytes] | OSError = []
        done.acquire()

    def end(self, outcome: list[bytes] | OSError) -> None:
        self.outcome, self.ended = outcome, now()
        self.done.release()

    def wait(self) -> list[bytes] | OSError:
        with self.done:
            return self.outcome

    def counts(self) -> bool:
        """Whether who asks the same gets this outcome too."""
        return self.ended == float("inf") or (is_failure(self.outcome, EAI_AGAIN) and self.is_recent())

    def is_recent(self) -> bool:
        return self.ended >= now() - RECENT_S


class Questions:
    """lookup: gives the addresses of a name, of one family; raises OSError (gaierror). For any thread.

    Who joins a question has its outcome, so what makes that untrue is lookup's to see, from its beginning on.
    """

    def __init__(self, lookup: Lookup) -> None:
        import _thread

        self._lookup = lookup
        self._allocate_lock = _thread.allocate_lock
        self._lock = _thread.allocate_lock()
        self._asked: dict[tuple[str, int], Question] = {}
        self._found: dict[tuple[str, int], float] = {}

    def addresses(self, name: str, family: int) -> list[bytes]:
        """Those of this family, of AF_UNSPEC those of both; none where the name has only such of the other.

        Raises OSError, of name errors EAI_NONAME or EAI_AGAIN.
        """
        outcome = self._outcome(name, family)
        if is_failure(outcome, EAI_NODATA) or (
            is_failure(outcome, EAI_NONAME) and any(self._has(name, other) for other in BESIDES[family])
        ):
            return []
        return given(outcome)

    def _outcome(self, name: str, family: int) -> list[bytes] | OSError:
        key = name, family
        with self._lock:
            if max(len(self._asked), len(self._found)) > MANY:
                self._forget()
            question = self._asked.get(key)
            if question is None or not question.counts():
                mine = self._asked[key] = Question(self._allocate_lock())
            else:
                mine = None
        if mine is None:
            assert question is not None
            return question.wait()
        mine.end(tried(self._lookup, name, family))
        if isinstance(mine.outcome, list):
            self._was_found(key, mine)
        return mine.outcome

    def _was_found(self, key: tuple[str, int], question: Question) -> None:
        """What was found may be long, and is asked for again whenever somebody wants it: only that something was is kept."""
        with self._lock:
            self._found[key] = question.ended
            if self._asked.get(key) is question:
                del self._asked[key]

    def _has(self, name: str, family: int) -> bool:
        """Whether somebody asks for these as well, and finds some: not all that names are found by says that there is such a name at all."""
        with self._lock:
            question, ended = self._asked.get((name, family)), self._found.get((name, family), 0.0)
        return ended >= now() - RECENT_S or (question is not None and question.is_recent() and isinstance(question.wait(), list))

    def _forget(self) -> None:
        self._asked = {key: question for key, question in self._asked.items() if question.is_recent()}
        self._found = {key: ended for key, ended in self._found.items() if ended >= now() - RECENT_S}


def tried(lookup: Lookup, name: str, family: int) -> list[bytes] | OSError:
    """Whoever waits hears of a fault too."""
    try:
        return lookup(name, family)
    except OSError as error:
        return error
    except BaseException as problem:
        return OSError(0, f"{type(problem).__name__}: {problem}")


def given(outcome: list[bytes] | OSError) -> list[bytes]:
    if isinstance(outcome, OSError):
        raise outcome
    return outcome


def is_failure(outcome: list[bytes] | OSError, error: int) -> bool:
    return isinstance(outcome, OSError) and outcome.errno == error


def now() -> float:
    import time

    return time.monotonic()
