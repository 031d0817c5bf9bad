"""`program()`, which every way of starting the command ends in, and `python -m hermetic`.

`python -m hermetic` starts itself again with -I -S before anything else is imported. What CPython runs before the first
line of this file cannot be undone from here: site with its .pth lines, and the modules that `-m` needs itself, which it
looks for in the working directory first. The `hermetic` command has none of that. For the same reason nothing but `sys`
and `os`, which are loaded already, and `gc`, which is built in, is imported at the top, not even `__future__`: that is a file like any other.
"""

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

ISOLATED = ("-I", "-S", "-X", "disable-remote-debug")
"""`sys.remote_exec` (3.14) lets a child run code in its parent; older versions ignore the -X."""


def main() -> int:
    """Do what `sys.argv` says; return the exit code."""
    gc.disable()  # what is loaded here stays; and a collection in the forked child would write to every page that it shares with us
    sys.path += [directory for directory in site_directories(sys.executable) if directory not in sys.path]
    join_outer_guard()
    from hermetic import ahead

    ahead.load(ahead.PARSING)
    from hermetic.errors import HermeticError, printable

    try:
        return dispatch(sys.argv[1:])
    except HermeticError as error:
        return complain(error, error.exit_code)
    except ImportError as error:
        return complain(f"its installation is incomplete: {error}")
    except OSError as error:
        return complain(printable(str(error)))
    except KeyboardInterrupt:
        return 130
    except Exception:
        sys.excepthook(*sys.exc_info())  # a bug of ours: the exit code must not look like the target's
        return 125


def program() -> "NoReturn":
    """`main`, and the end of this process with it. An interpreter that ends takes apart all it has loaded first, a tenth of what a run costs; the
    kernel does that at once, and nothing here waits for the interpreter's end but what is printed.
    """
    code = main()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # the interpreter's own end tells of it
    os._exit(code)


def complain(why: object, code: int = 125) -> int:
    """Say why on stderr, if there is one that takes it: print would change the exit code where it is full."""
    if sys.stderr is not None:  # closed by whoever started us; what is descriptor 2 then may be anything
        try:
            os.write(2, f"hermetic: {why}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            return code
    return code


def dispatch(argv: list[str]) -> int:
    """Run a target, or let click answer. click is imported for nothing else: it takes as long as a whole launch."""
    from hermetic import ahead, options

    invocation = options.parse(argv)
    if invocation is None:
        from hermetic import cli

        return cli.main(argv)
    ahead.load(ahead.BEGINNING)
    from hermetic.launch import begin

    return begin.main(invocation)


def site_directories(executable: str) -> list[str]:
    """Where this interpreter's installed packages are, from what `site` would read and without its .pth lines.

    hermetic's dependencies are not always beside it: an installer does not bring what the interpreter has already, or
    the one below a virtual environment made with --system-site-packages.
    """
    venv = os.path.dirname(os.path.dirname(executable))
    try:
        with open(f"{venv}/pyvenv.cfg", encoding="utf-8") as file:
            settings = [line.partition("=") for line in file.read().lower().splitlines()]
    except OSError:
        return base_site_directories()
    own = f"{venv}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    if any(key.strip() == "include-system-site-packages" and value.strip() == "true" for key, _, value in settings):
        return [own, *base_site_directories()]
    return [own]


def join_outer_guard() -> None:
    """Inside another hermetic `hermetic_guard` is there already: the outer run's, with its errors alone. The rest is taken from our own files."""
    outer = sys.modules.get("hermetic_guard")
    if outer is not None:
        outer.__path__ += [f"{directory}/hermetic_guard" for directory in sys.path if os.path.isdir(f"{directory}/hermetic_guard")]


def base_site_directories() -> list[str]:
    import site  # under -S this only defines functions

    return [directory for directory in site.getsitepackages([sys.base_prefix]) if os.path.isdir(directory)]


def start() -> "NoReturn":
    """This file as a program: `python -m hermetic`, and what it starts itself again as."""
    if not (sys.flags.isolated and sys.flags.no_site):
        os.execv(sys.executable, [sys.executable, *ISOLATED, __file__, *sys.argv[1:]])
    root = os.path.dirname(os.path.dirname(__file__))
    sys.path.append(root)
    if os.path.isdir(f"{root}/bootstrap/hermetic_guard"):
        sys.path.append(f"{root}/bootstrap")
    from hermetic.__main__ import program as hermetic_program  # by its name, so that it is there once and cached

    hermetic_program()


if __name__ == "__main__":
    start()
