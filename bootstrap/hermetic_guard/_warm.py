"""A warm interpreter: started and guarded ahead of need, it forks for each code that is to be run, and never runs any itself. Staged as warm.py.

It talks with the launcher over descriptor 0, in marshal with the length in front. What a fork is not to be able to do (start processes, signal this
interpreter, look into it) is laid on by the fork itself before it runs anything; the launcher has laid all else on the whole run. If the
fork cannot, it ends, and tells why over a pipe that it has no more when it can. What code is run, and what that reads, the interpreter never has.
"""

import marshal
import os
import sys

HEAD = 8
EXIT = 125
LONGEST = 4000
READY = b"confined"
CODE = []  # type: list[int]
"""That of a fork which has come to its end."""


def serve(prepare_code):
    """Returns in forks alone: what prepare_code says of the code that came."""
    import atexit

    atexit.register(leave, frozenset(sys.modules))  # as the first, which is called last
    setup = receive()
    for name in setup["preload"]:
        __import__(name)
    confine = make_confine(setup)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    freeze()
    answer(("warm",))
    while True:
        receive()  # that something is to be run; what it is none but the fork is told
        request = fork(confine)
        if request is not None:
            sys.argv[:] = ["-c"]
            if hasattr(sys, "orig_argv"):  # novm
                sys.orig_argv[1:] = ["-c", request["source"]]
            return [(prepare_code(request["source"]),), run]


def run(call):
    """Run it, and know what comes of it."""
    try:
        call.pop()(*call.pop())
    except SystemExit as error:
        know(0 if error.code is None else error.code if type(error.code) is int else 1)
        raise
    except KeyboardInterrupt:
        raise  # which ends a process by a signal
    except BaseException:
        know(1)
        raise
    know(0)


def know(code):
    CODE.append(code & 0xFF)


def leave(known):
    """The end of a fork, after all that `atexit` calls. What the code has made is released, so that files are written and `__del__` is called. To
    take the interpreter apart as well would be to copy every page of it first: that takes three times as long as all the rest.
    """
    if not CODE:
        return
    import gc

    release(vars(sys.modules["__main__"]) if "__main__" in sys.modules else {})
    for name in [name for name in sys.modules if name not in known]:
        sys.modules.pop(name, None)
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(CODE[0])


def release(namespace):
    """As _PyModule_ClearDict() does (Objects/moduleobject.c): what `__del__` needs is there as long as anything is."""
    for private in (True, False):
        for name in list(namespace):
            if name != "__builtins__" and (name[:1] == "_" and name[:2] != "__") is private:
                namespace[name] = None


def freeze():
    """What is there now stays; a collection in a fork would copy every page of it."""
    import gc

    gc.collect()
    put_aside()


def put_aside():
    """Out of the collector's sight; in a fork that is the policy that holds there, which the code could change if it were shown that."""
    import gc

    if hasattr(gc, "freeze"):
        gc.freeze()  # novm


def fork(confine):
    """In the fork, what it is to run; None in the interpreter, once the fork has ended.

    The fork takes that from the launcher itself, so nothing of it is left in the memory that the next one begins with. Meanwhile this waits.
    """
    told, telling = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(told)
        os.close(telling)
        answer(("failed", "no process can be forked: %s" % error.strerror))
        return None
    if not pid:
        os.close(told)
        return become(telling, confine)
    os.close(telling)
    answer(("forked", pid))
    said = read_all(told)
    os.close(told)
    _, status, used = os.wait4(pid, 0)
    if said == READY:
        answer(("ended", status, int((used.ru_utime + used.ru_stime) * 1e6), used.ru_maxrss))
    else:
        answer(("failed", said.decode("utf-8", "replace") or "a fork ended before it was confined"))
    return None


def become(telling, confine):
    """In the fork: what it is to be before it runs anything."""
    try:
        request = receive()
        stand_in(request["input"])
        seed()
        confine(request["limits"])
        put_aside()
        os.write(telling, READY)
        os.close(telling)
        return request
    except BaseException as error:
        os.write(telling, ("%s: %s" % (type(error).__name__, error)).encode("utf-8", "replace")[:LONGEST])
        os._exit(EXIT)


def stand_in(content):
    """Standard input, in the place of the way to the launcher."""
    if content:
        stream = os.memfd_create("input")  # novm
        view = memoryview(content)
        while view:
            view = view[os.write(stream, view) :]
        os.lseek(stream, 0, os.SEEK_SET)
    else:
        stream = os.open(os.devnull, os.O_RDONLY)
    os.dup2(stream, 0)
    os.close(stream)


def seed():
    """Random numbers that nobody else gets. `random` sees to itself (os.register_at_fork)."""
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()


def make_confine(setup):
    """A function that lays on this process what is in force for a fork alone. It takes the limits, as pairs of a resource and a number.

    setup: landlock, the attributes of a ruleset, and filter, a program for seccomp; calls: the numbers of system calls; policy: serialized
    """
    import ctypes
    import resource

    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    calls, attributes, program = setup["calls"], setup["landlock"], ctypes.create_string_buffer(setup["filter"], len(setup["filter"]))
    described = (len(setup["filter"]) // 8).to_bytes(8, "little") + ctypes.addressof(program).to_bytes(8, "little")
    number, pointer, get_errno = ctypes.c_long, ctypes.c_char_p, ctypes.get_errno

    def call(name, *arguments):
        result = function(number(calls[name]), *[pointer(word) if isinstance(word, bytes) else number(word) for word in arguments])
        if result == -1:
            raise OSError(get_errno(), os.strerror(get_errno()), name)
        return result

    def confine(limits):
        for which, value in limits:
            value = smaller(value, resource.getrlimit(which)[1], resource.RLIM_INFINITY)
            resource.setrlimit(which, (value, value))
        domain = call("landlock_create_ruleset", attributes, len(attributes), 0)
        call("landlock_restrict_self", domain, 0)
        os.close(domain)
        call("seccomp", 1, 0, described)
        sys.audit("hermetic.narrow", setup["policy"])  # novm

    confine.program = program  # type: ignore[attr-defined]  # as long as there is somebody who hands it to the kernel
    return confine


def smaller(value, hard, infinity):
    return value if hard == infinity else min(value, hard)


def receive():
    """The next message. The end of this process where the launcher is gone."""
    return marshal.loads(exactly(int.from_bytes(exactly(HEAD), "little")))


def exactly(size):
    found = []
    while size:
        piece = os.read(0, min(size, 1 << 20))
        if not piece:
            os._exit(0)
        found.append(piece)
        size -= len(piece)
    return b"".join(found)


def answer(message):
    content = marshal.dumps(message, 2)
    content = len(content).to_bytes(HEAD, "little") + content
    while content:
        content = content[os.write(0, content) :]


def read_all(descriptor):
    return b"".join(iter(lambda: os.read(descriptor, 4096), b""))
