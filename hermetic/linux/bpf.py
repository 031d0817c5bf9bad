"""Rules on system calls, and the classic BPF program that carries them out (seccomp(2), the kernel's userspace-api/seccomp_filter).

Within one filter the first `return` decides, so rules are put in order here: of those that apply to a call the strictest
wins, whatever their order in the list, as the kernel itself does between filters.

The number is looked up by halving. A call that no rule names is allowed without a look at its arguments, which the kernel
(5.11 and later) finds out when the filter is installed: it then does not run the filter for that call at all.
"""

from __future__ import annotations

from hermetic.linux.numbers import UNKNOWN, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KILL_PROCESS = 0x80000000
KILL_THREAD = 0x00000000
TRAP = 0x00030000
USER_NOTIF = 0x7FC00000
TRACE = 0x7FF00000
LOG = 0x7FFC0000
ALLOW = 0x7FFF0000
_ERRNO = 0x00050000


def error(number: int) -> int:
    """The action by which a call fails with this errno."""
    return _ERRNO | number


def strictness(action: int) -> int:
    """The lower, the stricter: the kernel compares actions as signed integers (kernel/seccomp.c)."""
    return action - (1 << 32) if action & KILL_PROCESS else action


WORD = 0xFFFFFFFF
ADDRESS = 0xFFFFFFFFFFFFFFFF


class Condition:
    """Whether those bits of an argument that are in `mask` are equal to `value`; with `negated`, whether they are not."""

    __slots__ = ("argument", "mask", "negated", "value")

    def __init__(self, argument: int, value: int, mask: int, *, negated: bool = False) -> None:
        if value & ~mask:
            raise ValueError(f"{value:#x} has bits that are not in the mask {mask:#x}")
        self.argument = argument
        self.value = value
        self.mask = mask
        self.negated = negated


# What the kernel takes for an int (a descriptor, flags, a family, a request of ioctl) may have anything in its upper half.


def equal(argument: int, value: int, mask: int = WORD) -> Condition:
    return Condition(argument, value, mask)


def differs(argument: int, value: int, mask: int = WORD) -> Condition:
    return Condition(argument, value, mask, negated=True)


def has_any(argument: int, bits: int) -> Condition:
    return Condition(argument, 0, bits, negated=True)


def has_none(argument: int, bits: int) -> Condition:
    return Condition(argument, 0, bits)


def is_address(argument: int, address: int) -> Condition:
    return Condition(argument, address, ADDRESS)


def not_null(argument: int) -> Condition:
    return Condition(argument, 0, ADDRESS, negated=True)


class Rule:
    """What becomes of one system call.

    call:   its name; on a machine that does not have it, the rule is left out
    action: one of this module's, or `error(...)`
    when:   the rule applies if all of these hold
    unless: but not if all of one of these hold
    """

    __slots__ = ("action", "call", "unless", "when")

    def __init__(self, call: str, action: int, when: Iterable[Condition] = (), unless: Iterable[Iterable[Condition]] = ()) -> None:
        self.call = call
        self.action = action
        self.when = tuple(when)
        self.unless = tuple(tuple(tests) for tests in unless)


# What the program is made of: linux/bpf_common.h, and struct seccomp_data in linux/seccomp.h.
LOAD, AND, JUMP, JUMP_EQUAL, JUMP_AT_LEAST, RETURN = 0x20, 0x54, 0x05, 0x15, 0x35, 0x06
AT_NUMBER, AT_MACHINE, AT_ARGUMENTS = 0, 4, 16
FAR = 255
"""The longest conditional jump."""

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ENOSYS = 38


def assemble(rules: Iterable[Rule], machine: str) -> bytes:
    """The program for one machine; what no rule applies to is allowed.

    A call in another machine's way (int 0x80 on x86_64), where numbers mean something else, ends the process. Calls that are newer than
    numbers.py, and x32's, are not there: programs do without what a kernel does not have.
    Raises KeyError for a machine, or a call, that numbers.py does not have.
    """
    program = _Program()
    allow = program.end(ALLOW)
    starts = {0: allow}
    for call, applying in sorted(_by_number(rules, machine).items()):
        starts[call] = _decision(program, applying, allow)
        starts[call + 1] = allow
    starts[UNKNOWN] = program.end(error(ENOSYS))
    dispatch = program.then(LOAD, AT_NUMBER, _search(program, list(_changes(starts))))
    known = program.jump(JUMP_EQUAL, AUDIT_ARCH[machine], dispatch, program.end(KILL_PROCESS))
    program.then(LOAD, AT_MACHINE, known)
    return program.bytes()


def _by_number(rules: Iterable[Rule], machine: str) -> dict[int, list[Rule]]:
    found: dict[int, list[Rule]] = {}
    for rule in rules:
        call = number(rule.call, machine)
        if call is not None:
            found.setdefault(call, []).append(rule)
    return found


def _changes(starts: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Only those numbers at which something else begins than for the number before."""
    last = None
    for first, place in starts.items():
        if place != last:
            yield first, place
        last = place


def _search(program: _Program, starts: list[tuple[int, int]]) -> int:
    """Go to the place of the last start that is not above the number loaded."""
    if len(starts) == 1:
        return starts[0][1]
    middle = len(starts) // 2
    upper, lower = _search(program, starts[middle:]), _search(program, starts[:middle])
    return program.jump(JUMP_AT_LEAST, starts[middle][0], upper, lower)


def _decision(program: _Program, rules: list[Rule], otherwise: int) -> int:
    """One rule after the other, the strictest first: that is, written last."""
    for rule in sorted(rules, key=lambda rule: strictness(rule.action), reverse=True):
        place = program.end(rule.action)
        for tests in rule.unless:
            place = _all(program, tests, otherwise, place)
        otherwise = _all(program, rule.when, place, otherwise)
    return otherwise


def _all(program: _Program, tests: Iterable[Condition], yes: int, no: int) -> int:
    for test in tests:
        yes = _test(program, test, no, yes) if test.negated else _test(program, test, yes, no)
    return yes


def _test(program: _Program, test: Condition, yes: int, no: int) -> int:
    """An argument is two words, the lower first; what has no bit in the mask is not looked at."""
    for half in (1, 0):
        mask, value = test.mask >> 32 * half & WORD, test.value >> 32 * half & WORD
        if mask:
            yes = program.jump(JUMP_EQUAL, value, yes, no)
            if mask != WORD:
                yes = program.then(AND, mask, yes)
            yes = program.then(LOAD, AT_ARGUMENTS + 8 * test.argument + 4 * half, yes)
    return yes


class _Program:
    """Instructions, written from the last to the first: what one of them goes on to has its place already.

    A place is counted from the end. The same instruction with the same continuation is written once.
    """

    def __init__(self) -> None:
        self._written: list[int] = []
        self._places: dict[tuple[int, int, int, int], int] = {}

    def bytes(self) -> bytes:
        return b"".join(instruction.to_bytes(8, "little") for instruction in reversed(self._written))

    def end(self, action: int) -> int:
        key = RETURN, action, 0, 0
        if key not in self._places:
            self._places[key] = self._write(RETURN, action)
        return self._places[key]

    def then(self, code: int, operand: int, place: int) -> int:
        """An instruction that goes on to `place`."""
        key = code, operand, place, place
        if key not in self._places:
            self._within(place, 0)
            self._places[key] = self._write(code, operand)
        return self._places[key]

    def jump(self, code: int, operand: int, yes: int, no: int) -> int:
        """A comparison that goes on to one of two places."""
        key = code, operand, yes, no
        if key not in self._places:
            yes = self._within(yes, FAR - 1)  # the way to `no` may take an instruction more
            no = self._within(no, FAR)
            here = len(self._written)
            self._places[key] = self._write(code | here - yes << 16 | here - no << 24, operand)
        return self._places[key]

    def _within(self, place: int, reach: int) -> int:
        """`place`, or that of a jump there if it is farther than that from what is written next."""
        here = len(self._written)
        return place if here - place <= reach else self._write(JUMP, here - place)

    def _write(self, code: int, operand: int) -> int:
        self._written.append(code | operand << 32)
        return len(self._written)
