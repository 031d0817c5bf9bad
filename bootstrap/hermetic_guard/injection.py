"""What is put into an interpreter's environment and command line so that it starts guarded, and how it is taken out again.

Pure functions of bytes and lists, used by the launcher for the target and by the spawn points for every child. Two ways:

early  The environment alone. PYTHONPATH is the run directory and nothing else, for an `encodings/` in a user's entry would run before us;
       PYTHONWARNINGS names a class of `_hermetic_early`, which makes `warnings` import that module before `site` is imported, so before
       `.pth` and `.start` files and sitecustomize (Lib/warnings.py, _getcategory). Wholly faithful.
stub   `-I`, `-E` and `-S` switch the environment or site off, PyPy loads warnings after site. There the interpreter is started with `-S`
       and the stub as its script: it puts the guards in place, then calls `site.main()`, then runs what was asked for.
"""

PREFIX = b"_HERMETIC"
PROTOCOL = b"1"
EARLY_MODULE = "_hermetic_early"
EARLY_CLASS = "Guard"
WARNING = ("ignore::%s.%s" % (EARLY_MODULE, EARLY_CLASS)).encode()

NARROWED, BLOCK = PREFIX + b"_POLICY", PREFIX + b"_BLOCK"
"""What holds besides the run's own policy; and that it is a block's run, with the numbers of those that are told of refusals."""

ONLY_PYTHON = b"only-python"
"""Among those numbers: no kernel holds what this run starts, so what is not Python may be started only where the policy lists it."""

STUB, REOPEN = "stub_importlib_bootstrap.py", "reopen.py"
"""Names in the run directory. `warnings` passes over frames of files that have `importlib` and `_bootstrap` in their names, as over those of
the import system (Python/_warnings.c, is_internal_frame), so the stub at the bottom of the stack is nobody's caller to it."""

OTHER_LIBRARY = (b"PYTHONHOME", b"PYTHONPLATLIBDIR", b"PYTHON_PRESITE")
"""Lead the interpreter to other code than its own standard library before any guard can stand. -E and -I switch them off, and so does an
empty value, but not on 3.6."""

OTHER_PLACE = (b"PYTHONEXECUTABLE", b"__PYVENV_LAUNCHER__")
"""The same, by another pyvenv.cfg; from 3.11 on (Modules/getpath.py, not for macOS alone), and whatever the options."""

HANDED_OVER = (b"PYTHONPATH", b"PYTHONWARNINGS", b"PYTHONPYCACHEPREFIX") + OTHER_LIBRARY + OTHER_PLACE
"""Set aside at start and put back once the guards stand. A pycache prefix would feed the interpreter bytecode from the target's files."""

OTHER_CODE = ("pycache_prefix", "presite")
"""-X options of the same effect: the first, like PYTHONPYCACHEPREFIX, has the standard library's bytecode read from the target's files."""

LOADER = (b"LD_PRELOAD", b"LD_AUDIT", b"LD_LIBRARY_PATH", b"GCONV_PATH")
"""Lead the dynamic loader, or libc's conversion of argv, to other libraries. The user's own are kept, an interpreter may need them; what
the target says instead is handed over as well."""


class Handoff(object):
    """What a guarded process must know of its run before it can read the policy.

    run: the run directory; digest: of its manifest, in hex; channel: (st_dev, st_ino) of its FIFO; block: the value of BLOCK, None for none
    """

    __slots__ = ("block", "channel", "digest", "run")

    def __init__(self, run: bytes, digest: bytes, channel: "tuple[int, int]", block: "bytes | None" = None) -> None:
        self.block = block
        self.run = run
        self.digest = digest
        self.channel = channel

    def dump(self, way: bytes) -> bytes:
        """The value of `_HERMETIC`. The run directory comes last, it may hold anything but a colon."""
        device, inode = self.channel
        return b":".join([PROTOCOL, self.digest, b"%d" % device, b"%d" % inode, way, self.run])


def prepare_environment(
    environment: "dict[bytes, bytes]",
    handoff: Handoff,
    way: str,
    narrowed: "bytes | None" = None,
    loader: "dict[bytes, bytes] | None" = None,
) -> "dict[bytes, bytes]":
    """The environment for a guarded start from the one the program was meant to get.

    narrowed: a serialized policy that holds besides the run's own. It can only tighten, so nothing is won by forging it.
    loader: the user's own values of LOADER, for an interpreter started by the target.
    """
    prepared = {key: value for key, value in environment.items() if not key.startswith(PREFIX)}
    if narrowed is not None:
        prepared[NARROWED] = narrowed
    for name in HANDED_OVER:
        if name in prepared:
            prepared[PREFIX + b"_" + name] = prepared.pop(name)
    if loader is not None:
        for name in [name for name in LOADER if prepared.get(name) not in (None, loader.get(name))]:
            prepared[PREFIX + b"_" + name] = prepared.pop(name)
            prepared.update({name: loader[name]} if name in loader else {})
    prepared[PREFIX] = handoff.dump(way.encode())
    if handoff.block is not None:
        prepared[BLOCK] = handoff.block
    if way == "early":
        warnings = environment.get(b"PYTHONWARNINGS")
        prepared[b"PYTHONPATH"] = handoff.run
        prepared[b"PYTHONWARNINGS"] = WARNING + b"," + warnings if warnings else WARNING
    return prepared


def restore_environment(environment: "dict[bytes, bytes]") -> "dict[bytes, bytes]":
    """Undo `prepare_environment`, also when a shell in between added to PYTHONPATH or PYTHONWARNINGS."""
    run = environment.get(PREFIX, b"").split(b":", 5)[-1]
    restored = {key: value for key, value in environment.items() if not key.startswith(PREFIX)}
    for name, separator, own in ((b"PYTHONPATH", b":", run), (b"PYTHONWARNINGS", b",", WARNING)):
        saved = environment.get(PREFIX + b"_" + name)
        parts = restored.pop(name).split(separator) if name in restored else [own]
        if own in parts and saved is not None and separator == b":":
            parts[parts.index(own)] = saved
        elif own in parts:
            parts.remove(own)
        if parts or saved is not None:
            restored[name] = separator.join(parts) if parts else saved or b""
    for name in HANDED_OVER[2:] + LOADER:
        if PREFIX + b"_" + name in environment:
            restored[name] = environment[PREFIX + b"_" + name]
    return restored


def needs_stub(letters: "set[str]") -> bool:
    """Whether a command line with these single-letter options ignores the environment or site."""
    return not letters.isdisjoint("IES")


def misleading(environment: "dict[bytes, bytes]", line=None) -> str:
    """The variable, or the option of this command line, that has other code loaded before any guard can stand; "" if there is none."""
    heeded = OTHER_LIBRARY if line is None or line.letters.isdisjoint("IE") else ()
    for name in heeded + OTHER_PLACE:
        if environment.get(name):
            return name.decode()
    words = [word for word in line.flags for option in OTHER_CODE if option in word] if line else []
    return "-X " + words[0].rpartition("X")[2] if words else ""


def inspects(line, environment: "dict[bytes, bytes]") -> bool:
    """Whether the interpreter gives a prompt after its script, and so also where it cannot open that."""
    return "i" in line.letters or (line.letters.isdisjoint("IE") and bool(environment.get(b"PYTHONINSPECT")))


def stub_arguments(line, run: str, reopen: bool) -> "list[str]":
    """The interpreter's arguments (without argv[0]) that run a parsed command line through the stub.

    run: the run directory; reopen: for a start that `inspects`, which takes a second one.
    The word after the stub is the kind of target; upper case, `-S` for `-`, says that the user asked for `-S` himself.
    """
    stub = "%s/%s" % (run, STUB)
    kind = line.kind
    if "S" in line.letters:
        kind = {"-": "-S"}.get(kind, kind.upper())
    words = [kind] if line.target is None else [kind, line.target]
    arguments = ["-S"] + list(line.flags) + [stub] + words + list(line.rest)
    return ["-E", "-S", "%s/%s" % (run, REOPEN), stub] + arguments if reopen else arguments


def warm_arguments(line, run: str, reopen: bool) -> "list[str]":
    """Those that have it wait for code, see _warm.py; as stub_arguments."""
    return ["-S"] + list(line.flags) + ["%s/%s" % (run, STUB), "w"]
