"""What is assembled ahead is what the rules say, part by part and as a whole, and no run is given the parts of another."""

import os
import random
import types

import pytest
from hermetic_guard.policy import Filesystem, Policy
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.bpf_interpreter import Data, check, instructions, run
from unit.policies_made import policies
from unit.prepared_parts import PARTS

from hermetic.linux import bpf, filters, numbers, prepared, seccomp
from hermetic.linux.exec_once import Opened
from hermetic.linux.here import Here

AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
machines = pytest.mark.parametrize("machine", numbers.MACHINES)


@machines
def test_the_files_hold_what_is_assembled(machine):
    """Where a rule has changed, scripts/filters writes them."""
    assert prepared.table(machine) == {name: bpf.assemble(rules, machine).hex() for name, rules in PARTS.items()}


heres = st.builds(
    lambda machine, root, pid: Here(machine=machine, root=root, run="/run/x", supervised=True, namespaced=True, pid=pid),
    st.sampled_from(numbers.MACHINES),
    st.booleans(),
    st.integers(2, 2**22),
)
opened = st.builds(Opened, st.integers(3, 2**16 - 1), st.sampled_from([(1 << bits) - 1 for bits in (36, 39, 47, 48, 52, 56)]))


def once_of(policy, found):
    return found if policy.subprocess is not None and not policy.subprocess.run else None


@settings(deadline=None, max_examples=60)
@given(policies, heres, opened)
def test_the_parts_are_those_of_the_policy(policy, here, found):
    """Their rules are all that a run of this policy has, but for the numbers that are its own."""
    once = once_of(policy, found)
    own = {prepared.TARGET: here.pid, prepared.DESCRIPTOR: found.descriptor, prepared.NAME: found.name}
    names = prepared.parts(policy, here, once)
    if prepared.is_limited(policy):
        assert names == []
        return
    assert sorted(plain(rule, own) for name in names for rule in PARTS[name]) == sorted(map(plain, seccomp.rules(policy, here, once)))


def plain(rule, own=types.MappingProxyType({})):
    def tests(conditions):
        return [(test.argument, own.get(test.value, test.value), test.mask, test.negated) for test in conditions]

    return rule.call, rule.action, tests(rule.when), [tests(one) for one in rule.unless]


@settings(deadline=None, max_examples=30)
@given(policies, heres, opened, st.integers(0, 2**32))
def test_the_whole_answers_as_one_filter(policy, here, found, seed):
    once, chance = once_of(policy, found), random.Random(seed)
    whole, ahead = filters.assembled(policy, here, once), filters.made(policy, here, once)
    check(ahead)
    constants = [operand for _, _, _, operand in map(tuple, instructions(whole))]
    for _ in range(40):
        call = chance.choice([*CALLS[here.machine], chance.randrange(600)])
        data = Data(call, AUDIT[here.machine], [word(chance, constants) for _ in range(6)])
        assert run(ahead, data).action == run(whole, data).action, data


CALLS = {
    machine: [
        number
        for rule in {rule.call for rules in PARTS.values() for rule in rules}
        if (number := numbers.number(rule, machine)) is not None
    ]
    for machine in numbers.MACHINES
}


def word(chance: random.Random, constants: list[int]) -> int:
    """Often one that the filter compares with, in either half."""
    low, high = (chance.choice([0, chance.choice(constants), chance.getrandbits(32)]) for _ in range(2))
    return low | chance.choice([0, high]) << 32


def test_another_machine_s_call_ends_the_process():
    here = Here(machine="x86_64", root=False, supervised=True, namespaced=True, pid=7)
    program = prepared.made(seccomp_policy(), here, None)
    assert run(program, Data(1, 0x40000003)).action == bpf.KILL_PROCESS
    assert run(program, Data(0x40000001, AUDIT["x86_64"])).action == bpf.error(38)


def seccomp_policy():
    from hermetic_guard.policy import Network, Policy

    return Policy(network=Network())


@pytest.mark.parametrize("cut", [1, 8, 16, 2000])
def test_a_file_that_was_cut_off_is_not_used(monkeypatch, cut):
    known = prepared.table("x86_64")
    monkeypatch.setattr(prepared, "table", lambda machine: {**known, "turns": known["turns"][: -2 * cut]})
    here = Here(machine="x86_64", root=False, supervised=True, namespaced=True, pid=7)
    assert prepared.made(seccomp_policy(), here, None) is None
    assert filters.made(seccomp_policy(), here, None) == filters.assembled(seccomp_policy(), here, None)


@pytest.mark.parametrize("content", [b"always 20 turns", b"always 20\nturns 2x", b"always \xff"])
def test_a_file_that_is_damaged_is_said(monkeypatch, tmp_path, content):
    (tmp_path / "filters").write_bytes(content)
    monkeypatch.setattr(prepared, "file_of", lambda machine: str(tmp_path / "filters"))
    here = Here(machine="x86_64", root=False, supervised=True, namespaced=True, pid=7)
    with pytest.raises(OSError, match="filters"):
        filters.made(seccomp_policy(), here, None)


@pytest.mark.parametrize("other", [{"supervised": False}, {"namespaced": False}, {"threads": 1}, {"machine": "riscv64"}])
def test_other_runs_are_given_what_is_made_for_them(other):
    here = Here(**{"machine": "x86_64", "root": False, "supervised": True, "namespaced": True, "pid": 7, **other})
    assert prepared.made(seccomp_policy(), here, None) is None


OURS = os.path.dirname(prepared.__file__)


@pytest.mark.parametrize(
    ("rules", "limited"),
    [
        ({}, False),
        ({"hide": ("/home/somebody/.ssh", OURS + "/other")}, False),
        ({"hide": ("/home/somebody/.ssh", OURS)}, True),
        ({"hide": (os.path.dirname(os.path.realpath(OURS)),)}, True),
        ({"private": (OURS,)}, True),
        ({"read": ("/",)}, True),
    ],
)
def test_what_hides_the_parts_themselves_is_given_none(rules, limited):
    policy = Policy(filesystem=Filesystem(**rules))
    here = Here(machine="x86_64", root=False, supervised=True, namespaced=True, pid=7)
    assert (prepared.is_limited(policy), prepared.parts(policy, here, None) == []) == (limited, limited)
