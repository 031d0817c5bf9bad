"""Asked of an interpreter once, started with -I -S -B: what it is, and the guard compiled by it.

Prints one line `hermetic-facts MAJOR MINOR MICRO IMPLEMENTATION MAGIC` and behind it the compiled payload, as bytes. The one argument is the
file with the payload's sources. Must parse on Python 2.7, which answers with the line alone.
"""

import sys


def main(path):
    import os

    old = sys.version_info < (3, 6)
    implementation = "cpython" if old else sys.implementation.name
    facts = "hermetic-facts %d %d %d %s %s\n" % (sys.version_info[:3] + (implementation, "-" if old else magic()))
    answer = facts.encode("ascii") + (b"" if old else compiled(path))
    while answer:
        answer = answer[os.write(1, answer) :]


def magic():
    from _frozen_importlib_external import MAGIC_NUMBER

    return "".join(["%02x" % byte for byte in bytearray(MAGIC_NUMBER)])


def compiled(path):
    import marshal

    with open(path, "rb") as file:
        payload = marshal.loads(file.read())
    return marshal.dumps(
        tuple((name, package, filename, compile(source, filename, "exec", 0, True)) for name, package, filename, source in payload)
    )


main(sys.argv[1])
