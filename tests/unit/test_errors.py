"""The tree of errors: one printable line each, and the exit code that goes with it."""

import pickle

import pytest

from hermetic import errors

CODES = {
    errors.HermeticError: 125,
    errors.UsageError: 125,
    errors.PolicyFileError: 125,
    errors.TargetNotFound: 127,
    errors.TargetNotExecutable: 126,
    errors.NotPython: 125,
    errors.GuardUnavailable: 125,
    errors.StageError: 125,
    errors.BadBlock: 125,
    errors.BadArgument: 125,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_exit_codes(kind, code):
    error = kind("what", "hint")
    assert isinstance(error, errors.HermeticError)
    assert error.exit_code == code
    assert str(error) == "what (hint)"
    assert str(kind("what")) == "what"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_every_error_is_in_the_table():
    made = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert made == set(CODES)


def test_message_and_hint_are_printable():
    error = errors.HermeticError("a\nb\x1b[31m\udcff\u2028", "c\rd\u202e")
    assert str(error) == r"a\nb\x1b[31m\udcff\u2028 (c\rd\u202e)"
    assert str(errors.HermeticError("naïve 文")) == "naïve 文"


@pytest.mark.parametrize(("word", "shown"), [("a", "a"), ("", "''"), ("a b", "'a b'"), (" a", "' a'"), ("x" * 300, "x" * 200 + "...")])
def test_quoted(word, shown):
    assert errors.quoted(word) == shown
