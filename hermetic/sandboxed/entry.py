"""The launcher of a run that a program asks for, started by path: python -I -S entry.py DESCRIPTOR

Like the `hermetic` command it finds its own packages without site, so nothing of an environment runs before it is in place.
"""

import os
import sys


def start() -> None:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.append(root)
    if os.path.isdir(f"{root}/bootstrap/hermetic_guard"):
        sys.path.append(f"{root}/bootstrap")
    from hermetic.sandboxed.launcher import program

    program(int(sys.argv[1]))


if __name__ == "__main__":
    start()
