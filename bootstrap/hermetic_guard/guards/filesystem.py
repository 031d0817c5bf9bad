"""The filesystem guard: nothing is changed but where the policy says so, and with a root nothing read elsewhere.

Audit events and the replaced functions of silent.py and libraries.py come down to one judge here (operations.py), beside that of
integrity.py. It asks the kernel where a path leads, each time, and hands that to the policy. What is allowed is remembered by that answer,
which means one file, never by the path as it was given.
"""

import os
import posix
import sys
from posix import fstat, lstat, stat, strerror

from hermetic_guard import intact as builtin_types
from hermetic_guard.decide import READING, Request
from hermetic_guard.errors import FilesystemRefused
from hermetic_guard.files import BINARY
from hermetic_guard.files import HEAD as HEAD_SIZE
from hermetic_guard.guards import canonical, operations, paths, silent, uris, variables
from hermetic_guard.guards.canonical import absent, as_bytes, link_of, locate, shown
from hermetic_guard.guards.operations import (
    ACCESS,
    CREATE,
    DATABASE,
    DELETE,
    FILE,
    HARDLINK,
    HEAD,
    OPEN,
    READ,
    USE,
    VARIABLE,
    WRITE,
    make_copy,
    make_handlers,
)
from hermetic_guard.guards.paths import FOLLOWS, LINK, MAKES, MAKING, MOVES, PUTS, READS, REMEMBERED, TAKES, TOUCHES, TREES, WRITES, look
from hermetic_guard.guards.uris import read_uri
from hermetic_guard.hook import make_ask
from hermetic_guard.intact import make_intact
from hermetic_guard.policy import directory_of, is_within_any, lets_write
from hermetic_guard.sealing import seal
from hermetic_guard.violations import make_builder

NAME = "filesystem"
SHARED_MEMORY = "/dev/shm/"
STREAMS = (0, 1, 2)
NAMES = MAKING | frozenset([TAKES, MOVES, PUTS])
"""What a call does with a name rather than with what is there by it."""
LEAVING = frozenset([TAKES, MOVES])
"""What a call does with what has to be there by a name."""
FILE_KIND, REGULAR = 0o170000, 0o100000


def prepare(enforcer, protect, channel_path, install_libraries):
    """Make the judge, and let other guards have it. protect: integrity.py's judge. install_libraries: that of libraries.py, or of awaited.py

    Returns the handlers of the audit events, and a function that replaces what has none: to be called when nothing is read any more to put
    guards in place, for where there are no audit events it is the replaced functions that judge.
    """
    judging = seal(vars(builtin_types), vars(paths), vars(canonical), vars(operations), vars(uris), globals())
    streams = judging["find_streams"]()
    judge = judging["make_judge"](enforcer, streams)
    handlers = judging["make_all_handlers"](enforcer, protect, judge, channel_path)
    handlers[ACCESS] = judging["make_on_access"](enforcer, streams)
    asks = {event: make_asker(event, handlers[event]) for event in (FILE, OPEN, DATABASE, USE, HEAD, VARIABLE, ACCESS)}
    enforcer.judge_file, enforcer.read_head, enforcer.ask_open = judge, asks[HEAD], asks[OPEN]
    enforcer.ask_variable = asks[VARIABLE]
    judge_variable = judging["make_judge_variable"](enforcer.check, enforcer.scopes, judge)
    handlers["os.putenv"] = seal(vars(variables))["make_on_putenv"](judge_variable, variables.VARIABLES + variables.READ)

    def replace():
        if enforcer.scopes.current.filesystem is not None:
            no_core_files()
        silent.install(enforcer.ledger, asks)
        if variables.PUTENV_IS_SILENT:
            variables.replace_putenv(enforcer.ledger, lambda _, shown: asks[VARIABLE](shown), variables.VARIABLES + variables.READ)
        install_libraries(enforcer, asks)

    return handlers, replace


def make_asker(event, handler):
    return make_ask(event) if hasattr(sys, "audit") else make_answer(handler)


def make_answer(handler):
    """What make_ask gives, where there are no audit events."""

    def ask(*request):
        answer = []  # type: list
        handler(answer, *request)
        return answer[0]

    return ask


def make_all_handlers(enforcer, protect, judge, channel_path):
    """Integrity is judged first: what it refuses, no policy allows."""

    def both(action, path, directory, what):
        protect(action, path, directory, what)
        judge(action, path, directory, what)

    own = set()  # type: set[int]
    check, scopes = enforcer.check, enforcer.scopes
    handlers = make_handlers(check, scopes, both, make_judge_reading(enforcer, judge, own), channel_path)
    handlers[HEAD] = make_on_head(own)
    handlers[USE] = make_on_use(check, scopes)
    handlers[VARIABLE] = make_on_variable(make_judge_variable(check, scopes, judge))
    handlers[DATABASE] = make_on_database(both, enforcer.allows, scopes)
    handlers["sqlite3.connect"] = make_on_connect(make_copy(check), both)
    return handlers


# The judge.


def make_judge(enforcer, streams):
    """judge(action, path, directory, what): raises what the policy refuses. See paths.py for what a call does."""
    scopes, allows, judge_place = enforcer.scopes, enforcer.allows, make_judge_place(enforcer, streams)

    def judge(action, path, directory, what):
        if scopes.current.filesystem is None or (action in READING and not scopes.limits_reading):
            return
        touched = None
        for deed in (FOLLOWS, TAKES) if what is TOUCHES else (what,):
            place = locate(path, directory, deed)
            if place is None:
                place = missed(path, directory)
            if place is not None:
                # Metadata are no part of the directory, but a link cannot be allowed otherwise than by that.
                judge_place(action, place, path, directory, FOLLOWS if place == touched else deed)
                touched = place
            elif what in LEAVING or (action == HARDLINK and what is FOLLOWS):
                refuse_absent(action, path, directory)

    def refuse_absent(action, path, directory):
        """What would go from here is not there. A read-only mount answers EROFS before it looks; so does what a second path leads to."""
        error, place = looking(path, directory), absent(path, directory)
        if error and (action != DELETE or (place is not None and not allows(Request(NAME, action, place, path=place, name=True)))):
            raise OSError(error, strerror(error), path)

    def missed(path, directory):
        """What is hidden and would have been touched if it were there: in mounts of the run's own it is not."""
        hidden = scopes.current.filesystem.hide
        name = absent(path, directory) if hidden and type(path) is not int else None
        return name if name is not None and is_within_any(name, hidden) else None

    return judge


def make_on_access(enforcer, streams):
    """access(2) as on a read-only file system: programs that ask whether they may write do without, where those that try would fail.

    Not for paths that are refused to all (integrity.py). Whoever makes shared memory may write it.
    """
    scopes, allows, facts_of, memory = enforcer.scopes, enforcer.allows, make_facts(enforcer, streams), SHARED_MEMORY[:-1]

    def on_access(answer, path, directory):
        if type(answer) is not list:
            return
        place = locate(path, directory, FOLLOWS) if scopes.current.filesystem is not None else None
        if place is None or place == memory:
            answer.append(True)
        else:
            facts = facts_of(WRITE, place, path, directory, FOLLOWS)
            answer.append(allows(Request(NAME, WRITE, place, path=place, **facts)))

    return on_access


def make_judge_reading(enforcer, judge, own):
    """The same for reading, which is frequent: a file that was found allowed is known by its inode and the time of that one's last change.

    Neither stays the same if it is moved, or if another file gets its number. One with several names is asked about every time.
    own: the identities of paths that the guard itself opens
    """
    scopes, copy = enforcer.scopes, make_copy(enforcer.check)
    intact, refusal = make_intact(), PermissionError
    known = set()  # type: set[tuple]

    def judge_reading(action, path, directory):
        if not scopes.limits_reading or type(path) is int:
            return
        state, path = scopes.state, copy(path)
        about = find(path, directory)
        key = about and (state, action, about.st_ino, about.st_dev, about.st_ctime_ns)
        if key in known or id(path) in own:
            return
        if not intact():
            raise refusal("methods of built-in types were replaced")
        judge(action, path, directory, READS)
        if about is not None and about.st_nlink == 1 and scopes.state is state and not scopes.packages:
            remember(known, key)

    return judge_reading


def remember(known, key):
    """In a set that is never another, for whatever is made once the target runs the collector shows to it, and a set can be added to."""
    if len(known) > REMEMBERED:
        known.clear()
    known.add(key)


def looking(path, directory):
    """The errno of looking at what a path names, be it a link; 0 where there is something."""
    try:
        lstat(as_bytes(path, directory))
    except OSError as error:
        return error.errno
    return 0


def find(path, directory):
    try:
        return stat(as_bytes(path, directory) if directory >= 0 or path is None else path)
    except (OSError, ValueError):
        return None


def make_judge_place(enforcer, streams):
    """judge_place(action, place, path, directory, what): place is where the path leads."""
    scopes, check, allows, facts_of = enforcer.scopes, enforcer.check, enforcer.allows, make_facts(enforcer, streams)
    wide, silently = too_wide(os.environ.get("HOME")), make_builder(FilesystemRefused)
    known = set()  # type: set[tuple]

    def judge_place(action, place, path, directory, what):
        state = scopes.state
        key = state, action, what, place
        if key in known:
            return
        tree, name = what in TREES, what in NAMES
        if allows(Request(NAME, action, place, path=place, tree=tree, name=name)):
            if scopes.state is state and not scopes.packages:
                remember(known, key)
            return
        facts = facts_of(action, place, path, directory, what)
        if facts is None:
            return
        request = Request(NAME, action, place, path=place, given=path, tree=tree, name=name, **facts)
        if allows(request):
            return
        if action not in READING and "/__pycache__" in place:
            # An interpreter that caches its bytecode means no harm, and goes on without.
            raise silently(NAME, WRITE, place, "filesystem read-only", "", path)
        there = nearest(action, place, what, facts)
        made_first = there in wide and (what is WRITES or (what is MAKES and action == CREATE))
        request.facts.update(there=place if made_first else there, made_first=made_first)
        check(request)

    return judge_place


def nearest(action, place, what, facts):
    """What has to be allowed to have this allowed: the place, if that is there, else the directory it is in.

    So for names that are made, moved or taken away: that changes the directory, and the kernel's rules see it as that. A link that leads
    nowhere can only be named with its directory.
    """
    if what in NAMES or action == HARDLINK or look(place) is None or (what is LINK and facts["leads"] is None):
        place = directory_of(place)
    return place if action in READING else cache_of(place) or place


def too_wide(home):
    """The home directory and those above it: no hint opens one for the sake of a single name in it, if that can be allowed once it is there."""
    found = [(home and locate(home, -1, READS)) or "/"]
    while found[-1] != "/":
        found.append(directory_of(found[-1]))
    return frozenset(found)


def cache_of(path):
    """The directory in which a tool keeps its cache, if a path is in one: there are many files in it, which it writes by and by."""
    parts = path.split("/")
    for at, (above, name) in enumerate(zip(parts, parts[1:])):
        if above == ".cache" or (name[:1] == "." and name.endswith("_cache")):
            return "/".join(parts[: at + 2])
    return None


def make_facts(enforcer, streams):
    """What else the rules look at where the place alone is not allowed; None for what is no link after all."""
    register, registered = enforcer.register, enforcer.registered

    def facts_of(action, place, path, directory, what):
        if what is LINK:
            leads = locate(path, directory, READS)
            return None if leads == place else {"leads": leads}
        if place.startswith(SHARED_MEMORY):
            return {"own": own_memory(place, what)}
        if place in streams and action in (READ, WRITE) and what is not TAKES:
            return {"stream": is_stream(place, action, *streams[place])}
        return {}

    def own_memory(place, what):
        """Shared memory is a file there: whoever makes a new one in this run may go on using it, in all of its processes.

        What others have made is not new, whoever tries to make it once more.
        """
        key = b"memory:" + place.encode("utf-8", "surrogateescape")
        if what in MAKING and "/" not in place[len(SHARED_MEMORY) :] and not is_there(place):
            register(key)
            return True
        return registered(key)

    return facts_of


def is_there(place):
    try:
        lstat(place)
    except OSError:
        return False
    return True


# Standard streams.


def find_streams():
    """The regular files that standard streams are on at start, by path: identity, may be read, may be written."""
    found = {}  # type: dict[str, tuple]
    for descriptor in STREAMS:
        try:
            about = fstat(descriptor)
            place = shown(link_of(descriptor)) if about.st_mode & FILE_KIND == REGULAR else None
            if place is not None:
                reads, writes = access_of(descriptor)
                _, also_reads, also_writes = found.get(place, (None, False, False))
                found[place] = (about.st_dev, about.st_ino), reads or also_reads, writes or also_writes
        except OSError:
            continue
    return found


def access_of(descriptor):
    """Whether a descriptor reads and whether it writes; fcntl would have to be loaded to ask."""
    source = os.open("/proc/self/fdinfo/%d" % descriptor, os.O_RDONLY)
    try:
        words = os.read(source, 4096).split()
    finally:
        os.close(source)
    mode = int(words[words.index(b"flags:") + 1], 8) & 3
    return mode != os.O_WRONLY, mode != os.O_RDONLY


def is_stream(place, action, identity, reads, writes):
    try:
        about = stat(place)
    except OSError:
        return False
    return (about.st_dev, about.st_ino) == identity and (writes if action == WRITE else reads)


# Programs.


def make_on_head(own):
    """How a program begins decides how it is started (programs.py), whether or not it may be read. Of a binary that is its kind alone."""
    opened, read, close, unique, flags = os.open, os.read, os.close, id, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    binary = BINARY

    def on_head(answer, path):
        if type(answer) is not list or type(path) is not str:
            return
        path = (path + "/")[:-1]  # an object that nobody else has
        own.add(unique(path))
        try:
            descriptor = opened(path, flags)
        finally:
            own.discard(unique(path))
        try:
            head = read(descriptor, HEAD_SIZE)
        finally:
            close(descriptor)
        answer.append(head if head[:2] == b"#!" else head[:4] if head.startswith(binary) else b"")

    return on_head


# What is no path.


def make_on_use(check, scopes):
    def on_use(answer, what):
        """Something that reaches files by ways of its own."""
        if type(answer) is list and type(what) is str:
            if scopes.current.filesystem is not None:
                check(Request(NAME, "use", what, path=None))
            answer.append(True)

    return on_use


def make_judge_variable(check, scopes, judge):
    """For a variable that says which files a library shall read (variables.py): where they may lead to any other it is refused, else judged."""
    read = frozenset([name.decode("ascii") for name in variables.READ])

    def judge_variable(action, shown):
        name, _, value = shown.partition("=")
        if name in read:
            for path in value.split(":") if value else ():
                judge(READ, path, -1, READS)
        elif scopes.limits_reading:
            check(Request(NAME, "use", shown, path=None))

    return judge_variable


def make_on_variable(judge_variable):
    def on_variable(answer, shown):
        if type(answer) is list and type(shown) is str:
            judge_variable("use", shown)
            answer.append(True)

    return on_variable


# SQLite opens files itself.


def make_on_database(judge, allows, scopes):
    def on_database(answer, path):
        """Answers None where there is no guard, whether a database may be written, False for one that can only be read."""
        if type(answer) is not list or type(path) not in (str, bytes, type(None)):
            return
        if scopes.current.filesystem is None or path is None:
            answer.append(None if scopes.current.filesystem is None else True)
            return
        place, there = locate(path, -1, WRITES), locate(path, -1, READS)
        writable = place is None or allows(Request(NAME, WRITE, place, path=place))
        judge(READ if there is not None and not writable else WRITE, path, -1, READS if there is not None and not writable else WRITES)
        answer.append(writable)

    return on_database


def make_on_connect(copy, judge):
    """libraries.py was there before, unless somebody got hold of the original."""

    def on_connect(database, *_):
        path = copy(database)
        text = path.decode("utf-8", "surrogateescape") if type(path) is bytes else path
        if type(text) is not str or text in ("", ":memory:"):
            return
        named, mode = read_uri(text)
        if named is not None and mode == "ro":
            judge(READ, named, -1, READS)
        elif named is not None and mode != "memory":
            judge(WRITE, named, -1, WRITES)
        if named is None or mode == "":
            judge(WRITE, path, -1, WRITES)

    return on_connect


# At start.


def no_core_files():
    """abort() would have the kernel write one, of which no event tells."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def point_to_scratch(rules, scratch):
    """Temporary files go where they may be written, unless TMPDIR does so already."""
    if not lets_write(rules, os.path.realpath(os.environ.get("TMPDIR") or "/tmp")):
        os.environ["TMPDIR"] = scratch
        posix.environ[b"TMPDIR"] = os.fsencode(scratch)
