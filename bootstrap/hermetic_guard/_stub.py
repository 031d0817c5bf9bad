"""Runs the target as CPython would have run it, once the guards stand: python -S [flags] stub.py KIND [TARGET] [argument...]"""
# Staged as stub.py in the run directory, for interpreters and flags (-I, -E, -S) that the environment cannot reach. -S keeps site.py, and
# with it every .pth file, from running before the guards; it is handed on in sys.flags.no_site, which cannot be taken back: whoever
# builds a child's command line from sys.flags (subprocess._args_from_interpreter_flags) hands on the -S as well.
#
# KIND is "f" (a script, directory or zip file), "m" (module), "c" (code), "-" (standard input) or "i" (nothing was named); in upper case,
# "-S" for "-", when the user gave -S himself and site.py must not run at all. TARGET follows f, m and c.
#
# What CPython does after Py_Initialize() is Modules/main.c, pymain_run_python(); the functions below follow its order. The target gets a
# __main__ module of its own, so this one's names need not be hidden from it. What it can still see: one more frame at the bottom of the
# stack (no function called from Python can do without) and the modules that were imported for the guards.
#
# This file parses on Python 2.7, where start() refuses. Its first line is all docstring: under -x, CPython skips exactly that line.

import sys

SKIP_FIRST_LINE = __doc__ is None and sys.flags.optimize < 2


def start_guards():
    """Call start() of the startup file beside this one. It comes back when the guards stand; nothing else ends in running the target.

    The file is compiled from its source and not imported: no finder, no __pycache__, no name in sys.modules. Leaving by os._exit, as no
    exception may reach CPython: under -i it would answer with a prompt.
    """
    try:
        if not safe_path():
            del sys.path[0]  # the run directory: CPython took it for the script's
        path = __file__.rpartition("/")[0] + "/sitecustomize.py"
        namespace = {"__name__": "hermetic_guard._startup", "__file__": path}
        eval(compile(read(path), path, "exec", 0, True), namespace)
        namespace["start"]("stub")
    except BaseException as error:
        import os

        os.write(2, ("hermetic: the guards cannot be put in place: %s: %s\n" % (type(error).__name__, error)).encode("utf-8", "replace"))
        os._exit(125)


def prepare(argv):
    """Make everything as the target expects it. Returns [arguments, function]: the call that runs it."""
    kind, words = argv[1], argv[2:]
    restore_orig_argv(kind, words)
    sys.path_importer_cache.pop(__file__, None)  # CPython looked whether this is a directory or an archive
    if kind in ("f", "m", "c", "-", "i"):
        restore_no_site(0)
        run_site()
    else:
        restore_no_site(1)
    sys.modules["__main__"] = new_main()
    sys.argv[:] = words
    return {"f": run_file, "m": run_module, "c": run_code, "-": run_stdin, "i": run_nothing}[kind[0].lower()]()


def restore_orig_argv(kind, words):
    """sys.orig_argv (3.10) as the user wrote it, except that clustered options (-Ic CODE) come apart (-I -c CODE)."""
    if not hasattr(sys, "orig_argv"):
        return
    flags = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv)]
    del flags[1]  # our -S
    sys.orig_argv[:] = flags + {"m": ["-m"], "c": ["-c"], "-": ["-"]}.get(kind[0].lower(), []) + words


def restore_no_site(value):
    """sys.flags.no_site as the user has it. It is more than an ornament: subprocess._args_from_interpreter_flags hands -S on to the children
    of multiprocessing, and 3.15 explains a failed import by it."""
    if sys.flags.no_site == value:
        return
    kind, names = type(sys.flags), flag_names()
    values = [value if name == "no_site" else getattr(sys.flags, name) for name in names]
    if hasattr(sys.flags, "__replace__"):  # 3.13
        sys.flags = sys.flags.__replace__(no_site=value)
    elif on_pypy():
        sys.flags = kind(values)
    else:  # CPython lets nobody make another one
        sys.flags = lookalike(names)(values)


def flag_names():
    """The names of sys.flags' items, in order."""
    return [word.partition("=")[0] for word in repr(sys.flags).partition("(")[2].split(", ")]


def lookalike(names):
    """A class like that of sys.flags."""

    def represent(flags):
        return "sys.flags(%s)" % ", ".join("%s=%r" % item for item in zip(names, flags))

    contents = {name: property(lambda flags, index=index: flags[index]) for index, name in enumerate(names)}
    count = {"n_fields": len(names), "n_sequence_fields": len(names), "n_unnamed_fields": 0}
    return type("flags", (tuple,), dict(contents, __module__="sys", __slots__=(), __repr__=represent, **count))


def run_site():
    """Import site, which is all that CPython does without -S: the module, or the user's own of that name, does the rest by itself."""
    there = sys.modules.get("site")
    import site

    if there:  # imported for the guards, while sys.flags.no_site was still set
        site.main()


def new_main():
    """A __main__ module as CPython makes it before it knows of any script."""
    main = type(sys)("__main__")
    main.__loader__ = sys.__loader__
    for name, value in list(globals().items()):
        if name == "__annotations__":  # until 3.13
            main.__annotations__ = {}
        elif name == "__builtins__":
            main.__builtins__ = value
    return main


def safe_path():
    """True when neither the script's directory nor '' is put in front of sys.path: under -P and PYTHONSAFEPATH (3.11), and under -I."""
    return getattr(sys.flags, "safe_path", getattr(sys.flags, "isolated", False))


def put_in_front(directory):
    if not safe_path():
        sys.path.insert(0, directory)


def run_file():
    import os

    script = path = sys.argv[0]
    if sys.version_info >= (3, 9):
        path = absolute(script)
    if has_importer(path):  # a directory or a zip file, with a __main__.py one hopes
        sys.path.insert(0, path)
        return call_runpy("__main__", False)
    real = os.path.realpath(script)
    put_in_front(os.path.dirname(real if os.path.exists(real) else script))  # /dev/fd/63 is a link to "pipe:[4711]", which is nowhere
    audit("cpython.run_file", path)
    try:
        source = read(path)
    except (IOError, OSError) as error:
        cannot_open(path, error)
    enter_script(path, compiled=is_compiled(path, source))
    return [(load(path, source), vars(sys.modules["__main__"])), eval]


def absolute(script):
    """The path as 3.9 and later make it absolute: not normalised (_Py_abspath)."""
    import os

    try:
        return script if os.path.isabs(script) else os.getcwd() + "/" + script
    except OSError:  # the working directory is gone
        return script


def has_importer(path):
    """True when one of sys.path_hooks takes the path for a directory or an archive (PyImport_GetImporter)."""
    if path not in sys.path_importer_cache:
        sys.path_importer_cache[path] = None
        for hook in sys.path_hooks:
            try:
                sys.path_importer_cache[path] = hook(path)
                break
            except ImportError:
                pass
    return sys.path_importer_cache[path] is not None


def cannot_open(path, error):
    """Say so and exit in CPython's words, or PyPy's."""
    program = getattr(sys, "orig_argv", [sys.executable])[0]
    name, code = (path, error.errno) if on_pypy() else ("'%s'" % path, 2)
    sys.stderr.write("%s: can't open file %s: [Errno %d] %s\n" % (program, name, error.errno, error.strerror))
    raise SystemExit(code)


def enter_script(path, compiled=False):
    """Give __main__ what it has while a script runs. CPython gave it to this very script, so what there is to give can be read there."""
    main = sys.modules["__main__"]
    main.__file__ = path
    if "__cached__" in globals():  # until 3.14
        main.__cached__ = None
    if path != "<stdin>":
        import _frozen_importlib_external as loaders

        main.__loader__ = (loaders.SourcelessFileLoader if compiled else loaders.SourceFileLoader)("__main__", path)


def is_compiled(path, content):
    """True for a .pyc file, told by its name or its magic number (maybe_pyc_file)."""
    import _frozen_importlib_external as loaders

    return path.endswith(".pyc") or content[:2] == loaders.MAGIC_NUMBER[:2]


def load(path, content):
    """The code object of a script's content."""
    import _frozen_importlib_external as loaders

    if not is_compiled(path, content):
        if SKIP_FIRST_LINE:
            content = content[content.find(b"\n") :] if b"\n" in content else b""
        return compile(content, path, "exec", 0, True)
    if content[:4] != loaders.MAGIC_NUMBER:
        raise RuntimeError("Bad magic number in .pyc file")
    import marshal

    code = marshal.loads(content[16 if sys.version_info >= (3, 7) else 12 :])
    if not isinstance(code, type(load.__code__)):
        raise RuntimeError("Bad code object in .pyc file")
    return code


def run_module():
    import os

    try:
        put_in_front(os.getcwd() if sys.version_info >= (3, 7) else "")
    except OSError:
        pass  # the working directory is gone: nothing is put in front
    name, sys.argv[0] = sys.argv[0], "-m"
    return call_runpy(name, True)


def call_runpy(name, alter_argv):
    audit("cpython.run_module", name)
    import runpy

    return [(name, alter_argv), runpy._run_module_as_main]


def run_code():
    put_in_front("")
    source, sys.argv[0] = sys.argv[0], "-c"
    audit("cpython.run_command", source)
    if sys.version_info >= (3, 14):
        source = dedent(source)
    try:
        encoded = source.encode()
    except UnicodeEncodeError:  # a word that is not in the locale's encoding
        sys.stderr.write("Unable to decode the command from the command line:\n")
        raise
    code = compile(source if sys.version_info >= (3, 10) else encoded, "<string>", "exec", 0, True)  # of old, a coding cookie counts
    if sys.version_info >= (3, 13):
        import linecache

        linecache._register_code(code, source, "<string>")
    return [(code, vars(sys.modules["__main__"])), eval]


def dedent(source):
    """The code without the indentation its lines have in common, as -c takes it since 3.14; textwrap would import re."""
    lines = source.split("\n")
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip(" \t")]
    if not indents:
        return source
    low, high = min(indents), max(indents)
    common = next((index for index, char in enumerate(low) if char != high[index]), len(low))
    return "\n".join(line[common:] if line.strip(" \t") else "" for line in lines)


def run_nothing():
    sys.argv[:] = [""]
    return run_stdin(dash=[])


def run_stdin(dash=("-",)):
    sys.argv[:0] = dash
    if is_interactive():
        return run_prompt()
    put_in_front("")
    audit("cpython.run_stdin")
    source = read_stdin()
    enter_script("<stdin>")
    return [(compile(source, "<stdin>", "exec", 0, True), vars(sys.modules["__main__"])), eval]


def is_interactive():
    import os

    return bool(sys.flags.interactive) or os.isatty(0)


def run_prompt():
    raise NotImplementedError


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_stdin():
    """All of standard input, past sys.stdin, which keeps its buffer to itself. A closed one is an empty one."""
    try:
        with open(0, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return b""


def audit(*event):
    """Raise the event CPython raises here (3.8), for hooks that the user's sitecustomize has set."""
    if hasattr(sys, "audit"):
        sys.audit(*event)


def on_pypy():
    return sys.implementation.name == "pypy"


def end(kind):
    """Take __file__ and __cached__ away again, as CPython does when a script has ended; until 3.13 not before its exception was shown."""
    main = vars(sys.modules.get("__main__", sys))
    if kind in ("f", "F", "-", "-S") and main.get("__spec__") is None:
        main.pop("__file__", None)
        main.pop("__cached__", None)


def cut_traceback(kind, error):
    """See to it that the traceback of what is leaving begins where the target does.

    Each frame that an exception passes adds itself, so ours can only be taken off when none is left: when CPython, or PyPy, calls
    sys.excepthook. SystemExit gets there under -i only.
    """
    theirs = getattr(sys, "excepthook", None)
    if theirs is None or isinstance(error, SystemExit) and not sys.flags.inspect:
        return

    def excepthook(type, value, traceback):
        sys.excepthook = theirs
        while traceback is not None and traceback.tb_frame.f_globals is globals():
            traceback = traceback.tb_next
        sys.last_traceback = traceback
        try:
            theirs(type, value.with_traceback(traceback), traceback)
        except Exception as error:  # CPython's words; left to it, the traceback would begin with this very frame
            sys.stderr.write("Error in sys.excepthook:\n")
            sys.__excepthook__(error.__class__, error.with_traceback(error.__traceback__.tb_next), None)
            sys.stderr.write("\nOriginal exception was:\n")
            sys.__excepthook__(type, value, traceback)
        end(kind)

    sys.excepthook = excepthook


if __name__ == "__main__":
    start_guards()
    kind = sys.argv[1]
    try:
        call = prepare(sys.argv)
        call.pop()(*call.pop())  # nothing here holds on to the target's namespace: it goes at exit when it would have gone
    except BaseException as error:
        if sys.version_info >= (3, 14):
            end(kind)
        cut_traceback(kind, error)
        raise
    end(kind)
