"""Every rule of the filters, tried on the kernel that runs the tests: the forbidden call with and without them, as root and not."""

import ctypes
import os
import tempfile

import pytest
from containment.filtered import EVERYTHING, GUARDS, MACHINE, outcome, outer_filter, system_call, users
from containment.seccomp_rows import (
    ALWAYS,
    CONNECTING,
    DESCRIPTOR_LIMIT,
    FILE,
    FRAMES,
    INTERFACES,
    LEASES,
    LOCAL,
    METADATA,
    NOT_TCP,
    PATH,
    PROCESSES,
    SENT,
    STEERING,
    SUBVOLUMES,
    ZEROS,
)
from hermetic_guard.hosts import ANY
from hermetic_guard.policy import Filesystem, Network, Policy, Subprocess

from hermetic.linux.numbers import number

LOCALHOST = Policy(network=Network(localhost=ANY))
NAMES = Policy(network=Network(domains=(("a.example", ((443, 443),)),)))
SOME_PROGRAM = Policy(subprocess=Subprocess(run=("/bin/true",)))
WRITABLE = Policy(filesystem=Filesystem(write=("/srv",)))


def attempt(row):
    """The call, with a new file of the user's where the row names one."""

    def act():
        with tempfile.NamedTemporaryFile(dir="/tmp") as file:
            stand_ins = {PATH: os.fsencode(file.name), FILE: file.fileno(), ZEROS: ctypes.create_string_buffer(64)}
            system_call(row.call, *(stand_ins[word] if isinstance(word, str) else word for word in row.arguments))

    return act


def each(*tables):
    rows = [row for table in tables for row in table if number(row.call, MACHINE) is not None]
    return pytest.mark.parametrize("row", rows, ids=map(str, rows))


def is_free(row, user, policy=None, **here):
    """The control: without the filter, or under one of another policy, the answer is another, or one that the row knows of."""
    found = outcome(attempt(row), policy, user, **here)
    if found == row.refused and (outer_filter() or found == "ENOSYS"):
        pytest.skip(f"the system refuses {row.call} by itself")
    assert found != row.refused or found == row.bare.get(user)


def is_refused(row, user, policy, **here):
    assert outcome(attempt(row), policy, user, **here) == row.refused


@each(ALWAYS)
@users
def test_always(row, user):
    for policy in (*GUARDS.values(), EVERYTHING):
        is_refused(row, user, policy)
    is_free(row, user)


@each(NOT_TCP)
@users
def test_sockets_other_than_tcp(row, user):
    is_refused(row, user, GUARDS["network"])
    is_refused(row, user, LOCALHOST)
    is_free(row, user)
    is_free(row, user, SOME_PROGRAM)


@each(FRAMES)
@users
def test_frames_by_an_interface_of_others(row, user):
    is_refused(row, user, GUARDS["network"])
    is_refused(row, user, LOCALHOST)
    is_free(row, user)
    is_free(row, user, SOME_PROGRAM)


@each(LEASES)
@users
def test_leases(row, user):
    for namespaced in (False, True):
        is_refused(row, user, GUARDS["filesystem"], namespaced=namespaced)
    is_free(row, user)
    is_free(row, user, GUARDS["network"])


@each(CONNECTING)
@users
def test_connecting_without_a_supervisor(row, user):
    is_refused(row, user, GUARDS["network"])
    is_free(row, user, LOCALHOST)
    is_free(row, user)


@each(INTERFACES)
@users
def test_the_machines_own_addresses(row, user):
    is_refused(row, user, GUARDS["network"])
    is_free(row, user, LOCALHOST)
    is_free(row, user)


@each(LOCAL)
@users
def test_local_sockets_where_connecting_is_free(row, user):
    is_refused(row, user, LOCALHOST)
    is_free(row, user, GUARDS["network"])
    is_free(row, user)


@each(SENT)
@users
def test_fast_open(row, user):
    is_refused(row, user, GUARDS["network"])
    is_refused(row, user, LOCALHOST)
    is_free(row, user)


@each(STEERING)
@users
def test_options_that_steer(row, user):
    for policy in (GUARDS["network"], LOCALHOST, NAMES):
        is_refused(row, user, policy)
    is_free(row, user)
    is_free(row, user, SOME_PROGRAM)


@each([row for row in NOT_TCP if row.call == "socket"])
@users
def test_names_are_looked_up_by_udp_alone(row, user):
    family, kind, protocol = (word & 0xFFFFFFFF for word in row.arguments)
    if family in (2, 10) and kind == 2 and protocol in (0, 17):
        is_free(row, user, NAMES)
    else:
        is_refused(row, user, NAMES)


@each(PROCESSES)
@users
def test_processes(row, user):
    is_refused(row, user, GUARDS["subprocess"])
    is_free(row, user, SOME_PROGRAM)
    is_free(row, user)


@each(DESCRIPTOR_LIMIT)
def test_root_cannot_set_the_limit_of_descriptors(row):
    is_refused(row, "root", GUARDS["subprocess"], root=True)
    is_free(row, "root", GUARDS["subprocess"], root=False)
    is_free(row, "root")


@each(METADATA)
@users
def test_metadata(row, user):
    is_refused(row, user, GUARDS["filesystem"])
    is_free(row, user, WRITABLE)
    is_free(row, user)


@each(SUBVOLUMES)
@users
def test_subvolumes(row, user):
    is_refused(row, user, GUARDS["filesystem"])
    is_refused(row, user, WRITABLE)
    is_free(row, user)
    is_free(row, user, WRITABLE, namespaced=True)
