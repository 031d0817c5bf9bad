"""An attempt to get out of a guard, as data: a program, the options it is guarded by, and what it leaves outside when nothing stops it.

What an attempt says of itself proves nothing. `world.py` looks for effects, words that begin with their kind:

    tcp udp unix dns packet loopback    something was reached, or asked for a name (guards/world.py)
    visited                             it could be connected to from another machine
    changed PATH                        something outside is not what it was
    secret                              what it must not read has come out
    marker                              a process, or native code, that must not be there has touched a file
"""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import dedent

LAYERS = ("both", "python", "kernel")
BEYOND = ("both", "kernel")
"""For what goes through a hole of the Python layer's that another row goes through there: each is counted once."""
BARE = "bare"

GUARD_OF = {
    "--no-network": "network",
    "--no-subprocess": "subprocess",
    "--fs-readonly": "filesystem",
    "--block-native": "native",
}
ALL = ("--no-network", "--no-subprocess", "--fs-readonly", "--block-native")

FORBIDDEN = {
    "network": {"tcp", "udp", "unix", "dns", "packet", "igmp", "loopback", "visited"},
    "subprocess": {"marker"},
    "filesystem": {"changed"},
    "native": {"marker"},
}


@dataclass(frozen=True)
class Admitted:
    """A hole that the README owns up to.

    line:    its words, as they stand there
    layers:  where it is open
    pythons: in which interpreters, None: in all
    """

    line: str
    layers: tuple[str, ...] = ("python",)
    pythons: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Attempt:
    """One program.

    code:      its source, valid on Python 3.6; what it names in capitals is defined for it, see place.py
    leaves:    the kind of effect that its control must show
    options:   the interpreter's, before the script
    files:     what else is there, by path: below `script/` (where the program is), `inside/` (its working directory), `home/`, `user/` (the user's
               site-packages), or `packages/`, the site-packages of a virtual environment that it then runs in
    since, until, cpython, root, probe: what it needs; a probe is code that fails where the interpreter or the machine lacks it
    only:      the names of the interpreters it is tried in, None: all. For the slow ones
    inherits:  what it finds open as descriptor FD: "socket" (connected to OUT) or "canary" (to be written)
    late:      seconds after its end in which it must not act either
    spared:    directories that it is allowed to change
    unstarted: the launcher may refuse to start it
    layers:    where it makes sense
    """

    name: str
    code: str
    leaves: str
    flags: tuple[str, ...]
    options: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    since: tuple[int, int] = (3, 6)
    until: tuple[int, int] = (9, 9)
    cpython: bool = False
    root: bool = False
    probe: str = ""
    only: tuple[str, ...] | None = None
    inherits: str = ""
    late: float = 0
    spared: tuple[str, ...] = ()
    unstarted: bool = False
    layers: tuple[str, ...] = LAYERS
    admitted: tuple[Admitted, ...] = ()

    @property
    def guards(self) -> frozenset[str]:
        """Those that its options put up."""
        return frozenset(GUARD_OF[name] for name in (flag.partition("=")[0] for flag in self.flags) if name in GUARD_OF)

    @property
    def forbidden(self) -> frozenset[str]:
        """The kinds of effect that must not be seen under its guards."""
        kinds = {kind for guard in self.guards for kind in FORBIDDEN[guard]}
        if any(flag.startswith(("--fs-readonly=", "--hide")) for flag in self.flags):
            kinds.add("secret")
        return frozenset(kinds - {"loopback"} if "--allow-localhost" in self.flags else kinds)

    def held_by(self, layer: str) -> bool:
        """Whether this layer promises anything here: the kernel cannot tell a library from data, and knows no names."""
        if layer not in self.layers:
            return False
        domains = any(flag.startswith("--allow-domain") for flag in self.flags)
        return layer != "kernel" or (self.guards != {"native"} and not domains)

    def runs_in(self, python) -> bool:
        return self.since <= python.version < self.until and (python.implementation == "cpython" or not self.cpython)

    def escapes(self, effects: list[str]) -> list[str]:
        """Those of the effects that its guards forbid."""
        return [effect for effect in effects if effect.partition(" ")[0] in self.forbidden]

    def hole(self, layer: str, python: str) -> Admitted | None:
        """The admitted hole that it goes through."""
        for one in self.admitted:
            if layer in one.layers and (one.pythons is None or python in one.pythons):
                return one
        return None


def attempts(leaves: str, *flags: str, **common):
    """A short way to write rows: what most of a section have in common, which each may say otherwise."""

    def make(name: str, code: str, **more) -> Attempt:
        return Attempt(name, dedent(code), **{"leaves": leaves, "flags": flags, **common, **more})

    return make
