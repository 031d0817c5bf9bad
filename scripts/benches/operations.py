"""What single operations cost in a program that runs: files, imports, system calls, blocks. Each under both layers, and under Python's alone."""

import json
from pathlib import Path

from benches.measure import in_turn
from benches.place import ROOT

OPEN = """
import sys
TIMES, path = 500, sys.argv[1]
def once():
    open(path).close()
"""
IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib
names = [f"module_{number}" for number in range(100)]
TIMES = 1
def once():
    for name in names:
        sys.modules.pop(name, None)
        importlib.import_module(name)
"""
CALL = """
import os
TIMES = 10000
def once():
    os.getppid()
"""
BLOCK = """
import contextlib, os, sys
TIMES, block = 1000, contextlib.nullcontext()
if "BLOCK" in os.environ:
    sys.path[:0] = sys.argv[2:]
    from hermetic import hermetic_blocker
    block = hermetic_blocker(block_network=True)
    with block:
        pass
    if os.environ["BLOCK"] == "inner":
        block.__enter__()
def once():
    with block:
        pass
"""
OUTSIDE = BLOCK.partition("def once")[0] + OPEN
FILE = "/etc/hosts"
PACKAGES = str(ROOT), str(ROOT / "bootstrap")
COUNTS = 10, 1_000, 10_000


def opened(*options, layer="", root=False):
    """open() and close() of a file, under these options."""

    def measured(place, rounds):
        path = Path(FILE)
        words = list(options)
        if root:
            path = place.directory / "root/file"
            path.parent.mkdir(exist_ok=True)
            path.write_text("content")
            words = [f"--fs-readonly={path.parent}", *words]
        return in_turn([place.python], guarded(place, layer, words), OPEN, path, rounds=rounds)

    return measured


def guarded(place, layer, words):
    return [*(place.under_one(layer, *words) if layer else place.under(*words)), place.python]


def imported(place, rounds):
    """A hundred small modules, from their bytecode."""
    modules = place.directory / "modules"
    modules.mkdir(exist_ok=True)
    for number in range(100):
        (modules / f"module_{number}.py").write_text("def function():\n    return 1\n" * 20)
    return in_turn([place.python], guarded(place, "", ["--no-network"]), IMPORT, modules, rounds=rounds)


def called(place, rounds):
    """One system call that no rule names."""
    return in_turn([place.python], guarded(place, "", ["--no-network"]), CALL, rounds=rounds)


def block(kind):
    """Entering and leaving a block that does nothing, and `hermetic_blocker(block_network=True)`; or an open() where none is open."""

    def measured(place, rounds):
        code = OUTSIDE if kind == "outside" else BLOCK
        return in_turn([place.python], ["env", f"BLOCK={kind}", place.python], code, FILE, *PACKAGES, rounds=rounds)

    return measured


def with_rules(place, rounds):
    """open() and close() under ten rules, and under ten thousand."""
    policies = [policy_of(place, count) for count in (COUNTS[0], COUNTS[-1])]
    few, many = (guarded(place, "", ["--policy", policy, "--profile", "many"]) for policy in policies)
    return in_turn(few, many, OPEN, FILE, rounds=rounds)


def policy_of(place, count):
    """A policy file with that many paths, names and addresses together."""
    third = count // 3
    paths = [str(place.directory / f"cache/{number}") for number in range(third)]
    names = [f"host{number}.example.com" for number in range(third)]
    addresses = [f"198.51.{number // 250 % 250}.{number % 250}" for number in range(third)]
    file = place.directory / f"{count}.toml"
    file.write_text(
        f"version = 1\n[profile.many.filesystem]\nallow-write = {json.dumps(paths)}\n"
        f"[profile.many.network]\nallow-domain = {json.dumps(names)}\nallow-address = {json.dumps(addresses)}\n"
    )
    return file
