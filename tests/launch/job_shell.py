"""The smallest shell with job control. Runs one job in the foreground of its terminal.

    python job_shell.py COMMAND [ARGUMENT...]

Prints "[stopped SIGNAL]" and then obeys the lines `fg` and `bg`, or "[ended STATUS]" and exits. STATUS is what wait says: a
number, negative for a signal.
"""

import contextlib
import os
import signal
import sys


def main(command):
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # so that it may take the terminal back
    job = os.fork()
    if not job:
        become(command)
    with contextlib.suppress(PermissionError):  # it was quicker, and has executed its program already
        os.setpgid(job, job)
    os.tcsetpgrp(0, job)
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        os.tcsetpgrp(0, os.getpgrp())
        if not os.WIFSTOPPED(status):
            print(f"[ended {os.waitstatus_to_exitcode(status)}]", flush=True)
            return
        print(f"[stopped {os.WSTOPSIG(status)}]", flush=True)
        if input() == "fg":
            os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)


def become(command):
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execvp(command[0], command)


main(sys.argv[1:])
