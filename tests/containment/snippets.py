"""Runs pieces of Python, each in a child of its own: {name: source} as JSON in argv[1], with `base` as argv[2]. Prints how each ended, as JSON:
"done", or the exception.
"""

import json
import os
import subprocess  # noqa: F401, for the pieces
import sys
import tempfile  # noqa: F401


def main():
    json.dump({name: outcome(source) for name, source in json.loads(sys.argv[1]).items()}, sys.stdout)


def outcome(source):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(2, 1)
        os.write(write, ended(source).encode())
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return text or f"exit code {status}"


def ended(source):
    try:
        exec(source, {**globals(), "base": sys.argv[2]})
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "done"


if __name__ == "__main__":
    main()

WALK = """
import types
def walk(*todo):
    seen, todo = set(), list(todo)
    while todo:
        one = todo.pop()
        if id(one) in seen or len(seen) > 99999: continue
        seen.add(id(one)); yield one
        if isinstance(one, dict): todo += [*one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)): todo += [*one]
        elif isinstance(one, types.FunctionType): todo += [one.__closure__, one.__globals__, one.__defaults__, one.__kwdefaults__, one.__dict__]
        elif isinstance(one, types.CellType if hasattr(types, 'CellType') else type((lambda: one).__closure__[0])):
            try: todo.append(one.cell_contents)
            except ValueError: pass
        elif isinstance(one, types.MethodType): todo += [one.__self__, one.__func__]
        elif hasattr(one, '__wrapped__'): todo.append(one.__wrapped__)
        elif type(one).__module__.startswith('hermetic'):
            todo += [getattr(one, n, None) for n in dir(one)]
"""
