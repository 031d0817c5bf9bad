"""Runs the target as CPython would, once the guards stand: python -S [flags] STUB KIND [TARGET] [argument...]"""
# Staged in the run directory, see injection.STUB, for flags (-I, -E, -S) and interpreters that the environment cannot reach. The -S in front
# keeps site, and with it every .pth file, from running before the guards.
#
# KIND is "f" (a script, a directory or an archive), "m" (module), "c" (code), "-" (standard input by name) or "i" (nothing was named). In
# upper case, "-S" for "-", it says that the user gave -S himself: then site must not run at all. f, m and c have a TARGET. "w" is none of these:
# an interpreter that is started ahead, see _warm.py.
#
# What CPython does once it is initialized stands in Modules/main.c, pymain_run_python(); the same is done here, in the same order. The
# target gets a __main__ of its own, so nothing of this one has to be hidden from it. What it can still see: one more frame at the bottom
# of its stack, for only C can call it without one, and the modules that the guards have imported.
#
# Must parse on Python 2.7, where start() refuses. The docstring is one line as CPython skips the first one under -x.

import sys

SELF = __file__
HERE = ""  # the run directory
FIRST_LINE_SKIPPED = __doc__ is None and sys.flags.optimize < 2


def start_guards():
    """Call start() of the startup file. It comes back when the guards stand; in no other way does anything run.

    The file is compiled from its source, not imported: that takes no finder, no __pycache__ and no name in sys.modules. An exception must
    not leave this file, for under -i CPython would answer with an unguarded prompt.

    Returns the prompt's file, if there is to be a prompt, or that of an interpreter that waits for code. It is read now: later the run directory
    belongs to the guards.
    """
    try:
        lazily = sys.get_lazy_imports() if hasattr(sys, "get_lazy_imports") else None  # novm
        if lazily is not None:
            # The guards have to have what they import.
            sys.set_lazy_imports("normal")  # novm
        if not safe_path():
            sys.path_importer_cache.pop(sys.path.pop(0), None)  # the run directory, as the directory of the script
        find_run_directory()
        prompt = load_beside("prompt.py", "hermetic_guard._prompt") if wants_prompt(sys.argv[1]) else None
        if sys.argv[1] == "w":
            prompt = load_beside("warm.py", "hermetic_guard._warm")
        load_beside("sitecustomize.py", "hermetic_guard._startup")["start"]("stub")
        if lazily is not None:
            sys.set_lazy_imports(lazily)  # novm
        return prompt
    except BaseException as error:
        import os

        why = "the guards could not be put in place: %s: %s" % (type(error).__name__, error)
        os.write(2, ("hermetic: %s; nothing was run\n" % why).encode("utf-8", "replace"))
        os._exit(125)


def find_run_directory():
    """reopen.py hands this file over open, and names its descriptor."""
    global HERE
    import os

    path, descriptor = SELF, SELF.rpartition("/proc/self/fd/")[2]
    if descriptor != path:
        path = os.readlink(path)  # where it was, if it is gone
        os.close(int(descriptor))
    HERE = path.rpartition("/")[0] + "/"


def load_beside(file, name):
    """Run another file of the run directory and return its namespace."""
    path = HERE + file
    namespace = {"__name__": name, "__file__": path}
    eval(compile(read(path), path, "exec", 0, True), namespace)
    return namespace


def wants_prompt(kind):
    """Whether standard input is to be talked to. The prompt is a file of its own as most starts do without it, and it takes time to compile."""
    import os

    return kind in ("i", "I", "-", "-S") and (sys.flags.interactive or os.isatty(0))


def prepare(kind, words, prompt):
    """Make everything as the target expects it. Returns [arguments, function]: the call that runs it."""
    runners = {"f": prepare_file, "m": prepare_module, "c": prepare_code, "-": prepare_stdin, "i": prepare_stdin, "w": prepare_warm}
    no_site, kind = kind[-1] in "FMCSI", kind[0].lower()
    target = words.pop(0) if kind in "fmc" else prompt
    restore_argv(kind, target, words)
    restore_no_site(int(no_site))
    sys.path_importer_cache.pop(__file__, None)  # CPython has looked whether the stub is an archive
    sys.modules["__main__"] = new_main()
    if not no_site:
        run_site()
    return runners[kind](target)


def restore_argv(kind, target, rest):
    """Make sys.argv, and since 3.10 sys.orig_argv, what they are before the target is found. -Ic is told apart there: -I -c."""
    option = {"m": ["-m"], "c": ["-c"], "-": ["-"]}.get(kind, [])
    named = [target] if kind in "fmc" else []
    if hasattr(sys, "orig_argv"):  # novm
        stop = len(sys.orig_argv) - len(sys.argv)  # there the stub stands
        sys.orig_argv[1:] = sys.orig_argv[2:stop] + option + named + rest  # [1] is our -S
    sys.argv[:] = (option or named or [""]) + rest


def restore_no_site(value):
    """Make sys.flags.no_site what the user has asked for.

    It is read: subprocess._args_from_interpreter_flags() hands -S on to the children of multiprocessing by it, a module run by -m may be
    site itself, and since 3.15 the message of a failed import speaks of it.
    """
    if sys.flags.no_site == value:
        return
    if hasattr(sys.flags, "__replace__"):  # 3.13
        sys.flags = sys.flags.__replace__(no_site=value)
        return
    names = [item.partition("=")[0] for item in repr(sys.flags).partition("(")[2].split(", ")]
    values = [value if name == "no_site" else getattr(sys.flags, name) for name in names]
    sys.flags = (type(sys.flags) if on_pypy() else lookalike(names))(values)


def lookalike(names):
    """A class like that of sys.flags, of which CPython until 3.12 lets nobody make another instance."""

    def represent(flags):
        return "sys.flags(%s)" % ", ".join(["%s=%r" % item for item in zip(names, flags)])

    content = {name: property(lambda flags, index=index: flags[index]) for index, name in enumerate(names)}
    content.update(n_fields=len(names), n_sequence_fields=len(names), n_unnamed_fields=0)
    content.update(__module__="sys", __slots__=(), __repr__=represent)
    return type("flags", (tuple,), content)


def run_site():
    """Import site, as CPython does without -S: the module, or one of a user that goes by its name, does the rest."""
    known = "site" in sys.modules
    import site

    if known:  # it was imported for the guards and, as sys.flags.no_site was set, did nothing
        site.main()


def new_main():
    """A __main__ as CPython makes it before it knows of a script."""
    main = type(sys)("__main__")
    main.__loader__ = sys.__loader__
    given = ("__annotations__", "__builtins__")  # in the order of the original, which is not PyPy's; the first until 3.13
    vars(main).update([item for item in globals().items() if item[0] in given])
    return main


def safe_path():
    """True when nothing is put in front of sys.path: under -I, and since 3.11 under -P and PYTHONSAFEPATH."""
    return getattr(sys.flags, "safe_path", getattr(sys.flags, "isolated", False))


def put_in_front(directory):
    if not safe_path():
        sys.path.insert(0, directory)


def prepare_file(script):

    path = absolute(script) if sys.version_info >= (3, 9) else script
    if has_importer(path):
        sys.path.insert(0, path)
        return call_runpy("__main__", False)
    put_in_front(directory_of(script))
    audit("cpython.run_file", path)
    return call_script(path, read_script(path))


def absolute(script):
    """The path as 3.9 and later make it absolute: as it is (_Py_abspath), but normalised by PyPy."""
    import os

    try:
        return os.path.abspath(script) if on_pypy() else os.path.join(os.getcwd(), script)
    except OSError:  # the working directory is gone
        return script


def directory_of(script):
    """The directory that is searched for modules: where the script really is (_PyPathConfig_ComputeSysPath0)."""
    import os

    real = os.path.realpath(script)
    if not os.path.exists(real):  # /dev/fd/63, say, is a link to "pipe:[4711]", which is nowhere
        link = os.readlink(script) if os.path.islink(script) else ""
        real = link if "/" in link else script
    return os.path.dirname(real)


def has_importer(path):
    """Whether one of sys.path_hooks takes the path for a directory or an archive (PyImport_GetImporter)."""
    cache = {} if on_pypy() else sys.path_importer_cache
    if path not in cache:
        cache[path] = None
        for hook in sys.path_hooks:
            try:
                cache[path] = hook(path)
                break
            except ImportError:
                pass
    return cache[path] is not None


def read_script(path):
    """The content of the script. One that cannot be opened ends the process in CPython's words, or PyPy's."""
    try:
        return read(path)
    except (IOError, OSError) as error:
        program = getattr(sys, "orig_argv", [sys.executable])[0]
        name, code = (path, error.errno) if on_pypy() else ("'%s'" % path, 2)
        sys.stderr.write("%s: can't open file %s: [Errno %d] %s\n" % (program, name, error.errno, error.strerror))
        raise SystemExit(code)


def call_script(path, content):
    """The call that runs the content of a script, source or bytecode, in __main__."""
    import _frozen_importlib_external as importers

    if path.endswith(".pyc") or content[:2] == importers.MAGIC_NUMBER[:2]:  # maybe_pyc_file()
        enter_script(path, importers.SourcelessFileLoader)
        if content[:4] != importers.MAGIC_NUMBER:
            raise RuntimeError("Bad magic number in .pyc file")
        import marshal

        code = marshal.loads(content[16 if sys.version_info >= (3, 7) else 12 :])
    else:
        enter_script(path, importers.SourceFileLoader)
        if FIRST_LINE_SKIPPED:
            content = b"\n" + content.partition(b"\n")[2]
        code = compile(content, path, "exec", 0, True)
    return [(code, vars(sys.modules["__main__"])), eval]


def enter_script(path, loader=None):
    """Give __main__ the names that it has while a script runs."""
    main = sys.modules["__main__"]
    main.__file__ = path
    if "__cached__" in globals():  # until 3.14
        main.__cached__ = None
    if loader:
        main.__loader__ = loader("__main__", path)


def leave_script():
    """Take away the names that it has only while a script runs."""
    main = vars(sys.modules.get("__main__", sys))
    main.pop("__file__", None)
    if sys.version_info >= (3, 8):
        main.pop("__cached__", None)


def prepare_module(name):
    import os

    try:
        put_in_front(os.getcwd() if sys.version_info >= (3, 7) else "")
    except OSError:
        pass  # the working directory is gone
    return call_runpy(name, True)


def call_runpy(name, alter_argv):
    audit("cpython.run_module", name)
    import runpy

    return [(name, alter_argv), runpy._run_module_as_main]


def prepare_code(source):
    put_in_front("")
    source += "\n"
    audit("cpython.run_command", source)
    if sys.version_info >= (3, 14):
        source = dedent(source)
    if sys.version_info < (3, 10):
        source = source.encode("utf-8")  # in bytes, a coding cookie is heeded
    code = compile(source, "<string>", "exec", 0, True)
    if sys.version_info >= (3, 13):  # tracebacks show the lines; 3.13.0 finds them by the name of the file
        import linecache

        linecache._register_code(code if hasattr(linecache, "_interactive_cache") else "<string>", source, "<string>")
    return [(code, vars(sys.modules["__main__"])), eval]


def prepare_warm(warm):
    """In a process that was forked off, whenever code is to be run: how to run that. The interpreter itself does not come back."""
    return warm["serve"](prepare_code)


def dedent(source):
    """The code without the margin that its lines have in common (_PyUnicode_Dedent); textwrap would import re."""
    lines = source.split("\n")
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line.strip(" \t")]
    least, most = (min(margins), max(margins)) if margins else ("", "")
    width = 0
    while width < len(least) and least[width] == most[width]:
        width += 1
    return "\n".join([line[width:] if line.strip(" \t") else "" for line in lines]) if width else source


def prepare_stdin(prompt):
    if prompt:
        stub = type(sys)("hermetic_guard._stub")
        vars(stub).update(globals())
        return prompt["prepare"](stub)
    put_in_front("")
    audit("cpython.run_stdin")
    enter_script("<stdin>")
    return [(compile(read_stdin(), "<stdin>", "exec", 0, True), vars(sys.modules["__main__"])), eval]


def read(path):
    with open(path, "rb") as file:
        return file.read()


def read_stdin():
    """All of standard input, past sys.stdin and its buffer. A closed one is as good as an empty one."""
    try:
        with open(0, "rb", closefd=False) as file:
            return file.read()
    except OSError:
        return b""


def audit(*event):
    """Raise the event that CPython raises here since 3.8, for the audit hooks of the user's sitecustomize."""
    if hasattr(sys, "audit") and not on_pypy():
        sys.audit(*event)  # novm


def on_pypy():
    return sys.implementation.name == "pypy"


def cut_traceback(kind, error):
    """See to it that the traceback of what leaves the target begins where the target does.

    Every frame that an exception passes adds itself. So the frames of this file can only be taken off when none is left to be passed,
    that is when sys.excepthook is called. A SystemExit comes to that under -i only.
    """
    theirs = getattr(sys, "excepthook", None)
    if theirs is None or (isinstance(error, SystemExit) and not sys.flags.inspect):
        return

    def excepthook(category, value, traceback):
        sys.excepthook = theirs
        sys.last_traceback = traceback = skip_own(traceback)
        try:
            theirs(category, value.with_traceback(traceback), traceback)
        except Exception as failure:  # said in CPython's words, which would show this frame too
            sys.stderr.write("Error in sys.excepthook:\n")
            sys.__excepthook__(type(failure), failure.with_traceback(failure.__traceback__.tb_next), None)
            sys.stderr.write("\nOriginal exception was:\n")
            sys.__excepthook__(category, value, traceback)
        end(kind)

    sys.excepthook = excepthook


def skip_own(traceback):
    """The part of a traceback that begins after the frames of the run directory's files."""
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith((HERE, SELF)):
        traceback = traceback.tb_next
    return traceback


def end(kind):
    """What the interpreter does with __main__ after the target."""
    main = vars(sys.modules.get("__main__", sys))
    if on_pypy():  # its prompt (-i) has the module that was made for the stub
        ours = globals()
        ours.clear()
        ours.update(main)
    elif kind not in ("m", "M", "c", "C", "w") and main.get("__spec__") is None:
        leave_script()


if __name__ == "__main__":
    prompt, kind = start_guards(), sys.argv[1]
    try:
        call = prepare(kind, sys.argv[2:], prompt)
        call.pop()(*call.pop())  # nothing is kept here: the target's namespace goes at exit when it would have gone
    except BaseException as error:
        if sys.version_info >= (3, 14):  # before, not until the exception was shown, and not at all after sys.exit()
            end(kind)
        cut_traceback(kind, error)
        raise
    end(kind)
