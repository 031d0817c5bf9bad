"""Who asked: the frames that led to a refusal, innermost first.

Only files, lines and function names are taken here. Which distribution a file belongs to is looked up by the launcher, which has the time
and the standard library to read metadata; in the target that would import modules behind its back.
"""

import sys

DEPTH = 40
TEXT = 300


def make_stack(own_files):
    """A function that lists the calling frames; `own_files` says whether a file name is one of the guard's own.

    Frozen importlib frames say nothing about who asked and are left out. Names in code objects may be of a subclass of str (compile()
    takes one for the file name): they are copied, for its methods are the target's.
    """
    get_frame, exact, deepest, longest = sys._getframe, str.__str__, DEPTH, TEXT

    def stack() -> "list[tuple[str, int, str]]":
        frame = get_frame(1)
        found = []  # type: list[tuple[str, int, str]]
        while frame is not None and len(found) < deepest:
            code = frame.f_code
            name = exact(code.co_filename)
            if not own_files(name) and not name.startswith(("<frozen ", "<builtin>/frozen ")):
                found.append((name[-longest:], frame.f_lineno or 0, exact(code.co_name)[:longest]))
            frame = frame.f_back  # type: ignore[assignment]
        return found

    return stack
