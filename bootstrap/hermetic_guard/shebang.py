"""Reads the first lines of a script: which interpreter runs it, with which arguments.

The kernel, `env` and `sh` each read a script's head in their own way, and hermetic has to come to the same
interpreter without running any of them. What is not understood is left to the interpreter that was named last
(`/bin/sh` for a shell script of any kind), where the caller sees that this is no Python. Nothing is guessed.

Rules: Linux fs/binfmt_script.c; GNU coreutils env(1), "-S/--split-string syntax"; POSIX Shell Command Language 2.2
(quoting) and 2.3 (tokens); libexec/pyenv-rehash.
"""

from hermetic_guard.files import HEAD

KERNEL_LIMIT = 256
"""BINPRM_BUF_SIZE since Linux 5.1; the 256th byte only serves to tell whether the line was cut off."""

ENV = (b"/usr/bin/env", b"/bin/env")
SHELLS = (b"/bin/sh", b"/usr/bin/sh", b"/bin/bash", b"/usr/bin/bash", b"/bin/dash", b"/usr/bin/dash")

ENV_LONG = ((b"--ignore-environment", b"-i"), (b"--debug", b"-v"), (b"--unset", b"-u"), (b"--split-string", b"-S"))
BLANKS = (b" ", b"\t", b"\n", b"\v", b"\f", b"\r")
ESCAPES = {b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"_": b" "}
ESCAPES.update((char, char) for char in (b'"', b"#", b"$", b"'", b"\\"))

PLAIN = (b"#", b"/", b".", b"_", b"-", b"+", b":", b",", b"@", b"%", b"=")
"""Beside letters, digits and bytes above 127, what means itself to a shell within a word and without quotes."""

SCRIPT, ARGUMENTS = "$0", "$@"
BESIDE, BESIDE_REAL = "dirname $0", "dirname realpath $0"
"""What a word of a shell command can begin with: the script, the user's arguments, the script's directory, and the same
with all links resolved."""

PHRASES = (
    (b"$0", SCRIPT),
    (b"$@", ARGUMENTS),
    (b'$(dirname -- "$(realpath -- "$0")")', BESIDE_REAL),
    (b'$(dirname "$(realpath "$0")")', BESIDE_REAL),
    (b'$(dirname "$(readlink -f "$0")")', BESIDE_REAL),
    (b'$(dirname -- "$0")', BESIDE),
    (b'$(dirname "$0")', BESIDE),
    (b"$(dirname $0)", BESIDE),
    (b'`dirname "$0"`', BESIDE),
    (b"`dirname $0`", BESIDE),
    (b"${0%/*}", BESIDE),
)
"""All that is understood of a shell's expansions, inside double quotes only: a new form is a new row."""

HERMETIC = b"#!/bin/sh\n''':'\n# The hermetic command:"
HERMETIC_FLAGS = [b"-I", b"-S", b"-X", b"disable-remote-debug"]
"""hermetic's own command is a shell program that looks for its interpreter; `programs` looks in the same places."""

PYENV = (b"#!/usr/bin/env bash\n", b'\nexport PYENV_ROOT="', b'/pyenv" exec "$program" "$@"\n')
"""How a shim of pyenv's begins, what stands before the path of its root, and how it ends."""

PEX = (b"#!/bin/sh\n# N.B.: This script should stick to syntax defined for POSIX `sh`", b'\n        export __PEX_EXE__="$0"\n')
"""How the shell part of a PEX file begins, and what stands in it if that file is the whole archive."""


class Shebang(object):
    """What runs a script.

    via:         who looks for the interpreter: "kernel" (a path), "env" or "sh" (on PATH, if it has no slash),
                 "pyenv" (below its root, which is then given as the interpreter), "pex" (its own text does, which is
                 then given), "hermetic" (its own command does)
    interpreter: path or name; with `base`, a path to append to the directory of the script
    base:        None, BESIDE or BESIDE_REAL
    arguments:   what stands between the interpreter and the script's path
    edits:       changes to the environment, in order: (name, value), (name, None) to unset it, (None, None) to empty it
    """

    __slots__ = ("arguments", "base", "edits", "interpreter", "via")

    def __init__(self, via, interpreter, arguments, base=None, edits=()):
        # type: (str, bytes, list[bytes], str | None, list[tuple[bytes | None, bytes | None]] | tuple[()]) -> None
        self.via = via
        self.interpreter = interpreter
        self.arguments = arguments
        self.base = base
        self.edits = list(edits)

    def __repr__(self) -> str:
        return "Shebang(%s)" % ", ".join("%s=%r" % (name, getattr(self, name)) for name in self.__slots__)


def parse(head: bytes, variables: "dict[bytes, bytes] | None" = None) -> "Shebang | None":
    """What runs the script that begins with `head`; None if the kernel would not take it for a script.

    head: the first HEAD bytes, or the whole file if it is shorter
    variables: the environment, for `${NAME}` in env's -S; without it such a line is not understood
    """
    line = _kernel(head)
    if line is None:
        return None
    if line.interpreter in ENV:
        return _pyenv(head) or env(line.arguments, variables) or line
    if line.interpreter in SHELLS and not line.arguments:
        return _shell(head, variables) or line
    return line


def _kernel(head: bytes) -> "Shebang | None":
    """The first line as load_script() reads it: one interpreter, at most one argument, cut at KERNEL_LIMIT or a NUL."""
    if head[:2] != b"#!":
        return None
    text = head[2:KERNEL_LIMIT].ljust(KERNEL_LIMIT - 2, b"\0")
    line, newline, _ = text.partition(b"\n")
    whole = bool(newline) and b"\0" not in line
    if not whole and not any(end in text.lstrip(b" \t") for end in (b" ", b"\t", b"\0")):
        return None  # the interpreter's path may be cut off
    line = (line if whole else text[:-1]).strip(b" \t")
    name = line.replace(b"\t", b" ").replace(b"\0", b" ").partition(b" ")[0]
    if not name:
        return None
    rest = line[len(name) :]
    # At a NUL the line ends; after a blank there is an argument, an empty one if the file ends there without a newline.
    arguments = [rest.lstrip(b" \t").partition(b"\0")[0]] if rest[:1] in (b" ", b"\t") else []
    return Shebang("kernel", name, arguments)


def env(words, variables):
    # type: (list[bytes], dict[bytes, bytes] | None) -> Shebang | None
    """`env` with these arguments, as GNU env reads them; None if it starts nothing or does more than set variables."""
    words = list(words)
    cleared = False
    unset, assigned = [], []  # type: list[bytes], list[tuple[bytes, bytes]]
    while words and words[0][:1] == b"-":
        option, value, clears = _env_option(words, words.pop(0))
        cleared = cleared or clears
        if option == b"u" and value:
            unset.append(value)
        elif option == b"S" and value is not None:
            split = split_string(value, variables)
            if split is None:
                return None
            words = split + words
        elif option == b"--":
            break
        elif option:
            return None
    while words and b"=" in words[0]:
        name, _, value = words.pop(0).partition(b"=")
        assigned.append((name, value))
    return Shebang("env", words[0], words[1:], edits=_edits(cleared, unset, assigned)) if words else None


def _edits(cleared, unset, assigned):
    # type: (bool, list[bytes], list[tuple[bytes, bytes]]) -> list[tuple[bytes | None, bytes | None]]
    """In the order of GNU env, however the options stand: it empties, then unsets, then sets."""
    edits = []  # type: list[tuple[bytes | None, bytes | None]]
    edits += [(None, None)] if cleared else []
    edits += [(name, None) for name in unset]
    edits += assigned
    return edits


def _env_option(words, word):
    # type: (list[bytes], bytes) -> tuple[bytes, bytes | None, bool]
    """Read one word of options: what is left when -i and -v are taken off, its value, and whether -i was there.

    The value is attached, else it is taken from `words`. `-` is -i, and ends the options like `--`.
    """
    if word in (b"-", b"--"):
        return b"--", None, word == b"-"
    for name, letter in ENV_LONG:
        if word == name or word.startswith(name + b"="):
            word = letter + word[len(name) + 1 :]
    letters = word[1:].lstrip(b"iv")
    clears = b"i" in word[1 : len(word) - len(letters)]
    value = letters[1:] or (words.pop(0) if letters and words else None)
    return letters[:1], value, clears


def split_string(text, variables):
    # type: (bytes, dict[bytes, bytes] | None) -> list[bytes] | None
    """The words of env's -S; None for what env refuses, and for a variable when the environment is not known."""
    words, quote, apart = [], b"", True  # type: list[bytes], bytes, bool
    while text:
        char = text[:1]
        if not quote and (char in BLANKS or text[:2] == b"\\_"):
            apart, text = True, text[1 if char in BLANKS else 2 :]
            continue
        if (apart and char == b"#") or (not quote and text[:2] == b"\\c"):
            break
        if char in (b"'", b'"') and quote in (b"", char):
            quote = b"" if quote else char
            piece, length = b"", 1  # type: bytes | None, int
        else:
            piece, length = _piece(text, quote, variables)
        if not length:
            return None
        if piece is not None:
            if apart:
                words.append(b"")
            words[-1] += piece
            apart = False
        text = text[length:]
    return None if quote else words


def _piece(text, quote, variables):
    # type: (bytes, bytes, dict[bytes, bytes] | None) -> tuple[bytes | None, int]
    """What `text` begins with: its meaning, None for a variable that is not set, and its length, 0 if it is refused."""
    if text[:1] == b"\\" and (quote != b"'" or text[1:2] in (b"'", b"\\")):
        return ESCAPES.get(text[1:2]), 2 if text[1:2] in ESCAPES else 0
    if text[:1] == b"$" and quote != b"'":
        name = _variable(text)
        if name is None or variables is None:
            return None, 0
        return variables.get(name), len(name) + 3
    return text[:1], 1


def _variable(text: bytes) -> "bytes | None":
    """The name in `${NAME}` at the beginning of `text`."""
    name = text[2:].partition(b"}")[0]
    plain = name.replace(b"_", b"a")
    return name if text[:2] == b"${" and text[2 + len(name) :] and plain.isalnum() and not plain[:1].isdigit() else None


def _pyenv(head: bytes) -> "Shebang | None":
    """A shim of pyenv's, which starts a program of its own name from the versions below the root it names."""
    begin, names_root, end = PYENV
    root = head.partition(names_root)[2].partition(b'"')[0]
    if not (head.startswith(begin) and head.endswith(end) and root.startswith(b"/")):
        return None
    return None if any(char in root for char in (b"\n", b"$", b"`", b"\\")) else Shebang("pyenv", root, [])


def _shell(head: bytes, variables: "dict[bytes, bytes] | None") -> "Shebang | None":
    """A polyglot: its first command is `exec INTERPRETER [ARGUMENT...] "$0" "$@"`. None for other shell scripts."""
    if head.startswith(HERMETIC):
        return Shebang("hermetic", b"", HERMETIC_FLAGS)
    if head.startswith(PEX[0]) and PEX[1] in head:
        return Shebang("pex", head, [])
    lines = head.split(b"\n")[1 : -1 if len(head) >= HEAD else None]
    for line in lines:
        tokens = tokenize(line)
        if tokens is None:
            return None
        if tokens and tokens[0] != (None, b":"):
            return _exec(tokens, variables)
    return None


def _exec(tokens, variables):
    # type: (list[tuple[str | None, bytes]], dict[bytes, bytes] | None) -> Shebang | None
    if tokens[0] != (None, b"exec") or tokens[-2:] != [(SCRIPT, b""), (ARGUMENTS, b"")]:
        return None
    words = tokens[1:-2]
    if not words or words[0][0] in (SCRIPT, ARGUMENTS) or any(base for base, _ in words[1:]):
        return None
    base, interpreter = words[0]
    arguments = [text for _, text in words[1:]]
    if base is None and interpreter in ENV + (b"env",):
        return env(arguments, variables)
    if base is None and interpreter[:1] in (b"", b"-"):
        return None
    return Shebang("sh", interpreter, arguments, base)


def tokenize(line: bytes) -> "list[tuple[str | None, bytes]] | None":
    """The words of a simple shell command, each as (what it begins with: None or one of PHRASES, literal text).

    None if the line holds more than plain words, quotes and PHRASES: an operator, a pattern, another expansion.
    """
    tokens = []  # type: list[tuple[str | None, bytes]]
    position = 0
    while True:
        while line[position : position + 1] in (b" ", b"\t"):
            position += 1
        if line[position : position + 1] in (b"", b"#"):
            return tokens
        base, text = None, b""
        while line[position : position + 1] not in (b"", b" ", b"\t"):
            part = _part(line, position)
            if part is None or (part[0] and (base or text)):
                return None
            base, text, position = base or part[0], text + part[1], part[2]
        if text and base in (SCRIPT, ARGUMENTS):
            return None
        tokens.append((base, text))


def _part(line: bytes, position: int) -> "tuple[str | None, bytes, int] | None":
    """One piece of a word, quoted in one way: what it begins with, its text, where the next one begins."""
    char = line[position : position + 1]
    if char == b"'":
        end = line.find(b"'", position + 1)
        return (None, line[position + 1 : end], end + 1) if end > 0 else None
    if char == b'"':
        return _double_quoted(line, position + 1)
    if char == b"\\" and line[position + 1 :]:
        return None, line[position + 1 : position + 2], position + 2
    return (None, char, position + 1) if char.isalnum() or char in PLAIN or char > b"\x7f" else None


def _double_quoted(line: bytes, position: int) -> "tuple[str | None, bytes, int] | None":
    base, text = None, b""
    while line[position : position + 1] != b'"':
        char, following = line[position : position + 1], line[position + 1 : position + 2]
        if not char:
            return None
        if char in (b"$", b"`"):
            known = [(phrase, name) for phrase, name in PHRASES if line.startswith(phrase, position)]
            if not known or base or text:
                return None
            base, position = known[0][1], position + len(known[0][0])
        elif char == b"\\" and following in (b"$", b"`", b'"', b"\\"):
            text, position = text + following, position + 2
        else:
            text, position = text + char, position + 1
    return base, text, position + 1
