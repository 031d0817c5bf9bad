"""Starts a program behind what is not seccomp: sorted descriptors, mounts, limits, no capabilities, a Landlock domain.

    confined.py SPECIFICATION PROGRAM [ARGUMENT...]

The specification is JSON: `policy` (a guard's name to its fields), `namespaced` and other fields of `Here`; `bare` for no confinement at all;
`hardened` for a launcher that is not dumpable, as the real one is. Without it, what is seen of the launcher is seen in spite of the domain
alone. Like that one, this process forks and stays, and its environment has a secret in it. Exit code 99 and a line on stderr if a step fails.
"""

import json
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "bootstrap")]
# ruff: noqa: E402

from hermetic_guard.policy import GUARDS, Policy

from hermetic.linux import descriptors, landlock, mounts, namespaces, privileges, surroundings, syscalls
from hermetic.linux.here import Here
from hermetic.target import needs

FAILED = 99


def policy_of(described):
    fields = {guard: {name: frozen(value) for name, value in fields.items()} for guard, fields in described.items()}
    return Policy(**{guard: GUARDS[guard](**fields[guard]) for guard in fields})


def with_needs(policy, program):
    """As a run has it: where reading is limited, what an interpreter needs may be read."""
    if policy.filesystem is None or policy.filesystem.read is None:
        return policy
    return policy.replaced(filesystem=needs.of_interpreter(program, policy.filesystem))


def frozen(value):
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def confine(policy, here):
    """All steps in their order."""
    around = surroundings.look(policy, here)
    descriptors.sort(policy, descriptors.inherited())
    if here.namespaced:
        namespaces.enter(root=here.root)
        mounts.apply(mounts.plan(policy, here, around))
    privileges.no_core_files()
    privileges.drop_capabilities()
    privileges.no_new_privileges()
    landlock.apply(landlock.ruleset(policy, here, around))


def main():
    described, command = json.loads(sys.argv[1]), sys.argv[2:]
    bare, hardened = described.pop("bare", False), described.pop("hardened", False)
    policy = with_needs(policy_of(described.pop("policy")), command[0])
    fixed = {"machine": os.uname().machine, "root": os.geteuid() == 0, "program": command[0], "abi": landlock.abi()}
    here = Here(**(fixed | {name: frozen(value) for name, value in described.items()}))
    syscalls.set_dumpable(not hardened)
    target = os.fork()
    if not target:
        become(None if bare else policy, here, command)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _, status = os.waitpid(target, 0)
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


def become(policy, here, command):
    try:
        if policy is not None:
            confine(policy, here)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"confined.py: {error}\n".encode())
    finally:
        os._exit(FAILED)


if __name__ == "__main__":
    main()
