"""What the run's own name server answers: only for allowed names is anybody asked, and which address belongs to which name is known from that.

So a rule about a name becomes one about addresses without trust in anything that the target says. Who is asked, and how: name_server.py.
"""

from __future__ import annotations

import os

from hermetic_guard.decide import Request, decide
from hermetic_guard.guards.addresses import read_host
from hermetic_guard.hosts import canonical_name, covers, plain_address

from hermetic.linux import dns
from hermetic.linux.handed_out import HandedOut
from hermetic.linux.lookup_sources import RECENT_NS, Hosts, Watch, in_reach, pin, services
from hermetic.linux.questions import EAI_NONAME, Questions, given, tried

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hermetic_guard.policy import Policy

    from hermetic.linux.questions import Lookup

    Asker = int | None
    """The process that asks, where that is known."""
    Asking = Asker | Callable[[], Asker]
    """Or who knows that, if it comes to telling."""

AF_INET, AF_INET6, STREAM = 2, 10, 1
FAMILIES = {dns.A: AF_INET, dns.AAAA: AF_INET6}
SIZES = {AF_INET: 4, AF_INET6: 16}
BOTH = 0
"""AF_UNSPEC, for addresses of both kinds."""
MOST_TOLD = 10_000
MOST_ADDRESSES = 1000
"""Of one name, in one answer: what is sent has a length of 16 bits."""
TRIES = 3
"""To find a moment at which nobody changes what names are found by."""

RESOLVER, HOSTS = "/etc/resolv.conf", "/etc/hosts"
SERVICES = "/etc/nsswitch.conf"
BY_FILE = "HOSTALIASES", "RESOLV_HOST_CONF"
"""Variables that name a file (hostname(7), host.conf(5)), which the run may be able to write, by which a name becomes another."""
LOCAL = "127.0.0.1"


class Names:
    """policy: what is allowed; tell: is given a refused request and who asked, from any thread; lookup: asks for a name's addresses

    searched: what the run's C libraries append to names
    """

    def __init__(
        self, policy: Policy, tell: Callable[[Request, Asker], None], lookup: Lookup | None = None, searched: tuple[str, ...] = ()
    ) -> None:
        import _thread

        self._policy = policy
        self._tell = tell
        self._hosts = Hosts(lines(HOSTS))
        self._watch = Watch(in_reach(policy))
        self._lookup = lookup or self._look_up
        self._questions = Questions(self._found)
        self._allowed = tuple(name for name, _ in policy.network.domains) if policy.network else ()
        self._told: set[tuple[Asker, str]] = set()
        self._lock = _thread.allocate_lock()
        self._searched = searched
        self.known = HandedOut()

    def of(self, address: bytes) -> tuple[str, ...]:
        """The names that this address was handed out for, and the allowed ones that it has in the hosts file."""
        address = plain_address(address)
        return self.known.names(address) + tuple(
            name for name in self._hosts.names(address) if any(covers(one, name) for one in self._allowed)
        )

    def answer(self, message: bytes, asker: Asking = None) -> bytes | None:
        """The answer to a question, None to what is none."""
        try:
            return self.answers([dns.read(message)], asker)[0]
        except dns.Malformed:
            return None

    def answers(self, questions: list[dns.Question], asker: Asking = None) -> list[bytes]:
        """Those to one question, or to one for each kind of address of a name: that is looked up for both together then, as a C library does."""
        if len(questions) > 1 and not self._hosts.addresses(questions[0].name):
            return self._to(questions, BOTH, asker)
        return [answer for one in questions for answer in self._to([one], FAMILIES.get(one.kind), asker)]

    def _to(self, questions: list[dns.Question], family: int | None, asker: Asking) -> list[bytes]:
        """The answers to questions for one name. family: that of the addresses that they ask for, None for something else"""
        found = self._outcome(questions, family, asker)
        if isinstance(found, int):
            return [dns.answer(one, [], found) for one in questions]
        of_kinds = [[address for address in found if len(address) == SIZES[FAMILIES[one.kind]]][:MOST_ADDRESSES] for one in questions]
        self.known.add(questions[0].name, (address for addresses in of_kinds for address in addresses))
        return [dns.answer(one, addresses) for one, addresses in zip(questions, of_kinds, strict=True)]

    def _outcome(self, questions: list[dns.Question], family: int | None, asker: Asking) -> list[bytes] | int:
        """The addresses of their name, else a response code."""
        name = questions[0].name
        request = Request("network", "DNS", name, host=name)
        if not decide(self._policy, request).allowed:
            if not all(map(self._is_beside_an_answer, questions)):
                self._refuse(request, name, asker)
            return dns.NO_SUCH_NAME
        if family is None:
            return dns.FINE
        try:
            return self._questions.addresses(name, family)
        except Changed as change:
            request.facts["changed"] = change.path
            self._refuse(request, name, asker)
            return dns.FAILED
        except OSError as error:
            return dns.NO_SUCH_NAME if error.errno == EAI_NONAME else dns.FAILED

    def _found(self, name: str, family: int) -> list[bytes]:
        """As all is that it is found by. Raises Changed where something was another; then nothing is looked up, for by that libc would load what it
        names; and OSError (gaierror).
        """
        for _ in range(TRIES):
            begun = self._watch.begin()
            changed = "" if self._watch.is_as_at_first(begun) else self._watch.changed(begun)
            if not changed:
                found = tried(self._lookup, name, family)
                changed = self._watch.changed(begun)
                if not changed:
                    return given(found)
            if not self._watch.may_be_again(changed):
                break
            pause()
        raise Changed(changed)

    def _look_up(self, name: str, family: int) -> list[bytes]:
        """The hosts file comes first, as it does where nobody has arranged it otherwise."""
        known = [packed for packed in self._hosts.addresses(name) if len(packed) == SIZES[family]]
        return known or look_up(name, family)

    def _is_beside_an_answer(self, question: dns.Question) -> bool:
        """Whether the hosts file has an address of the other kind: C libraries have found that, and ask for one of this kind besides."""
        sizes = [len(packed) for form in self._forms(question.name) for packed in self._hosts.addresses(canonical_name(form))]
        return bool(sizes) and question.kind in FAMILIES and SIZES[FAMILIES[question.kind]] not in sizes

    def _forms(self, name: str) -> list[str]:
        """A name as it may have been wanted: as it is, or completed by one of the search list. One of these may end like another."""
        return [name, *(name.removesuffix(end) for end in self._searched if name.endswith(end))]

    def _refuse(self, request: Request, name: str, asking: Asking) -> None:
        """Told once: C libraries ask for both kinds of address, and for what is made of a name by the search list."""
        forms = self._forms(name)
        if any(decide(self._policy, Request("network", "DNS", form, host=form)).allowed for form in forms[1:]):
            return  # which it will be asked for as well, and that answers who wanted it
        asker = asking() if callable(asking) else asking
        wanted = {(asker, form) for form in forms}
        with self._lock:
            known = wanted & self._told
            if len(self._told) >= MOST_TOLD:
                self._told.clear()
            self._told |= wanted
        if not known:
            self._tell(request, asker)


class Changed(OSError):
    """What names are found by is another."""

    def __init__(self, path: str) -> None:
        super().__init__(0, "is another", path)
        self.path = path


def pause() -> None:
    """Until what was changed just now is no longer recent."""
    import time

    time.sleep(RECENT_NS / 1e9 + 0.05)


def look_up(name: str, family: int) -> list[bytes]:
    """Its addresses of a family, or of both, as this machine finds them. Raises OSError (gaierror).

    A name with a dot is asked for as it is: what a search list makes of it is another's name.
    """
    import _socket

    if "." in name:
        name += "."
    found = _socket.getaddrinfo(name.encode(), None, family, STREAM)  # a str would be read by a codec that is Python code
    return list(dict.fromkeys(_socket.inet_pton(place[0], str(place[4][0]).partition("%")[0]) for place in found))


# What libc goes by.


def settle(policy: Policy) -> None:
    """Have libc in this process look names up as nobody in a run can have it do: to be called before the run begins."""
    for name in BY_FILE:
        os.unsetenv(name)
    if in_reach(policy):
        pin(services(lines(SERVICES)))


def name_servers() -> frozenset[tuple[bytes, int]]:
    """Those that it asks (resolv.conf(5))."""
    hosts = [words[1] for words in lines(RESOLVER) if words[0] == "nameserver" and len(words) > 1]
    found = (read_host(host.partition("%")[0]) for host in hosts or [LOCAL])  # type: ignore[no-untyped-call]
    return frozenset((packed, 53) for packed in found if packed is not None)


def searched() -> tuple[str, ...]:
    """What it appends to names, each with the dot before it."""
    found = [words[1:] for words in lines(RESOLVER) if words[0] in ("search", "domain")]
    return tuple("." + canonical_name(name) for name in (found[-1] if found else ()))


def lines(path: str) -> list[list[str]]:
    """The words of each line that has any, without comments; nothing where the file cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = [line.partition("#")[0].split() for line in file]
    except OSError:
        return []
    return [words for words in found if words]
