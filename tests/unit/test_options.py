"""The table of options and the small parser; and that click, made from the same table, reads every line alike."""

import ast
import itertools
import random
from pathlib import Path

import click
import pytest

from hermetic import cli, errors, options
from hermetic.errors import UsageError
from hermetic.options import ANSWER, COMMANDS, EXEC, FLAG, OPTIONAL, ROOT, RUN, SHELL, VALUE, parse

NO_ENVIRON = {}


def read(*words):
    invocation = parse(words, NO_ENVIRON)
    return invocation.command, invocation.values, invocation.target


GOOD = [
    # where the target starts
    ("run pip install x", RUN, {}, ["pip", "install", "x"]),
    ("run -- pip", RUN, {}, ["pip"]),
    ("run -- -- pip", RUN, {}, ["--", "pip"]),
    ("run pip -- --no-network -v", RUN, {}, ["pip", "--", "--no-network", "-v"]),
    ("run --trace pip --log --help --version", RUN, {"trace": True}, ["pip", "--log", "--help", "--version"]),
    ("run -", RUN, {}, ["-"]),
    ("run -- --help", RUN, {}, ["--help"]),
    ("run -- run", RUN, {}, ["run"]),
    ("run run", RUN, {}, ["run"]),
    ("run =", RUN, {}, ["="]),
    # `run` left out
    ("--no-network -- http https://example.com", RUN, {"no_network": True}, ["http", "https://example.com"]),
    ("--no-network http -v", RUN, {"no_network": True}, ["http", "-v"]),
    ("-- foo", RUN, {}, ["foo"]),
    ("-- run", RUN, {}, ["run"]),
    ("--trace -- shell x", RUN, {"trace": True}, ["shell", "x"]),
    ("-q pip", RUN, {"quiet": True}, ["pip"]),
    # values
    ("run --log f x", RUN, {"log": "f"}, ["x"]),
    ("run --log=f x", RUN, {"log": "f"}, ["x"]),
    ("run --log=--trace x", RUN, {"log": "--trace"}, ["x"]),
    ("run --log=a=b x", RUN, {"log": "a=b"}, ["x"]),
    ("run --log - x", RUN, {"log": "-"}, ["x"]),
    ("run --log run x", RUN, {"log": "run"}, ["x"]),
    ("run --on-violation raise x", RUN, {"on_violation": "raise"}, ["x"]),
    ("run --on-violation=refuse x", RUN, {"on_violation": "refuse"}, ["x"]),
    # optional values come with = only
    ("--fs-readonly pytest", RUN, {"fs_readonly": True}, ["pytest"]),
    ("--fs-readonly -- pytest", RUN, {"fs_readonly": True}, ["pytest"]),
    ("--fs-readonly=./sandbox -- python x.py", RUN, {"fs_readonly": "./sandbox"}, ["python", "x.py"]),
    ("--fs-readonly --block-native x", RUN, {"fs_readonly": True, "block_native": True}, ["x"]),
    ("--no-network --allow-localhost pytest", RUN, {"no_network": True, "allow_localhost": (True,)}, ["pytest"]),
    ("--allow-localhost=80,443 pytest", RUN, {"allow_localhost": ("80,443",)}, ["pytest"]),
    # repeated
    ("--allow-localhost=80 --allow-localhost x", RUN, {"allow_localhost": ("80", True)}, ["x"]),
    ("--profile a --profile=b --profile a x", RUN, {"profile": ("a", "b", "a")}, ["x"]),
    ("--no-network --no-network x", RUN, {"no_network": True}, ["x"]),
    ("--log f --log=f x", RUN, {"log": "f"}, ["x"]),
    ("--fs-readonly --fs-readonly x", RUN, {"fs_readonly": True}, ["x"]),
    # short
    ("run -v x", RUN, {"verbose": True}, ["x"]),
    ("run -vv x", RUN, {"verbose": True}, ["x"]),
    ("run --verbose x", RUN, {"verbose": True}, ["x"]),
    # exec: what Python itself would take starts the target as well
    ("exec script.py -v", EXEC, {}, ["script.py", "-v"]),
    ("exec --python 3.9 script.py", EXEC, {"python": "3.9"}, ["script.py"]),
    ("exec --python=~/env -m mod --no-network", EXEC, {"python": "~/env"}, ["-m", "mod", "--no-network"]),
    ("exec -c print() a", EXEC, {}, ["-c", "print()", "a"]),
    ("exec -mpip -h", EXEC, {}, ["-mpip", "-h"]),
    ("exec --no-network -", EXEC, {"no_network": True}, ["-"]),
    ("exec -- -I script.py", EXEC, {}, ["-I", "script.py"]),
    # shell
    ("shell", SHELL, {}, []),
    ("shell --no-network --python 3.12 -v", SHELL, {"no_network": True, "python": "3.12", "verbose": True}, []),
    ("shell --", SHELL, {}, []),
]


@pytest.mark.parametrize(("line", "command", "values", "target"), GOOD, ids=[row[0] for row in GOOD])
def test_reads(line, command, values, target):
    assert read(*line.split(" ")) == (command, values, target)


@pytest.mark.parametrize(
    "line",
    ["--help", "-h", "--version", "-V", "run --help", "exec -h", "shell --help", "completion", "completion bash",
     "--no-network --help", "run --no-network -h pip", "run -vh", "-q --version", "run -v -q --help", "run -h --bogus"],
)  # fmt: skip
def test_leaves_to_click(line):
    assert parse(line.split(), NO_ENVIRON) is None


def test_leaves_an_empty_line_to_click():
    assert parse([], NO_ENVIRON) is None


@pytest.mark.parametrize(("value", "left"), [("bash_complete", True), ("nonsense", True), ("", False)])
def test_leaves_completion_to_click(value, left, monkeypatch):
    environ = {options.COMPLETE_VARIABLE: value}
    assert (parse(["run", "x"], environ) is None) == left
    monkeypatch.setenv(options.COMPLETE_VARIABLE, value)
    assert (parse(["run", "x"]) is None) == left


BAD = [
    # unknown, with the nearest word
    ("run --no-netwrk x", "unknown option --no-netwrk (did you mean --no-network?)"),
    ("--no-netwrk x", "unknown option --no-netwrk (did you mean --no-network?)"),
    ("run --fs x", "unknown option --fs (did you mean --fs-readonly?)"),
    ("run --zzz x", "unknown option --zzz (hermetic run --help lists them)"),
    ("shell --zzz", "unknown option --zzz (hermetic shell --help lists them)"),
    ("run --no_network x", "did you mean --no-network?"),
    ("run --NO-NETWORK x", "unknown option --NO-NETWORK"),
    ("run --=x y", "unknown option --"),
    ("run --- x", "unknown option ---"),
    ("run -x y", "unknown option -x"),
    ("run -vx y", "unknown option -x in -vx"),
    ("run -v=1 y", "unknown option -= in -v=1"),
    ("run -no-network x", "unknown option -n in -no-network (did you mean --no-network?)"),
    ("run -m http.server", "for Python's own: hermetic exec -m ..."),
    ("-c pass", "for Python's own: hermetic exec -c ..."),
    ("exec -I script.py", "unknown option -I (Python's own flags go after --)"),
    ("run --python 3.9 x", "--python goes with exec and shell, with run only beside --with (as in hermetic exec --python)"),
    ("--python 3.9 x", "--python goes with exec and shell, with run only beside --with"),
    ("run --resolved x", "--resolved is an option of policy show only (as in hermetic policy show --resolved)"),
    ("run --version", "--version is an option of hermetic only (as in hermetic --version)"),
    # values
    ("run --log", "--log needs a value (--log FILE)"),
    ("run --log -- x", "--log needs a value (--log FILE)"),
    ("run --profile --no-network x", "--profile needs a value, and --no-network looks like an option"),
    ("run --log= x", "--log is given an empty value"),
    ("run --fs-readonly= x", "--fs-readonly is given an empty value"),
    ("run --allow-localhost= x", "--allow-localhost is given an empty value"),
    ("run --no-network=1 x", "--no-network takes no value"),
    ("run --no-network= x", "--no-network takes no value"),
    ("run --help=x x", "--help takes no value"),
    ("run --on-violation rase x", "--on-violation cannot be rase, only raise or refuse or kill (did you mean raise?)"),
    ("run --on-violation=end x", "--on-violation cannot be end"),
    # contradictions
    ("run -v -q x", "--verbose and --quiet exclude each other"),
    ("run -vq x", "--verbose and --quiet exclude each other"),
    ("run --quiet --trace x", "--trace and --quiet exclude each other"),
    ("run --log a --log b x", "--log is given twice"),
    ("run --on-violation raise --on-violation refuse x", "--on-violation is given twice"),
    ("run --fs-readonly --fs-readonly=a x", "--fs-readonly is given twice"),
    # commands
    ("foo", "foo is not a command of hermetic (to run it: hermetic run -- foo)"),
    ("pip install x", "to run it: hermetic run -- pip"),
    ("exce x", "did you mean exec? to run a program of that name: hermetic run -- exce"),
    ("-", "- is not a command"),
    ("=", "= is not a command"),
    ("--no-network run -- pip", "options come after the command: hermetic run --no-network ..."),
    ("-v shell", "hermetic shell -v ... (for a program called shell, write -- before it)"),
    ("run", "there is nothing to run"),
    ("run --", "there is nothing to run"),
    ("--", "there is nothing to run"),
    ("--no-network", "there is nothing to run"),
    ("exec", "exec needs a script, -m MODULE, -c CODE or - (for a REPL: hermetic shell)"),
    ("exec --python 3.9", "exec needs a script"),
    ("shell x", "shell takes no command, and got x"),
    ("shell -- x", "shell takes no command"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BAD, ids=[row[0] for row in BAD])
def test_refuses(line, message):
    with pytest.raises(UsageError) as caught:
        parse(line.split(" "), NO_ENVIRON)
    assert message in str(caught.value)
    assert caught.value.exit_code == 125
    assert str(caught.value).isprintable()


# Words as nobody would write them.


def test_words_that_are_not_utf8_pass_untouched():
    assert read("run", "--log=\udcff", "\udc80", "\udcff=") == (RUN, {"log": "\udcff"}, ["\udc80", "\udcff="])


@pytest.mark.parametrize("words", [["\udcff"], ["--\udcff"], ["-\udcff"], ["run", "--no-network=\udcff", "x"]])
def test_words_that_are_not_utf8_are_printable_in_errors(words):
    with pytest.raises(UsageError) as caught:
        parse(words, NO_ENVIRON)
    assert str(caught.value).encode("ascii", "strict")


@pytest.mark.parametrize("word", ["a\nhermetic: all is well", "\x1b[2J", "a\rb", "\u202egnp", "\x00"])
def test_no_word_forges_a_line_on_the_terminal(word):
    for words in ([word], ["--" + word], ["run", "--on-violation", word, "x"], ["shell", word], ["-v", "run", word]):
        with pytest.raises(UsageError) as caught:
            parse(words, NO_ENVIRON)
        assert str(caught.value).isprintable()


def test_a_long_word_does_not_make_a_long_message():
    for words in (["x" * 10**6], ["--" + "x" * 10**6], ["-" + "x" * 10**4], ["run", "--log", "-" + "x" * 10**6]):
        with pytest.raises(UsageError) as caught:
            parse(words, NO_ENVIRON)
        assert len(str(caught.value)) < 1000


def test_ten_thousand_arguments():
    many = [str(number) for number in range(10_000)]
    assert read("run", *many)[2] == many
    assert read(*["--trace"] * 10_000, "x") == (RUN, {"trace": True}, ["x"])
    assert read(*["--profile=p"] * 10_000, "--", *many) == (RUN, {"profile": ("p",) * 10_000}, many)


def test_empty_words():
    assert read("run", "") == (RUN, {}, [""])
    assert read("--", "", "") == (RUN, {}, ["", ""])
    with pytest.raises(UsageError, match="'' is not a command"):
        parse([""], NO_ENVIRON)
    with pytest.raises(UsageError, match="empty value"):
        parse(["run", "--log", "", "x"], NO_ENVIRON)


def test_accessors():
    invocation = parse(["--trace", "--log", "f", "--fs-readonly", "x"], NO_ENVIRON)
    assert invocation.flag("trace")
    assert invocation.flag("fs_readonly")
    assert not invocation.flag("strict")
    assert invocation.text("log") == "f"
    assert invocation.text("fs_readonly") is None
    assert invocation.text("python") is None


# The table.


def test_names_and_keys_are_unique():
    names = [name for option in options.OPTIONS for name in option.names]
    assert len(names) == len(set(names)) == len(options.BY_NAME)
    assert len({option.key for option in options.OPTIONS}) == len(options.OPTIONS)


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda option: option.key)
def test_rows_are_whole(option):
    assert option.kind in (FLAG, VALUE, OPTIONAL, ANSWER)
    assert option.section in options.SECTIONS
    assert set(option.commands) <= {ROOT, *COMMANDS, *options.ANSWERED}
    assert bool(option.metavar) == (option.kind in (VALUE, OPTIONAL))
    assert option.text.endswith(".")
    assert option.name in option.names
    assert all(name.startswith("--") or option.kind in (FLAG, ANSWER) for name in option.names)  # -x takes no value


def test_imports_nothing_on_the_way_to_a_run():
    """What these modules import at the top, every run pays for."""
    package = Path(options.__file__).parent
    for name in (
        "options.py",
        "errors.py",
        "policy/combine.py",
        "policy/context.py",
        "policy/discover.py",
        "policy/ports.py",
        "policy/reader.py",
    ):
        for node in ast.parse((package / name).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                assert {name.name for name in node.names} <= {"os", "stat", "sys"}  # loaded already
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] in ("__future__", "hermetic", "hermetic_guard")


# click's view.


def by_click(command, words):
    """What click's own parser makes of the line: what was given, and the target (of ROOT all but the first word)."""
    owner = cli.GROUP if command == ROOT else cli.SUBCOMMANDS[command]
    context = owner.make_context(command, list(words))
    values = {key: value for key, value in context.params.items() if value not in (None, False, ())}
    return values, [*values.pop("target", ()), *context.args]


@pytest.mark.parametrize("command", [ROOT, *COMMANDS])
def test_click_knows_the_same_options(command):
    owner = cli.GROUP if command == ROOT else cli.SUBCOMMANDS[command]
    parameters = owner.get_params(click.Context(owner, **owner.context_settings))
    made = {tuple(sorted(one.opts)): one for one in parameters if isinstance(one, click.Option)}
    rows = {tuple(sorted(option.names)): option for option in options.known(command)}
    assert set(made) == set(rows)
    for names, row in rows.items():
        assert made[names].name == row.key or row.key == "help"  # click makes that one, under a name of its own
        assert made[names].is_flag == (row.kind in (FLAG, ANSWER))
        assert made[names].multiple == row.many
        assert tuple(getattr(made[names].type, "choices", ())) == row.choices


def spellings(option):
    """The ways of giving an option."""
    values = option.choices or ("v", "a=b", "run")
    ways = [[name] for name in option.names if option.kind in (FLAG, OPTIONAL)]
    if option.kind in (VALUE, OPTIONAL):
        ways += [[f"{option.name}={value}"] for value in values]
    if option.kind == VALUE:
        ways += [[option.name, value] for value in values]
    return ways


TARGETS = {
    RUN: [["pip", "-v"], ["--", "--log", "x"], ["-", "-"], ["", "--"], ["--", "exec"], ["\udcff"]],
    EXEC: [["-m", "m", "-v"], ["-cpass"], ["-", "--log"], ["--", "-I", "s.py"], ["s.py", "--", "--trace"]],
    SHELL: [[], ["--"]],
}
TARGETS[ROOT] = TARGETS[RUN]


@pytest.mark.parametrize("command", [ROOT, *COMMANDS])
def test_click_reads_each_option_alike(command):
    for option, target in itertools.product(options.known(command), TARGETS[command]):
        for way in spellings(option):
            assert_alike(command, [*way, *target])


@pytest.mark.parametrize("command", [ROOT, *COMMANDS])
def test_click_reads_random_lines_alike(command):
    chance = random.Random(command)  # the same lines each time
    rows = [option for option in options.known(command) if option.kind != ANSWER]
    for _ in range(400):
        chosen = [chance.choice(rows) for _ in range(chance.randint(1, 5))]
        ways = [chance.choice(spellings(option)) for option in chosen]
        assert_alike(command, [*itertools.chain(*ways), *chance.choice(TARGETS[command])])


def assert_alike(command, words):
    line = words if command == ROOT else [command, *words]
    refused = ""
    try:
        invocation = parse(line, NO_ENVIRON)
    except UsageError as error:
        refused = str(error)
    if refused:  # by one of three rules that click does not have; that the small parser refuses more is safe
        assert "twice" in refused or "exclude" in refused or "beside --with" in refused, line
        return
    target = invocation.target[1:] if command == ROOT else invocation.target
    assert (invocation.values, target) == by_click(command, words), line


@pytest.mark.parametrize("line", ["--bogus x", "-x y", "--trace=1 x", "--log", "--on-violation nine x", "-vx y"])
def test_click_refuses_alike(line):
    """click's own parser, asked directly: both refuse, whichever of them reads a line."""
    with pytest.raises(click.UsageError):
        click.Command("run", params=cli.SUBCOMMANDS[RUN].params).make_context("run", line.split())
    with pytest.raises(errors.UsageError):
        parse(["run", *line.split()], NO_ENVIRON)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["--fs-readonly", "./sandbox", "--", "python"], "--fs-readonly=./sandbox"),
        (["--no-network", "--allow-localhost", "80 81"], "--allow-localhost='80 81'"),
        (["run", "--fs-readonly", "./sandbox"], "--fs-readonly=./sandbox"),
        (["exec", "--fs-readonly", "./sandbox", "app.py"], "--fs-readonly=./sandbox"),
        (["--fs-readonly", "--", "./sandbox"], ""),
        (["--fs-readonly=x", "./sandbox"], ""),
        (["--fs-readonly", "--no-network", "./sandbox"], ""),
        (["--no-network", "./sandbox"], ""),
        (["shell", "--fs-readonly"], ""),
        (["run", "pip"], ""),
    ],
)
def test_a_word_that_may_have_been_meant_for_a_value(words, meant):
    invocation = parse(words, {})
    assert invocation is not None
    assert invocation.meant == meant
