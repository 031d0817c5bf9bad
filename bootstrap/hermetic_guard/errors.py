"""What a guard raises. The one module of the guard that stays importable inside a target, so that a violation can be pickled there.

Every violation is a PolicyViolation. In the manner *refuse* it also is what callers of that surface already handle, so that a program
degrades as it would on a locked-down machine; in the manner *raise* it is not an OSError, so that no retry loop hides it.
"""


class PolicyViolation(Exception):
    """Something the policy forbids was tried.

    guard:   the surface, as "network"
    action:  what was tried, as "DNS" or "connect"
    target:  what it was tried on, as "example.com" or "192.0.2.1:443"
    rule:    what forbids it, as "network disabled"
    hint:    the option that would allow it, "" where none would
    """

    def __init__(self, guard: str, action: str, target: str, rule: str, hint: str = "") -> None:
        Exception.__init__(self, guard, action, target, rule, hint)
        self.guard = guard
        self.action = action
        self.target = target
        self.rule = rule
        self.hint = hint

    def __str__(self) -> str:
        return words(self.guard, self.action, self.target, self.rule, self.hint)

    def __reduce__(self) -> "tuple[object, ...]":
        return type(self), (self.guard, self.action, self.target, self.rule, self.hint)


def words(guard: str, action: str, target: str, rule: str, hint: str) -> str:
    return "%s: %s(%s)%s" % (rule, action, target, " (allow it: %s)" % hint if hint else "")


class IntegrityViolation(PolicyViolation, PermissionError):
    """Something that would have taken the guards away or walked around them."""


class NetworkViolation(PolicyViolation):
    """A network violation in the manner *raise*."""


class NetworkRefused(PolicyViolation, PermissionError):
    """A network violation in the manner *refuse*: a PermissionError, as a firewall's refusal is."""


class ProcessViolation(PolicyViolation):
    """A process refused in the manner *raise*."""


class ProcessRefused(PolicyViolation, PermissionError):
    """A process refused in the manner *refuse*: a PermissionError, as of a system that forbids them (EPERM)."""


class NativeRefused(PolicyViolation, ImportError):
    """Native code refused, in either manner: an ImportError, for a package falls back to its pure form by that. No retry loop catches one."""

    def __init__(self, *arguments):
        PolicyViolation.__init__(self, *arguments)
        self.name = self.target
        self.msg = PolicyViolation.__str__(self)
        self.args = (self.msg,)


class FilesystemViolation(PolicyViolation):
    """A filesystem violation in the manner *raise*."""


class FilesystemRefused(PolicyViolation, PermissionError):
    """A filesystem violation in the manner *refuse*: a PermissionError, as a machine with read-only file systems gives it."""

    def __reduce__(self) -> "tuple[object, ...]":
        return (*PolicyViolation.__reduce__(self), {"filename": self.filename})


class Unanswered(PermissionError):
    """Nobody is there to say whether something is allowed: the interpreter shuts down."""


NUMBERS = []  # type: list[tuple[type, int, dict[str, int]]]
"""Of each class that is an OSError its errno, and others by action."""


def _os_error(kind: type, code: int, others: "dict[str, int] | None" = None) -> type:
    """OSError fills errno in `__new__`, from the arguments; ours are others, so it is set afterwards. others: errno by action."""
    NUMBERS.append((kind, code, others or {}))

    def __init__(self, *arguments):
        PolicyViolation.__init__(self, *arguments)
        self.errno = (others or {}).get(self.action, code)
        self.strerror = PolicyViolation.__str__(self)
        self.args = (self.errno, self.strerror)  # as of any OSError: some look there

    kind.__init__ = __init__  # type: ignore[misc]
    return kind


EPERM, EACCES, EROFS = 1, 13, 30
_os_error(IntegrityViolation, EACCES)
_os_error(NetworkRefused, EACCES)
_os_error(ProcessRefused, EPERM)
_os_error(FilesystemRefused, EROFS, dict.fromkeys(("read", "list", "readlink", "use"), EACCES))

VIOLATIONS = {
    "integrity": {"refuse": IntegrityViolation, "raise": IntegrityViolation},
    "network": {"refuse": NetworkRefused, "raise": NetworkViolation},
    "filesystem": {"refuse": FilesystemRefused, "raise": FilesystemViolation},
    "subprocess": {"refuse": ProcessRefused, "raise": ProcessViolation},
    "native": {"refuse": NativeRefused, "raise": NativeRefused},
}  # type: dict[str, dict[str, type[PolicyViolation]]]
"""What is raised, by guard and manner."""


HOST_NOT_FOUND = 1
"""Of netdb.h: what an herror has in the place of an errno."""


def name_refused() -> type:
    """The class for a refused name: NetworkRefused that also is socket.gaierror. Made when `_socket` is there anyway."""
    import _socket

    return _also(
        "NameRefused", "A name lookup refused: also a socket.gaierror, so that offline fallbacks work.", "gaierror", _socket.EAI_NONAME
    )


def address_refused() -> type:
    """The same for the name of an address, where gethostbyaddr was asked for it: socket.herror."""
    return _also(
        "AddressRefused", "The name of an address refused: also a socket.herror, as where nobody knows one.", "herror", HOST_NOT_FOUND
    )


def _also(name: str, doc: str, kind: str, code: int) -> type:
    import _socket

    if name not in globals():
        new = type(name, (NetworkRefused, getattr(_socket, kind)), {"__doc__": doc, "__module__": __name__, "__qualname__": name})
        globals()[name] = _os_error(new, code)
    made = globals()[name]  # type: type
    return made
