"""What the parts of filters that are assembled ahead are made from: the rules of seccomp.py."""

from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Network

from hermetic.linux import prepared, seccomp
from hermetic.linux.exec_once import Opened
from hermetic.linux.here import Here

PORTS = ((80, 80),)
HERE = Here(machine="", root=False, supervised=True, namespaced=True, pid=prepared.TARGET)
ONCE = Opened(prepared.DESCRIPTOR, prepared.NAME)
NETWORKS = [
    Network(localhost=localhost, domains=domains, addresses=addresses, listen=listen)
    for localhost in ((), PORTS, ANY)
    for domains in ((), (("a.test", PORTS),))
    for addresses in ((), ((b"\0" * 4, 32, PORTS),))
    for listen in ((), PORTS)
]
PARTS = {
    "always": seccomp.ALWAYS,
    "filesystem": seccomp.filesystem(Filesystem(), HERE),
    "turns": seccomp.others_turns(HERE),
    "once": seccomp.subprocess(ONCE, root=False, supervised=True),
    "once-root": seccomp.subprocess(ONCE, root=True, supervised=True),
    "starts": seccomp.STARTS,
    **{"-".join(["network", *prepared.reach(allowed)]): seccomp.network(allowed, supervised=True) for allowed in NETWORKS},
}
