"""The JSON schema of policy files: the one that is shipped is made from the table of options, and it says what the reader says."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest
from unit import test_load

from hermetic.policy import load, schema

TAKEN = [(f"version = 1\n{text}", True) for text, _ in test_load.GOOD]
REFUSED = [
    "",
    "version = 2",
    "version = 1\nnetwrok = {}",
    "version = 1\nnetwork = true",
    "version = 1\n[network]\nallow-localhots = true",
    "version = 1\n[network]\nallow-localhost = 80.5",
    "version = 1\n[network]\nallow-domain = 80",
    "version = 1\n[network]\nallow-listen = true",
    "version = 1\n[network]\nallow-unix = ''",
    "version = 1\n[filesystem]\nroot = ['/']",
    "version = 1\n[filesystem]\nroot = true",
    "version = 1\n[filesystem]\nhide = ['a', '']",
    "version = 1\non-violation = 'rase'",
    "version = 1\nextends = 'a'",
    "version = 1\n[profile.a]\nversion = 1",
    "version = 1\n[profile.a.native]\nx = 1",
]


def test_the_one_that_is_shipped() -> None:
    """`hermetic policy schema > hermetic/policy/schema.json` makes it anew."""
    assert schema.FILE.read_text() == schema.text()
    jsonschema.Draft202012Validator.check_schema(json.loads(schema.text()))


@pytest.mark.parametrize(("text", "good"), [*TAKEN, *((text, False) for text in REFUSED)])
def test_says_what_the_reader_says(text: str, good: bool) -> None:
    assert jsonschema.Draft202012Validator(schema.schema()).is_valid(tomllib.loads(text)) is good
    try:
        load.Document(text.encode(), "/x")
    except load.PolicyFileError:
        assert not good
    else:
        assert good


def test_every_key_is_described() -> None:
    described = schema.schema()["properties"]
    for key in load.KEYS:
        guard, _, word = key.partition(".")
        found = described[guard]["properties"][word] if word else described[guard]
        assert found["description"].endswith(".")
