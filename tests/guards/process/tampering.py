"""Code that means the guard itself."""

from __future__ import annotations

from guards.attempts import refused

LEADS_TO = """
def lead_to(*starts):
    seen, todo, found = set(), list(starts), []
    while todo:
        one = todo.pop()
        if id(one) in seen: continue
        seen.add(id(one))
        found.append(one)
        if isinstance(one, dict): todo += list(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)): todo += list(one)
        elif type(one).__name__ == 'function':
            todo += [one.__closure__ or (), one.__defaults__ or (), one.__kwdefaults__ or ()]
            if (one.__module__ or '').startswith('hermetic') or '<hermetic>' in getattr(one.__code__, 'co_filename', ''): todo.append(one.__globals__)
        elif type(one).__name__ == 'cell':
            try: todo.append(one.cell_contents)
            except ValueError: pass
        elif type(one).__name__ == 'method': todo += [one.__self__, one.__func__]
        elif type(one).__module__.startswith('hermetic'):
            todo += [getattr(one, name) for name in getattr(type(one), '__slots__', ())] + list(getattr(one, '__dict__', {}).values())
    return found
import _imp, _posixsubprocess
REPLACED = [_posixsubprocess.fork_exec, os.execve, os.execv, os.system, os.fork, os.sysconf, os.putenv, _imp.create_builtin, _imp.create_dynamic]
REPLACED += [os.posix_spawn] if hasattr(os, 'posix_spawn') else []
"""
ORIGINAL = "originals = {one.__name__: one for one in lead_to(*REPLACED) if type(one).__name__.startswith('builtin_function')}\n"
CALLS = {
    "fork_exec": "fork_exec(touch, [TOUCH.encode()], function=originals.get('fork_exec', _posixsubprocess.fork_exec))",
    "execve": "originals.get('execve', os.execve)(TOUCH, touch, {})",
    "system": "originals.get('system', os.system)(' '.join(touch))",
    "fork": "if not originals.get('fork', os.fork)():\n    open(marker, 'w').close()\n    os._exit(0)\nos.wait()",
}

CREATE = (
    LEADS_TO
    + """
from importlib.machinery import ModuleSpec
create = [one for one in lead_to(_imp.create_builtin) if type(one).__name__.startswith('builtin_function') and one.__name__ == 'create_builtin'][0]
"""
)
AGAIN = (
    CREATE
    + """
module = create(ModuleSpec('posix', None))
if not module.fork():
    open(marker, 'w').close()
    os._exit(0)
os.wait()
"""
)
"""A hole where there are no audit events."""

ORIGINALS = [refused(f"the original of {name}", LEADS_TO + ORIGINAL + call, None, ("none",)) for name, call in CALLS.items()] + [
    refused("posix, loaded again by an original", AGAIN, None, ("none",), since=(3, 8), pypy=False, safer=True),
    refused(
        "_posixsubprocess, where it is built in, loaded again by an original",
        CREATE + "fork_exec(touch, [TOUCH.encode()], function=create(ModuleSpec('_posixsubprocess', None)).fork_exec)",
        None,
        ("none",),
        since=(3, 14),
        safer=True,
    ),
]

REACHING = [
    refused(
        "everything the replacements lead to",
        LEADS_TO
        + """
found = [one for one in lead_to(*REPLACED) if type(one).__name__ in ('Enforcer', 'Scopes', 'Policy', 'Subprocess', 'Ledger', 'Channel')]
assert not found, found
subprocess.call(touch)
""",
        "start({TOUCH})",
        ("none", "true"),
        since=(3, 8),
        pypy=False,
    ),
    refused(
        "frames of a refusal",
        LEADS_TO
        + """
def climb(call, *arguments):
    caught = None
    try: call(*arguments)
    except OSError as error: caught = error
    frames = []
    while caught is not None:
        traceback = caught.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename != '<row>': frames += [traceback.tb_frame.f_globals, dict(traceback.tb_frame.f_locals)]
            traceback = traceback.tb_next
        caught = caught.__context__
    found = [one for one in lead_to(*frames) if type(one).__name__ in ('Enforcer', 'Scopes', 'Policy', 'Subprocess', 'Ledger', 'Channel')]
    assert not found, found
climb(subprocess.call, touch)
climb(os.system, 'x')
climb(os.execv, TOUCH, touch)
subprocess.call(touch)
""",
        "start({TOUCH})",
        ("none",),
        since=(3, 8),
        pypy=False,
    ),
    refused(
        "events of its own",
        """
        answer = []
        for words in ((answer, 'start', 'x', TRUE), (answer, 'fork', 'x'), (answer,), (answer, 1, 2), (), (answer, Liar('start'), 'x', Liar(TOUCH))):
            for event in ('hermetic.process', 'hermetic.process.allows'):
                refused(sys.audit, event, *words)
        subprocess.call(touch)
        """,
        "start({TOUCH})",
        ("none", "true"),
        since=(3, 8),
    ),
    refused(
        "another hook",
        "sys.addaudithook(lambda event, arguments: [item.append(True) for item in arguments if item == []])\nsubprocess.call(touch)",
        "start({TOUCH})",
        ("none", "true"),
        since=(3, 8),
    ),
    refused(
        "what the guard looks up",
        """
        import posixpath
        posixpath.realpath = os.path.realpath = lambda path: TRUE
        os.stat = os.lstat = os.readlink = lambda *_, **__: None
        refused(os.execv, TOUCH, touch)
        fork_exec(touch, [TOUCH.encode()])
        """,
        "start(",
        ("true",),
    ),
]

HOLES = {
    "the original of fork_exec, where another program may be started": (
        LEADS_TO + ORIGINAL + CALLS["fork_exec"],
        ("3.6", "3.13", "pypy3.9"),
    ),
    "the original of execve, where another program may be started": (
        LEADS_TO + ORIGINAL + "if not os.fork():\n    " + CALLS["execve"] + "\nos.wait()",
        ("3.6", "3.13", "pypy3.9"),
    ),
}
"""Under the policy `true`; see the README, What the Python layer cannot stop."""
