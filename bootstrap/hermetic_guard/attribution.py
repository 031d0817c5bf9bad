"""Who asked: the frames that led to a refusal, innermost first.

Only files, lines and function names are taken for what is told. Which distribution a file belongs to is looked up by the launcher, which has the
time for it; here only where a policy says something of single packages, of what it refuses to all, and of no more frames than it takes.

Whoever runs code can have another's frames below it: by a callback, or by a file name of its own choice. See packages.py.
"""

import os
from _thread import get_ident

from hermetic_guard.distributions import site_of, title_of
from hermetic_guard.packages import NOBODY

DEEPEST = 40
TEXT = 300
REMEMBERED = 1000
FROZEN = ("<frozen ", "<builtin>/frozen ")
"""How file names of the import system begin."""


def at_once(look, looked_at):
    """Where nobody watches what the guard does itself."""
    return look(looked_at)


def make_stack(own_files, privately=at_once, own=()):
    """A function that lists the calling frames.

    own_files: says whether a file name is one of the guard's own; privately: see observers.py; own: the guard's namespaces

    Frozen importlib frames say nothing about who asked and are left out. Names in code objects may be of a subclass of str (compile()
    takes one for the file name): they are copied, for its methods are the target's.
    """
    exact, deepest, longest = str.__str__, DEEPEST, TEXT
    frames = make_frames(own_files, privately, own)

    def stack() -> "list[tuple[str, int, str]]":
        found = []  # type: list[tuple[str, int, str]]
        for name, code, frame in frames():
            found.append((name[-longest:], frame.f_lineno or 0, exact(code.co_name)[:longest]))
            if len(found) >= deepest:
                break
        return found

    return stack


def make_frames(own_files, privately, own):
    """A generator function: file name, code and frame of each that is neither the guard's own nor the import system's.

    The guard's are known by their namespaces: to look at a frame's code raises an event that hands the frame to every hook.
    """
    exact, anything = str.__str__, Exception
    frame_of, back_of, globals_of, code_of = getters()

    def frames():
        try:
            raise anything
        except anything as error:  # sys._getframe would hand the frame to every hook, and a traceback shows it to us alone
            frame = back_of(privately(frame_of, error.__traceback__))
        while frame is not None:
            if not stands_among(globals_of(frame), own):
                code = privately(code_of, frame)
                name = exact(code.co_filename)
                if not own_files(name) and not name.startswith(FROZEN):
                    yield name, code, frame
            frame = back_of(frame)

    return frames


def getters():
    """What reads `tb_frame`, `f_back`, `f_globals` and `f_code`: before frames.py has these pass over the guard."""
    try:
        raise LookupError
    except LookupError as error:
        traceback = error.__traceback__
    of_traceback, of_frame = vars(type(traceback)), vars(type(getattr(traceback, "tb_frame")))  # noqa: B009
    return [of_traceback["tb_frame"].__get__] + [of_frame[name].__get__ for name in ("f_back", "f_globals", "f_code")]


def stands_among(namespace, namespaces):
    return any(one is namespace for one in namespaces)


def make_asked(own_files, followed, privately=at_once, own=()):
    """A function that says who asks: the names and versions of the distributions whose frames come first, the innermost first.

    The search passes over the guard and the standard library, and goes on behind distributions that are `followed`: those that some package
    asks by (Package.through). So all but the last are; that may be NOBODY, for a file of no installed distribution. Nothing is said where there
    is nothing but the standard library.
    """
    owner, standard = make_owner(), os.path.dirname(os.__file__) + "/"
    frames = make_frames(own_files, privately, own)

    def asked() -> "tuple[tuple[str, str], ...]":
        found = []  # type: list[tuple[str, str]]
        for name, _, _ in frames():
            if name.startswith(standard) and site_of(name) is None:
                continue
            found.append(owner(name))
            if found[-1][0] not in followed:
                break
        return tuple(found)

    return asked


def make_owner():
    """owner(file): name and version of the installed distribution that a file belongs to, by its RECORD.

    To read that is asked about as well, in the same thread: then nobody is said to ask.
    """
    known, looking = {}, set()  # type: dict[str, tuple[str, str]], set[int]

    def owner(file):
        here = get_ident()
        if file in known or here in looking:
            return known.get(file, NOBODY)
        looking.add(here)
        try:
            found = title_of(file) or NOBODY
        finally:
            looking.discard(here)
        if len(known) >= REMEMBERED:
            known.clear()
        known[file] = found
        return found

    return owner
