"""Hands the stub over open, where a prompt may follow: python -E -S reopen.py STUB WORD...

Under -i and PYTHONINSPECT the interpreter answers with a prompt also when it cannot open the script it was given, so a run directory that is
gone would leave the user an unguarded one. Here nothing follows a failure, and what is open cannot go away: the interpreter is executed again
with the WORDs, in which STUB becomes /proc/self/fd/N. It is the one that runs, whatever argv[0] says, which sys.executable is made from. Staged
as reopen.py. Must parse on Python 2.7.
"""

import sys


def main(stub, words):
    del sys.path[0]  # the run directory
    import os

    try:
        with open("/proc/self/cmdline", "rb") as file:
            name = file.read().partition(b"\0")[0]
        with open("/proc/self/environ", "rb") as file:  # in the C locale os.environ has got an LC_CTYPE since (PEP 538)
            environment = dict(item.partition(b"=")[::2] for item in file.read().split(b"\0") if item)
        descriptor = os.open(stub, os.O_RDONLY)
        if hasattr(os, "set_inheritable"):
            os.set_inheritable(descriptor, True)
        words[words.index(stub)] = "/proc/self/fd/%d" % descriptor
        os.execve("/proc/self/exe", [name] + words, environment)
    except BaseException as error:
        why = "the guards could not be put in place: %s: %s" % (type(error).__name__, error)
        os.write(2, ("hermetic: %s; nothing was run\n" % why).encode("utf-8", "replace"))
        os._exit(125)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
