"""click's side: help, version, completion, and errors."""

import re
import subprocess

import pytest

import hermetic
from hermetic import cli, options, pages
from hermetic.errors import HermeticError, UsageError
from hermetic.options import COMMANDS, COMPLETE_VARIABLE, COMPLETION, ROOT
from hermetic.policy import load


@pytest.fixture
def answer(capsys):
    """Run a command line; its exit code, stdout and stderr."""

    def run(*words):
        code = cli.main(words)
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def complete(answer, monkeypatch):
    """What bash would be offered for a line; the last word is the one that is being written."""

    def run(line):
        words = line.split(" ")
        monkeypatch.setenv(COMPLETE_VARIABLE, "bash_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        code, out, err = answer()
        assert (code, err) == (0, "")
        return out.split()

    return run


@pytest.mark.parametrize("command", [ROOT, *COMMANDS, *options.ANSWERED])
def test_help_shows_every_option(command, answer):
    for word in ("--help", "-h"):
        code, out, err = answer(word) if command == ROOT else answer(*command.split(), word)
        assert (code, err) == (0, "")
        for option in options.known(command):
            assert option.name in out
            assert not option.metavar or option.metavar in out
        for option in options.OPTIONS:
            assert option.belongs_to(command) or option.name not in out.replace(f"{option.name} ~", "")


def test_first_screen(answer):
    _, out, _ = answer("--help")
    assert all(word in out for word in ("Examples:", "Commands:", "Guards:", "Exit codes:"))
    assert all(word in re.sub(r"-\n +", "-", out) for word in load.names())
    assert all(f"  {name} " in out for name in (*COMMANDS, COMPLETION))
    assert all(code in out for code in ("77", "125", "126, 127", "128+N"))
    assert len(out.splitlines()) < 140
    assert max(map(len, out.splitlines())) <= 80


def test_examples_are_apart_from_what_they_are_for(answer):
    for command, examples in pages.EXAMPLES.items():
        out = answer(*(() if command == ROOT else command.split()), "--help")[1]
        assert all(re.search(rf"^  {re.escape(line)}{why and f'  +{re.escape(why)}'}$", out, re.M) for line, why in examples)


def test_examples_are_command_lines_that_are_read():
    for examples in pages.EXAMPLES.values():
        for line, _ in examples:
            words = line.partition("hermetic ")[2].partition(" >")[0].split()
            assert words[0] in options.ANSWERED or options.parse(words, {}) is not None


@pytest.mark.parametrize("words", [("--no-network", "--help"), ("-vh",), ("--help", "--bogus"), ("-h", "pip")])
def test_help_after_flags(words, answer):
    assert answer(*words) == answer("--help")


@pytest.mark.parametrize("words", ["-h pip", "--trace --help", "-vh", "-h -x"])
def test_help_of_a_command_after_flags(words, answer):
    assert answer("run", *words.split()) == answer("run", "--help")


@pytest.mark.parametrize("words", [("--version",), ("-V",), ("--trace", "-V"), ("-V", "run")])
def test_version(words, answer):
    assert answer(*words) == (0, f"hermetic {hermetic.__version__}\n", "")


def test_no_words_at_all(answer):
    code, out, err = answer()
    assert (code, out) == (125, "")
    assert err == answer("--help")[1]


def test_policy_without_a_word_more(answer):
    code, out, err = answer("policy")
    assert (code, out) == (125, "")
    assert err == answer("policy", "--help")[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("completion",), "Missing argument 'SHELL'. Choose from: bash, zsh, fish"),
        (("completion", "bsh"), "'bsh' is not one of 'bash', 'zsh', 'fish'"),
        (("completion", "bash", "x"), "unexpected extra argument (x)"),
        (("completion", "--bogus"), "No such option"),
        (("run", "--bogus", "x"), "unknown option --bogus"),
        (("nothing",), "No such command"),
        (
            ("why", "a.example:443"),
            "a.example:443 is nothing that can be asked about (there are net HOST:PORT, listen [ADDRESS:]PORT, read PATH, ",
        ),
        (("why", "--python=3.11", "net", "a:1"), "(the interpreter is that of a command, named behind the question: -- COMMAND)"),
        (("why", "net"), "Missing argument 'WHAT'"),
    ],
)
def test_errors_are_one_line_and_125(words, message):
    with pytest.raises(UsageError) as caught:
        cli.main(words)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 125


@pytest.mark.parametrize("words", [("run", "pip"), ("--no-network", "pip"), ("shell",), ("exec", "-m", "x")])
def test_never_takes_a_run_for_done(words):
    """Nothing is started from here, so a line that could be run must not end in 0."""
    with pytest.raises(HermeticError):
        cli.main(words)


def test_help_into_a_pipe_that_is_closed(monkeypatch):
    def closed(*words, **settings):
        raise BrokenPipeError

    monkeypatch.setattr(cli.click, "echo", closed)
    monkeypatch.setattr(cli.os, "dup2", lambda *descriptors: None)
    assert cli.main(["--version"]) == 125


# Completion.


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_prints_completion_functions(shell, answer, monkeypatch):
    def fail(*words, **settings):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", fail)
    code, out, err = answer("completion", shell)
    assert (code, err) == (0, "")
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in out


@pytest.mark.parametrize("instruction", ["nonsense", "bash_nonsense", "tcsh_complete", "_"])
def test_completion_that_nobody_asked_for(instruction, monkeypatch):
    monkeypatch.setenv(COMPLETE_VARIABLE, instruction)
    with pytest.raises(UsageError, match=COMPLETE_VARIABLE):
        cli.main(["run", "x"])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (
            "hermetic ",
            ["plain,audit", "plain,completion", "plain,doctor", "plain,exec", "plain,policy", "plain,run", "plain,shell", "plain,why"],
        ),
        ("hermetic ru", ["plain,run"]),
        ("hermetic --no-n", ["plain,--no-network"]),
        ("hermetic --fs", ["plain,--fs-readonly"]),
        ("hermetic --no-network --no", ["plain,--no-policy", "plain,--no-subprocess"]),
        ("hermetic run --no-s", ["plain,--no-subprocess"]),
        ("hermetic run --py", ["plain,--python"]),
        ("hermetic exec --py", ["plain,--python"]),
        ("hermetic run --profile net", ["plain,net-hermetic"]),
        ("hermetic run --profile=net", ["plain,net-hermetic"]),
        ("hermetic --profile block", ["plain,block-all", "plain,block-native"]),
        ("hermetic run --on-violation r", ["plain,raise", "plain,refuse"]),
        ("hermetic run --log x", ["file,x"]),
        ("hermetic exec --python ~/e", ["file,~/e"]),
        ("hermetic run --fs-readonly=./s", ["file,./s"]),
        ("hermetic run --allow-localhost ./s", ["file,./s"]),
        ("hermetic completion z", ["plain,zsh"]),
        ("hermetic policy s", ["plain,schema", "plain,show"]),
        ("hermetic policy show --res", ["plain,--resolved"]),
        ("hermetic policy diff net", ["plain,net-hermetic"]),
        ("hermetic policy trust her", ["file,her"]),
        # from the target on nothing is ours
        ("hermetic run pytest --no", ["file,--no"]),
        ("hermetic run -- pytest --no", ["file,--no"]),
        ("hermetic --no-network pytest --no", ["file,--no"]),
        ("hermetic --no-network -- pytest te", ["file,te"]),
        ("hermetic exec scr", ["file,scr"]),
        ("hermetic exec -m pytest --no", ["file,--no"]),
        ("hermetic run ./scr", ["file,./scr"]),
        ("hermetic run ", ["file,"]),
    ],
)
def test_completes(line, offered, complete):
    assert sorted(complete(line)) == offered


@pytest.mark.parametrize("line", ["hermetic run pyth", "hermetic --no-network pyth", "hermetic run --fs-readonly pyth"])
def test_completes_commands_on_path(line, complete, tmp_path, monkeypatch):
    for name, mode in (("python3", 0o755), ("pythonx", 0o644), ("other", 0o755)):
        (tmp_path / name).touch(mode)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nonexistent::{tmp_path}/python3")
    assert complete(line) == ["plain,python3"]
