"""Makes what a guard raises, past the classes of errors.py: these are in the target's reach.

What stands in a class, as `__init__` or as a property of any name, would be called by whoever makes an instance in the usual way, and find the
frames of what judges beneath. So instances are made, and filled, by functions of C's alone; what comes out is what the class itself makes.
"""

from hermetic_guard import errors


def make_builder(kind):
    """build(guard, action, target, rule, hint, given): an instance of kind, a class of errors.py; given: the path as the caller named it, or None."""
    base = next(one for one in (OSError, ImportError, Exception) if issubclass(kind, one))
    new, fill = base.__new__, {OSError: fill_os_error, ImportError: fill_import_error, Exception: fill_exception}[base](kind)
    fields_of, name_file = vars(BaseException)["__dict__"].__get__, vars(OSError)["filename"].__set__
    to_file = base is OSError

    def build(guard, action, target, rule, hint="", given=None):
        error = new(kind)
        fields = fields_of(error)
        fields["guard"], fields["action"], fields["target"], fields["rule"], fields["hint"] = guard, action, target, rule, hint
        if given is not None and to_file:
            name_file(error, given)
        elif given is not None:
            fields["filename"] = given
        fill(error, (guard, action, target, rule, hint))
        return error

    return build


def fill_os_error(kind):
    code, others = next((code, others) for one, code, others in errors.NUMBERS if one is kind)
    set_number, set_text, set_arguments = [vars(one)[name].__set__ for one, name in SLOTS]
    words = errors.words

    def fill(error, fields):
        number, text = others.get(fields[1], code), words(*fields)
        set_number(error, number)
        set_text(error, text)
        set_arguments(error, (number, text))

    return fill


SLOTS = ((OSError, "errno"), (OSError, "strerror"), (BaseException, "args"))


def fill_import_error(_):
    set_name, set_text = vars(ImportError)["name"].__set__, vars(ImportError)["msg"].__set__
    set_arguments, words = vars(BaseException)["args"].__set__, errors.words

    def fill(error, fields):
        text = words(*fields)
        set_name(error, fields[2])
        set_text(error, text)
        set_arguments(error, (text,))

    return fill


def fill_exception(_):
    return vars(BaseException)["args"].__set__
