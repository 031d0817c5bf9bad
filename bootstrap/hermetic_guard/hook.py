"""The audit hook (PEP 578): the veto that cannot be taken out again.

CPython calls it for every event with the arguments of the operation; a handler that raises stops the operation. Handlers come from the
guards; an event without one costs a dict look-up. A hook added in Python does not see events of sub-interpreters (guards/integrity.py refuses
to make those), and hooks are dropped at shutdown while objects still live, see `at_clear`.
"""

import sys


def install(handlers):
    """Add the hook for `handlers`, a dict of event name to function of the event's arguments. It cannot be undone."""
    find = dict(handlers).get

    def hook(event, arguments):
        handler = find(event)
        if handler is not None:
            handler(*arguments)

    sys.addaudithook(hook)


def at_clear():
    """The handler for `cpython.PyInterpreterState_Clear`, the last event a hook gets.

    What `codecs.register_error` or `os.register_at_fork` hold is released after it, and a `__del__` of such an object runs without any hook
    (3.8-3.13). With a hard limit of no descriptors at all it can open nothing any more, neither file nor socket nor pipe to a process.
    """
    import resource

    setrlimit, nofile, none = resource.setrlimit, resource.RLIMIT_NOFILE, (0, 0)

    def clear(*_):
        setrlimit(nofile, none)

    return clear
