"""SQLite opens files itself, as many as a statement names, with no audit event but for the first.

So connections are of a class of ours: it asks before a database is opened, opens one that must not be changed for reading only, and has an
authorizer in each that is asked of every ATTACH, and so of VACUUM INTO, which is one. sqlite3.Connection and sqlite3.Cursor are these classes.
"""

from hermetic_guard.guards.paths import exact
from hermetic_guard.guards.uris import MEMORY, read_uri, unquoted

SQLITE_OK, SQLITE_DENY, SQLITE_PRAGMA, SQLITE_ATTACH, SQLITE_FUNCTION = 0, 1, 19, 24, 31
TEMPORARY = "temp_store_directory"
"""A pragma: where the library makes files of its own."""
POINTERS = ("fts3_tokenizer", "load_extension")
"""Functions of SQL that call whatever address they are given, or load a library; sqlite.org/fts3.html."""
SETTINGS = (1004, 1005)
"""SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER and _LOAD_EXTENSION."""
URI_AT = 6
"""The place of `uri` among the arguments behind the database."""

WAL, WAL_AT = 2, 18
"""In the file's header: a database with a write-ahead log, which even readers write; sqlite.org/fileformat.html."""

UNQUOTED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~")


def names_layer(text):
    """Whether a URI chooses how files are locked (`vfs=unix-dotfile`)."""
    return any(unquoted(part.partition("=")[0]) == "vfs" for part in text.partition("#")[0].partition("?")[2].split("&"))


def reading_uri(path):
    """A URI that opens a database without changing anything."""
    path = path.encode("utf-8", "surrogateescape") if type(path) is str else path
    quoted = "".join([chr(byte) if byte in UNQUOTED else "%%%02X" % byte for byte in bytearray(path)])
    return "file:%s%s?mode=ro" % ("//" if path[:1] == b"/" else "./", quoted)


def attaches(statement):
    return type(statement) is str and statement.lstrip()[:6].lower() == "attach"


def spelled_out(statement, values):
    """`ATTACH ? AS name` with the name of the file in the statement, where the authorizer gets to see it."""
    words = statement.split()
    at = 2 if len(words) > 1 and words[1].lower() == "database" else 1
    if len(words) < at + 3 or words[0].lower() != "attach" or words[at + 1].lower() != "as":
        return statement, values
    if words[at] == "?" and type(values) in (tuple, list) and values:
        value, rest = values[0], values[1:]
    elif words[at][0] in ":@$" and type(values) is dict:
        value, rest = values.get(words[at][1:]), values
    else:
        return statement, values
    value = exact(value)
    if type(value) is not str or "\0" in value:
        return statement, values
    words[at] = "'%s'" % value.replace("'", "''")
    return " ".join(words), rest


def make_classes(connection, cursor, text_of, ask_database, ask, use, native):
    """The classes, from those of `_sqlite3`.

    text_of: makes a str, or None, of what an authorizer is given; ask_database: see filesystem.make_on_database; ask(operation, path,
    directory); use(what); native(what): whether the native guard stands, or with what is tried raises what it refuses
    """

    def authorize(action, name, second=None, *_):
        try:
            if action == SQLITE_FUNCTION:
                function = (text_of(second) or "").lower()
                if function in POINTERS:
                    native(function + " of sqlite3")
                return SQLITE_OK
            if action == SQLITE_PRAGMA and second and (text_of(name) or "").lower() == TEMPORARY:
                ask("create", text_of(second) + "/etilqs", -1)
            name = text_of(name) if action == SQLITE_ATTACH else None
            if action != SQLITE_ATTACH:
                return SQLITE_OK
            if name is None:
                use("ATTACH of a file that is not written out in the statement")
            return SQLITE_OK if may_attach(name) else SQLITE_DENY
        except (OSError, ImportError):
            return SQLITE_DENY

    def may_attach(name):
        path, mode = read_uri(name)
        if name in MEMORY or mode == "memory":
            return True
        ask("read" if mode == "ro" else "write", name if path is None else path, -1)
        if mode == "ro":
            judge_beside(path, name)
        return True

    def judge_beside(path, text):
        """What reading a database writes: a log, or the lock of a file system layer that the URI names, which is another file."""
        if ask_database(None) is not None:
            if has_log(path):
                ask("write", path, -1)
            if names_layer(text):
                ask("write", path + ".lock", -1)

    class Cursor(cursor):  # type: ignore[misc,valid-type]
        __module__ = "sqlite3"
        __doc__ = cursor.__doc__

        def execute(self, sql, *parameters):
            if attaches(sql) and len(parameters) == 1:
                sql, values = spelled_out(sql, parameters[0])
                parameters = (values,)
            return super().execute(sql, *parameters)

    class Connection(connection):  # type: ignore[misc,valid-type]
        __module__ = "sqlite3"
        __doc__ = connection.__doc__

        def __init__(self, database, *rest, **options):
            guarded, database, rest, options = opened(database, rest, options)
            super().__init__(database, *rest, **options)
            if guarded or native(None):
                super().set_authorizer(authorize)

        def cursor(self, factory=Cursor):
            return super().cursor(factory)

        def execute(self, sql, *parameters):
            return self.cursor().execute(sql, *parameters) if attaches(sql) else super().execute(sql, *parameters)

        def set_authorizer(self, *given, **named):
            found = (given or tuple(named.values()))[0] if len(given) + len(named) == 1 else None
            if len(given) + len(named) != 1 or not (native(None) or ask_database(None) is not None):
                return super().set_authorizer(*given, **named)
            return super().set_authorizer(authorize if found is None else both(found))

        if hasattr(connection, "setconfig"):

            def setconfig(self, op, enable=True):
                if op in SETTINGS and enable:
                    native("extensions of sqlite3")
                return super().setconfig(op, enable)

    def both(other):
        def authorizer(*arguments):
            return authorize(*arguments) or other(*arguments)

        return authorizer

    def opened(database, rest, options):
        """(whether there is a guard, and the arguments to open with)"""
        database = exact(database)
        text = database.decode("utf-8", "surrogateescape") if type(database) is bytes else database
        path, mode = read_uri(text) if type(text) is str and is_uri(rest, options) else (None, "")
        if type(text) is not str or text in MEMORY or mode == "memory":
            return ask_database(None) is not None, database, rest, options
        if mode == "ro":
            ask("read", path, -1)
            judge_beside(path, text)
            return ask_database(None) is not None, database, rest, options
        writable = ask_database(database if path is None else path)
        if writable is False:
            path = database if path is None else path
            if has_log(path):
                ask("write", path, -1)
            return (True, reading_uri(path), *with_uri(rest, options))
        return writable is not None, database, rest, options

    Cursor.__qualname__, Connection.__qualname__ = "Cursor", "Connection"
    return Connection, Cursor


def is_uri(rest, options):
    return bool(rest[URI_AT] if len(rest) > URI_AT else options.get("uri"))


def with_uri(rest, options):
    return (rest[:URI_AT] + (True,) + rest[URI_AT + 1 :], options) if len(rest) > URI_AT else (rest, dict(options, uri=True))


def has_log(path):
    try:
        with open(path, "rb") as file:
            return file.read(WAL_AT + 1)[WAL_AT:] == bytes([WAL])
    except OSError:
        return False
