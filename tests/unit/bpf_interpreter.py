"""Runs a classic BPF program as the kernel does (net/core/filter.c), on the data that seccomp gives it (linux/seccomp.h)."""

import struct
from typing import NamedTuple

ALLOWED_CODES = {0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06}


class Ran(NamedTuple):
    """What a program answered, in how many steps, and which offsets of the data it looked at."""

    action: int
    steps: int
    looked_at: tuple


class Data(NamedTuple):
    """struct seccomp_data."""

    number: int
    machine: int
    arguments: tuple = ()
    pointer: int = 0

    def packed(self):
        words = [word & 0xFFFFFFFFFFFFFFFF for word in (*self.arguments, *(0,) * (6 - len(self.arguments)))]
        return struct.pack("<IIQ6Q", self.number & 0xFFFFFFFF, self.machine, self.pointer, *words)


def instructions(program):
    return list(struct.iter_unpack("<HBBI", program))


def check(program):
    """What the kernel's checker asks of a program before it takes it (bpf_check_classic, seccomp_check_filter)."""
    code = instructions(program)
    assert 0 < len(code) <= 4096
    assert code[-1][0] == 0x06
    for at, (operation, yes, no, operand) in enumerate(code):
        assert operation in ALLOWED_CODES, hex(operation)
        left = len(code) - at - 1
        if operation == 0x20:
            assert operand % 4 == 0
            assert operand < 64
        elif operation == 0x05:
            assert operand < left
        elif operation & 0x07 == 0x05:
            assert yes < left
            assert no < left


def run(program, data):
    code, packed = instructions(program), data.packed()
    at = accumulator = steps = 0
    looked_at = []
    while True:
        operation, yes, no, operand = code[at]
        at += 1
        steps += 1
        if operation == 0x06:
            return Ran(operand, steps, tuple(looked_at))
        if operation == 0x20:
            accumulator = struct.unpack_from("<I", packed, operand)[0]
            looked_at.append(operand)
        elif operation == 0x54:
            accumulator &= operand
        elif operation == 0x05:
            at += operand
        else:
            at += yes if COMPARISONS[operation](accumulator, operand) else no


COMPARISONS = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: bool(a & k),
}
