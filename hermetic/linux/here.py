"""What is known of the run and of this kernel when a policy is made into kernel rules."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from hermetic_guard.policy import Policy


class Here:
    """Plain values; rules are functions of these and of the policy alone.

    machine:    as uname(2) names it
    root:       whether the effective user is 0
    run:        the run directory, "" where there is none
    own:        what in it may be written
    program:    path of the binary that will be executed
    compiles:   whether that makes machine code as it runs
    protected:  paths of hermetic's own files, which no run may change
    filtered:   whether seccomp filters are installed
    supervised: whether the launcher will answer notifications of seccomp's
    namespaced: whether the run has a mount namespace of its own
    outer:      the policy of the run that this one is in, None where there is none
    pid:        of the target
    abi:        version of Landlock's interface, 0 where there is none
    threads:    how many the process has that the rules are for, where that runs already; 0 for one that is yet to start
    unbound:    how many of those stay outside of its Landlock domain
    synced:     whether the filter holds for all of them
    sends:      whether it has sockets that send to whatever address is named with each datagram
    tmp:        directories that lie over others for this run: path of the other, and where it is itself
    written, kept: paths in those others that stay, and may be written or are as everything is
    """

    __slots__ = (
        "abi", "compiles", "filtered", "kept", "machine", "namespaced", "outer", "own", "pid", "program", "protected", "root", "run", "sends",
        "supervised", "synced", "threads", "tmp", "unbound", "written",
    )  # fmt: skip

    def __init__(
        self,
        *,
        machine: str,
        root: bool,
        run: str = "",
        own: tuple[str, ...] = ("scratch", "unix"),
        program: str = "",
        compiles: bool = True,
        protected: tuple[str, ...] = (),
        filtered: bool = True,
        supervised: bool = False,
        namespaced: bool = False,
        abi: int = 0,
        pid: int = 0,
        threads: int = 0,
        unbound: int = 0,
        synced: bool = True,
        sends: bool = False,
        tmp: tuple[tuple[str, str], ...] = (),
        written: tuple[str, ...] = (),
        kept: tuple[str, ...] = (),
        outer: Policy | None = None,
    ) -> None:
        self.machine = machine
        self.root = root
        self.run = run
        self.own = own
        self.program = program
        self.compiles = compiles
        self.protected = protected
        self.filtered = filtered
        self.supervised = supervised
        self.namespaced = namespaced
        self.abi = abi
        self.pid = pid
        self.threads = threads
        self.unbound = unbound
        self.synced = synced
        self.sends = sends
        self.tmp = tmp
        self.written = written
        self.kept = kept
        self.outer = outer

    def values(self) -> dict[str, Any]:
        """What it is made of, for another process. There is no outer run where one is made for the other."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "outer"}
