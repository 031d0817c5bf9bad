"""Asked of an interpreter once, started with -I -S -B -c: what it is, and the guard compiled by it.

Prints one line `hermetic-facts MAJOR MINOR MICRO IMPLEMENTATION[+jit] MAGIC NAME:SIZE...` and behind it, as bytes of these sizes, what was
compiled. With `+jit` it makes machine code unless it is told not to.
The sources come on standard input, marshalled: a dict of scripts by name, and one of modules by part. Must parse on Python 2.7, which answers with
the line alone.
"""

import sys

sys.path[:] = [entry for entry in sys.path if entry]
"""Without the working directory, which 2.7 would import from: it has no -I."""


def main():
    import os

    old = sys.version_info < (3, 6)
    parts = [] if old else compiled()
    facts = sys.version_info[:3] + ("cpython" if old else sys.implementation.name + jit(), "-" if old else magic())
    words = ["hermetic-facts"] + [str(word) for word in facts] + ["%s:%d" % (name, len(part)) for name, part in parts]
    answer = b"".join([" ".join(words).encode("ascii"), b"\n"] + [part for _, part in parts])
    while answer:
        answer = answer[os.write(1, answer) :]


def jit():
    compiler = getattr(sys, "_jit", None)
    return "+jit" if compiler is not None and compiler.is_enabled() else ""


def magic():
    from _frozen_importlib_external import MAGIC_NUMBER

    return MAGIC_NUMBER.hex()


def compiled():
    """Without docstrings, which would be a quarter of it: a target's process has to read, check and build all that is there."""
    import marshal

    with open(0, "rb") as file:
        scripts, payload = marshal.loads(file.read())
    parts = [(name, marshal.dumps(code(scripts[name], "<hermetic>/_%s.py" % name))) for name in sorted(scripts)]
    return parts + [(name, marshal.dumps(tuple(map(compiled_module, payload[name])))) for name in sorted(payload)]


def compiled_module(module):
    name, package, filename, source = module
    return name, package, filename, code(source, filename)


def code(source, filename):
    return compile(source, filename, "exec", 0, True, 2)


main()
