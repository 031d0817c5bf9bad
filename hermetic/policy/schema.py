"""The JSON schema of policy files, made from the table of options: what editors check and complete by, shipped as schema.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermetic_guard.policy import GUARDS

from hermetic import options
from hermetic.policy import PARTS, load, packages, sets
from hermetic.policy.context import VARIABLES
from hermetic.policy.reader import LOCAL

if TYPE_CHECKING:
    from hermetic.options import Option

    Schema = dict[str, Any]

FILE = Path(__file__).with_name("schema.json")


def schema() -> Schema:
    policy = {
        load.SUMMARY: {"type": "string", "description": "What it is for, in one line."},
        load.NOTICE: {"type": "string", "description": "What is told where it stands for a command, in one line."},
        load.COMMANDS: {
            "type": "array",
            "items": {"type": "string"},
            "description": "What it stands for where nothing is asked for, as in pytest, ruff format, black --check.",
        },
        "extends": {"type": "array", "items": {"type": "string"}, "description": "Profiles to begin with: what all of them allow."},
        **{key: _value(load.KEYS[key]) for key in load.WORDS},
        **{part: _part(part) for part in PARTS},
        load.PACKAGE: _packages(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of hermetic",
        "type": "object",
        "properties": {
            "version": {"const": load.VERSION, "description": "Of this language."},
            **{key: value for key, value in policy.items() if key not in (load.COMMANDS, load.NOTICE)},
            load.PROFILE: {
                "type": "object",
                "description": "Policies that have a name.",
                "additionalProperties": {"type": "object", "properties": policy, "additionalProperties": False},
            },
        },
        "required": ["version"],
        "additionalProperties": False,
    }


def _part(guard: str) -> Schema:
    """The part itself stands where its table is there."""
    text = next((option.text for key, option in load.KEYS.items() if key.partition(".")[0] == guard), "")
    inside = {key.partition(".")[2]: _value(option) for key, option in load.KEYS.items() if key.startswith(f"{guard}.")}
    return {"type": "object", "description": text, "properties": inside, "additionalProperties": False}


def _packages() -> Schema:
    texts = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    inside = {
        "approved": {**texts, "description": "The versions for which it holds, as in 1.42.3, 1.42.*."},
        "through": {**texts, "description": "Distributions that it asks by: the search for who asks passes over them."},
        "reason": {"type": "string", "description": "Why."},
        "expires": {"description": "The day, as in 2027-01-31, from which on it does not hold."},
        **{guard: _allowing(guard) for guard in GUARDS},
    }
    return {
        "type": "object",
        "description": "What single distributions may do besides.",
        "additionalProperties": {"type": "object", "properties": inside, "additionalProperties": False},
    }


def _allowing(guard: str) -> Schema:
    words = {word: _value(option) for word, option in packages.words_of(guard).items()}
    return {"type": "object", "properties": words, "additionalProperties": False}


def _value(option: Option) -> Schema:
    if option.choices:
        return {"enum": list(option.choices), "description": option.text}
    kinds: list[Schema] = [{"type": "boolean"}] if load.may_be_true(option) else []
    if option.kind != options.FLAG:
        kinds.append({"type": "string", "minLength": 1, **_examples(option)})
    if option.metavar in load.NUMBERS:
        kinds.append({"type": "number" if option.metavar in load.FRACTIONS else "integer"})
    one = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if option.many:
        one = {"anyOf": [*kinds, {"type": "array", "items": one}]}
    return {**one, "description": option.text}


def _examples(option: Option) -> Schema:
    """The words that a value may begin with."""
    words = [*sets.names(option.metavar), *([f"${name}" for name in VARIABLES] if option.metavar in LOCAL else [])]
    return {"examples": words} if words else {}


def text() -> str:
    return json.dumps(schema(), indent=2) + "\n"
