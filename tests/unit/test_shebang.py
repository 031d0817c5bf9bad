"""First lines of scripts: what runs them."""

from pathlib import Path

import pytest
from hermetic_guard import shebang
from hermetic_guard.shebang import BESIDE, BESIDE_REAL

SH = b"#!/bin/sh\n"
END = b"\n' '''\nimport sys\n"
LONG = b"/" + b"/".join([b"d" * 60] * 4) + b"/bin/python"

KERNEL = [
    # head, interpreter, arguments
    (b"#!/v/bin/python\n", b"/v/bin/python", []),
    (b"#!/v/bin/python", b"/v/bin/python", []),
    (b"#! /v/bin/python\n", b"/v/bin/python", []),
    (b"#!\t /v/bin/python \t\n", b"/v/bin/python", []),
    (b"#!/v/bin/python -E\n", b"/v/bin/python", [b"-E"]),
    (b"#!/v/bin/python -sP  \n", b"/v/bin/python", [b"-sP"]),
    (b"#!/v/bin/python\t-E\t-s\n", b"/v/bin/python", [b"-E\t-s"]),
    (b"#!/v/bin/python -E -s\n", b"/v/bin/python", [b"-E -s"]),
    (b"#!/v/bin/python '-E'\n", b"/v/bin/python", [b"'-E'"]),
    (b"#!/v/bin/python\r\n", b"/v/bin/python\r", []),
    (b"#!/v/bin/python -E\r\n", b"/v/bin/python", [b"-E\r"]),
    (b"#!/v\xff/bin/python\n", b"/v\xff/bin/python", []),
    (b"#!python\n", b"python", []),
    (b'#!"/a b/python"\n', b'"/a', [b'b/python"']),
    (b"#!/v/bin/python \n", b"/v/bin/python", []),
    (b"#!/v/bin/python ", b"/v/bin/python", [b""]),
    (b"#!/v/bin/python -E ", b"/v/bin/python", [b"-E "]),
    (b"#!/v/bin/python\0-E\n", b"/v/bin/python", []),
    (b"#!/v/bin/python -E\0x\n", b"/v/bin/python", [b"-E"]),
    (b"#!" + b"/" * 252 + b"p\n", b"/" * 252 + b"p", []),
    (b"#!" + b"/" * 251 + b"p\n", b"/" * 251 + b"p", []),
    (b"#!" + b"/" * 252 + b"p x\n", b"/" * 252 + b"p", []),
    (b"#!" + b"/" * 251 + b"p x\n", b"/" * 251 + b"p", []),
    (b"#!/p " + b"a" * 300 + b"\n", b"/p", [b"a" * 250]),
    (b"#!/p\nsecond \xff\0 line", b"/p", []),
]
NO_SCRIPT = [
    b"",
    b"#",
    b"#!",
    b"#!\n",
    b"#! \t \n/bin/sh\n",
    b"#!\0/bin/sh\n",
    b" #!/bin/sh\n",
    b"\xef\xbb\xbf#!/bin/sh\n",
    b"print(1)\n",
    b"\x7fELF\2\1\1",
    b"PK\3\4",
    b"#!" + b"/" * 254 + b"p\n",
    b"#!" + b" " * 300 + b"/bin/sh\n",
]


@pytest.mark.parametrize(("head", "interpreter", "arguments"), KERNEL)
def test_kernel(head, interpreter, arguments):
    line = shebang.parse(head)
    assert (line.via, line.interpreter, line.arguments, line.edits) == ("kernel", interpreter, arguments, [])


@pytest.mark.parametrize("head", NO_SCRIPT)
def test_no_script(head):
    assert shebang.parse(head) is None


ENV = [
    # after `#!/usr/bin/env `, interpreter, arguments, edits
    (b"python3", b"python3", [], []),
    (b" python3  ", b"python3", [], []),
    (b"/v/bin/python", b"/v/bin/python", [], []),
    (b"python3 -u", b"python3 -u", [], []),
    (b"python3\r", b"python3\r", [], []),
    (b"-S python3 -u", b"python3", [b"-u"], []),
    (b"-S python3\t-u\v-E", b"python3", [b"-u", b"-E"], []),
    (b"-Spython3 -u", b"python3", [b"-u"], []),
    (b"--split-string=python3 -u", b"python3", [b"-u"], []),
    (b"-S uv run --script", b"uv", [b"run", b"--script"], []),
    (b"-vS python3 -u", b"python3", [b"-u"], []),
    (b"-S -u NAME python3", b"python3", [], [(b"NAME", None)]),
    (b"-S -uNAME python3", b"python3", [], [(b"NAME", None)]),
    (b"-S --unset=NAME python3", b"python3", [], [(b"NAME", None)]),
    (b"-S --unset NAME python3", b"python3", [], [(b"NAME", None)]),
    (b"-S -i python3", b"python3", [], [(None, None)]),
    (b"-iS python3", b"python3", [], [(None, None)]),
    (b"-S --ignore-environment python3", b"python3", [], [(None, None)]),
    (b"-S - python3 -i", b"python3", [b"-i"], [(None, None)]),
    (b"-S A=1 B= C=x=y python3 D=2", b"python3", [b"D=2"], [(b"A", b"1"), (b"B", b""), (b"C", b"x=y")]),
    (b"-S A=1 -u", b"-u", [], [(b"A", b"1")]),
    (b"-S -i -uA A=1 python3", b"python3", [], [(None, None), (b"A", None), (b"A", b"1")]),
    (b"-S -uA -i A=1 python3", b"python3", [], [(None, None), (b"A", None), (b"A", b"1")]),
    (b"-S -- python3 -u", b"python3", [b"-u"], []),
    (b"-S -S'python3 -u' -E", b"python3", [b"-u", b"-E"], []),
    (b"-S 'a b' \"c d\" e'f'\"g\"", b"a b", [b"c d", b"efg"], []),
    (b"-S p '' \"\"", b"p", [b"", b""], []),
    (b"-S p \\\"a\\' \\#b \\$c \\\\", b"p", [b"\"a'", b"#b", b"$c", b"\\"], []),
    (b"-S p\\_a\\_ \\_b", b"p", [b"a", b"b"], []),
    (b'-S p "a\\_b\\tc"', b"p", [b"a b\tc"], []),
    (b"-S p 'a\\_b\\'\\\\c\\d'", b"p", [b"a\\_b'\\c\\d"], []),
    (b"-S p \\f\\n\\r\\t\\v", b"p", [b"\f\n\r\t\v"], []),
    (b"-S p a\\cb c", b"p", [b"a"], []),
    (b"-S p # -E", b"p", [], []),
    (b"-S p a#b '#c' \"#d\"", b"p", [b"a#b", b"#c", b"#d"], []),
    (b"-S ${HOME}/python '${HOME}' \"${HOME}\"", b"/h/python", [b"${HOME}", b"/h"], []),
    (b'-S p ${UNSET} a${UNSET}b "${UNSET}"', b"p", [b"ab", b""], []),
]
NOT_FOR_ENV = [
    b"",
    b"-",
    b"-i",
    b"-u",
    b"-S",
    b"-S -u",
    b"-S A=1",
    b"-S 'python3",
    b'-S "python3',
    b"-S python3\\",
    b"-S python3 \\x",
    b'-S "python3\\c"',
    b"-S $HOME/python",
    b"-S ${HOME/python",
    b"-S ${}",
    b"-S ${1A}",
    b"-S ${A-B}",
    b"-S -C /tmp python3",
    b"-S --chdir=/tmp python3",
    b"-S -0 python3",
    b"-S --unknown python3",
    b"-S --block-signal python3",
    b"-Z python3",
]


@pytest.mark.parametrize(("words", "interpreter", "arguments", "edits"), ENV)
def test_env(words, interpreter, arguments, edits):
    line = shebang.parse(b"#!/usr/bin/env " + words + b"\n", {b"HOME": b"/h"})
    assert (line.via, line.interpreter, line.arguments, line.edits) == ("env", interpreter, arguments, edits)


@pytest.mark.parametrize("words", NOT_FOR_ENV)
def test_env_that_is_not_understood(words):
    """It is env's then, whatever it makes of it."""
    line = shebang.parse(b"#!/usr/bin/env " + words + b"\n", {b"HOME": b"/h"})
    assert (line.via, line.interpreter) == ("kernel", b"/usr/bin/env")


def test_a_variable_of_an_unknown_environment():
    assert shebang.parse(b"#!/usr/bin/env -S ${HOME}/python\n").interpreter == b"/usr/bin/env"


SHELL = [
    # after the `#!/bin/sh` line, interpreter, base, arguments
    (b'\'\'\'exec\' "/a b/bin/python" "$0" "$@"' + END, b"/a b/bin/python", None, []),
    (b"'''exec' " + LONG + b' "$0" "$@"' + END, LONG, None, []),
    (b'\'\'\'exec\' "/a b/bin/python" -E "$0" "$@"' + END, b"/a b/bin/python", None, [b"-E"]),
    (b"'''exec' '/a b/bin/python' \"$0\" \"$@\"" + END, b"/a b/bin/python", None, []),
    (b"'''exec' '/it'\"'\"'s/python' \"$0\" \"$@\"" + END, b"/it's/python", None, []),
    (b'\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"' + END, b"/python", BESIDE_REAL, []),
    (
        b'\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")/py thon" -s "$0" "$@"' + END,
        b"/py thon",
        BESIDE_REAL,
        [b"-s"],
    ),
    (b'\'\'\'exec\' "$(dirname "$(readlink -f "$0")")"/python "$0" "$@"' + END, b"/python", BESIDE_REAL, []),
    (b'"exec" "`dirname $0`/python" "$0" "$@"\n', b"/python", BESIDE, []),
    (b'"exec" "$(dirname "$0")/python3.9" "-u" "$0" "$@"\n', b"/python3.9", BESIDE, [b"-u"]),
    (b'\'\'\'exec\' "${0%/*}/../bin/python" "$0" "$@"\n', b"/../bin/python", BESIDE, []),
    (b'"exec" "python3" "-u" "$0" "$@"\n', b"python3", None, [b"-u"]),
    (b'""":"\nexec python3 -s "$0" "$@"\n"""\n', b"python3", None, [b"-s"]),
    (
        b"''':'\n# it's a comment\n\n  : nothing\nexec /v/bin/python\t\"$0\" \"$@\" # why\n'''\n",
        b"/v/bin/python",
        None,
        [],
    ),
    (b"'''exec' \"/v/python\" \"$0\" \"$@\" #'''\n", b"/v/python", None, []),
    (b'exec python3 "a\\"b\\$c\\`d\\\\e\\f" "$0" "$@"\n', b"python3", None, [b'a"b$c`d\\e\\f']),
    (b'exec \\p\\ q \'a\\b\' "$0" "$@"\n', b"p q", None, [b"a\\b"]),
    (b'exec python3 a=b "" \'\' "$0" "$@"\n', b"python3", None, [b"a=b", b"", b""]),
    (b'exec "/v/bin/pyth\xc3\xb6n" "$0" "$@"\n', b"/v/bin/pyth\xc3\xb6n", None, []),
    (b'exec /v/bin/pyth\xc3\xb6n "$0" "$@"', b"/v/bin/pyth\xc3\xb6n", None, []),
]
OTHER_SHELL_SCRIPTS = [
    b"",
    b"echo hello\n",
    b"set -e\nexec python3 \"$0\" \"$@\"\n",
    b"FOO=1 exec python3 \"$0\" \"$@\"\n",
    b"exec python3 \"$0\"\n",
    b"exec python3 \"$@\"\n",
    b"exec python3 \"$@\" \"$0\"\n",
    b"exec python3 \"$0\" -u \"$@\"\n",
    b"exec python3 script.py \"$@\"\n",
    b"exec python3 $0 $@\n",
    b"exec python3 \"$0\" \"$@\" &\n",
    b"exec python3 \"$0\" \"$@\"; echo\n",
    b"exec python3 \"$0\" \"$@\" 2>/dev/null\n",
    b"exec python3 \"$0\" \"$@\" || exit\n",
    b"exec \"$PYTHON\" \"$0\" \"$@\"\n",
    b"exec \"/v/$X/python\" \"$0\" \"$@\"\n",
    b"exec $(which python3) \"$0\" \"$@\"\n",
    b"exec \"`which python3`\" \"$0\" \"$@\"\n",
    b"exec ~/python \"$0\" \"$@\"\n",
    b"exec /v/*/python \"$0\" \"$@\"\n",
    b"exec /v/{a,b}/python \"$0\" \"$@\"\n",
    b"exec -a name python3 \"$0\" \"$@\"\n",
    b"exec \"\" \"$0\" \"$@\"\n",
    b"exec \"$0\" \"$0\" \"$@\"\n",
    b"exec \"$0x\" \"$0\" \"$@\"\n",
    b"exec \"x$0\" \"$0\" \"$@\"\n",
    b"exec /v/\"$(dirname \"$0\")\" \"$0\" \"$@\"\n",
    b"exec \"$0\" \"$@\"\n",
    b"exec\n",
    b"exec 'python3 \"$0\" \"$@\"\n",
    b"exec \"python3 $0\" \"$@\"\n",
    b"exec python3 \\\n\"$0\" \"$@\"\n",
    b"'''exec' /v/python \"$0\" \"$@\"\r\n",
    b"exec /v/py\0thon \"$0\" \"$@\"\n",
]  # fmt: skip


@pytest.mark.parametrize(("rest", "interpreter", "base", "arguments"), SHELL)
def test_polyglot(rest, interpreter, base, arguments):
    line = shebang.parse(SH + rest)
    assert (line.via, line.interpreter, line.base, line.arguments) == ("sh", interpreter, base, arguments)


@pytest.mark.parametrize("rest", OTHER_SHELL_SCRIPTS)
def test_other_shell_script(rest):
    line = shebang.parse(SH + rest)
    assert (line.via, line.interpreter) == ("kernel", b"/bin/sh")


def test_polyglot_through_env():
    line = shebang.parse(SH + b'\'\'\'exec\' /usr/bin/env -i A=1 "python3" -u "$0" "$@"' + END)
    assert (line.via, line.interpreter, line.arguments) == ("env", b"python3", [b"-u"])
    assert line.edits == [(None, None), (b"A", b"1")]


@pytest.mark.parametrize("first", [b"#!/bin/sh -e\n", b"#!/bin/zsh\n", b"#!/v/sh\n", b"#!sh\n"])
def test_no_shell_that_is_known(first):
    rest = b'exec python3 "$0" "$@"\n'
    assert shebang.parse(SH + rest).via == "sh"
    assert shebang.parse(first + rest).via == "kernel"


def test_a_line_that_is_cut_off_is_not_read():
    rest = b'exec python3 "$0" "$@"'
    comment = b"#" + b"x" * (shebang.HEAD - len(SH) - len(rest) - 2) + b"\n"
    head = SH + comment + rest
    assert len(head) == shebang.HEAD
    assert shebang.parse(head).via == "kernel"
    assert shebang.parse(head[len(SH) :]) is None
    assert shebang.parse(SH + comment[1:-1] + b"\n" + rest).via == "kernel"


SHIM = b"""#!/usr/bin/env bash
set -e
[ -n "$PYENV_DEBUG" ] && set -x

program="${0##*/}"

export PYENV_ROOT="/home/me/.pyenv"
exec "/home/me/.pyenv/libexec/pyenv" exec "$program" "$@"
"""


def test_pyenv_shim():
    line = shebang.parse(SHIM)
    assert (line.via, line.interpreter, line.arguments) == ("pyenv", b"/home/me/.pyenv", [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"env bash", b"env  -S bash"),
        (b'"/home/me/.pyenv"', b'"$(touch /tmp/x)"'),
        (b'"/home/me/.pyenv"', b'"relative"'),
        (b'"/home/me/.pyenv"', b'"/home/`x`"'),
        (b'pyenv" exec', b'pyenv" which'),
        (b'"$program" "$@"\n', b'"$program" "$@" more\n'),
        (b"export ", b""),
    ],
)
def test_what_only_looks_like_a_shim(old, new):
    assert old in SHIM
    assert shebang.parse(SHIM.replace(old, new)).via == "env"


def test_hermetic_itself():
    """The command that is shipped is known, and started with the flags that it gives itself."""
    command = Path(__file__, "../../../hermetic/_entry/hermetic").resolve().read_bytes()
    line = shebang.parse(command[: shebang.HEAD])
    assert line.via == "hermetic"
    assert b" ".join([b"", *line.arguments, b'"$self"']) in command
