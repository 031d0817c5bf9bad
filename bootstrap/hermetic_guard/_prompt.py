"""The interactive prompt, for a start by the stub; staged beside it as prompt.py.

CPython and PyPy come to their prompt in three ways: because nothing was named and standard input is a terminal, which is
what is done here; because of -i; and because PYTHONINSPECT is found at the end. The latter two happen after the stub as
after any script, with nothing of it left on the stack. The `stub` that is passed around is the namespace of `_stub.py`.
"""

import os
import sys


def prepare(stub):
    """What comes before the prompt. Returns [arguments, function] for the prompt itself."""
    import_readline(stub)
    stub.put_in_front("")
    write_banner()
    run_startup(stub)
    if sys.flags.inspect:
        return [(), nothing]
    if stub.on_pypy():
        return prompt_of_pypy(stub)
    if sys.version_info >= (3, 13):
        return prompt_of_pyrepl(stub)
    if not sys.flags.ignore_environment:
        ask_for_prompt()
        return [(), nothing]
    return prompt_of_library(stub)


def nothing():
    """The prompt comes by itself."""


def import_readline(stub):
    """As pymain_import_readline() does, while the working directory is not on sys.path yet."""
    if sys.flags.isolated or not os.isatty(0) or stub.on_pypy():
        return
    for name in ["readline", "rlcompleter"][: 2 if sys.version_info >= (3, 13) else 1]:
        try:
            __import__(name)
        except ImportError:
            pass


def write_banner():
    if not sys.flags.quiet and not sys.flags.verbose:  # -v has written it already
        sys.stderr.write("Python %s on %s\n" % (sys.version, sys.platform))
        if not sys.flags.no_site:
            sys.stderr.write('Type "help", "copyright", "credits" or "license" for more information.\n')


def variable(name):
    """An environment variable of the interpreter's, unless it ignores them."""
    return "" if sys.flags.ignore_environment else os.environ.get(name, "")


def run_startup(stub):
    """Run the file that PYTHONSTARTUP names. Its errors are shown and end nothing, sys.exit() does."""
    path = variable("PYTHONSTARTUP")
    pyrepl = sys.version_info >= (3, 13) and not variable("PYTHON_BASIC_REPL")
    if not path or (sys.flags.inspect and pyrepl):  # pyrepl then runs it itself
        return
    stub.audit("cpython.run_startup", path)
    try:
        content = stub.read(path)
    except (IOError, OSError) as error:
        sys.stderr.write("Could not open PYTHONSTARTUP\n")
        return show(stub, error)
    try:
        (code, namespace), run = stub.call_script(path, content)
        run(code, namespace)
    except SystemExit:
        raise
    except BaseException as error:
        show(stub, error)
    stub.leave_script()


def show(stub, error):
    """What is done with an exception that ends nothing (PyErr_Print)."""
    error = error.with_traceback(stub.skip_own(error.__traceback__))
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    sys.excepthook(type(error), error, error.__traceback__)


def run_interactive_hook(stub):
    """Call what site has left there to set up readline."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None:
        return
    stub.audit("cpython.run_interactivehook", hook)
    try:
        hook()
    except Exception as error:
        sys.stderr.write("Failed calling sys.__interactivehook__\n")
        show(stub, error)


def prompt_of_pyrepl(stub):
    """The prompt since 3.13, called as pymain_run_stdin() calls it."""
    run_interactive_hook(stub)
    stub.audit("cpython.run_stdin")
    if variable("PYTHON_BASIC_REPL"):
        return [(), sys._baserepl]
    if sys.version_info < (3, 14):
        return stub.call_runpy("_pyrepl", False)
    from _pyrepl.main import interactive_console

    return [(sys.modules["__main__"],), interactive_console]


def prompt_of_pypy(stub):
    run_interactive_hook(stub)
    from _pypy_interact import interactive_console

    quiet = sys.flags.quiet or not variable("PYPY_IRC_TOPIC")
    return [(sys.modules["__main__"], quiet), interactive_console]


def ask_for_prompt():
    """Have CPython start its prompt, which until 3.12 no Python code can call.

    PYTHONINSPECT is set where os.environ does not show it, and taken away again by the hook, before the first line.
    """
    theirs = getattr(sys, "__interactivehook__", None)

    def hook():
        os.unsetenv("PYTHONINSPECT")
        del sys.__interactivehook__
        if theirs is not None:
            sys.__interactivehook__ = theirs
            theirs()

    os.putenv("PYTHONINSPECT", "1")
    sys.__interactivehook__ = hook


def prompt_of_library(stub):
    """Where the environment is ignored (-E, -I) that cannot be had until 3.12: the standard library's is very like it."""
    run_interactive_hook(stub)
    import code

    return [("", ""), code.InteractiveConsole(vars(sys.modules["__main__"]), "<stdin>").interact]
