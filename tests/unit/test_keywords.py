"""Options as arguments of a block's: what hints of blocks say."""

from __future__ import annotations

import pytest
from hermetic_guard.decide import shell_word
from hermetic_guard.keywords import KEYWORDS, as_keyword

ROWS = {
    "--allow-localhost": "allow_localhost=True",
    "--allow-localhost=8000": "allow_localhost=8000",
    "--allow-domain example.com": 'allow_domains=["example.com"]',
    "--allow-domain example.com:443": 'allow_domains=["example.com:443"]',
    "--allow-address [2001:db8::1]:443": 'allow_addresses=["[2001:db8::1]:443"]',
    "--allow-listen 80": "allow_listen=[80]",
    "--allow-unix /run/a.sock": 'allow_unix=["/run/a.sock"]',
    f"--allow-write {shell_word('/a b')}": 'allow_write=["/a b"]',
    f"--allow-read {shell_word(chr(39) + ' =')}": """allow_read=["' ="]""",
    f"--allow-read {shell_word('/a' + chr(10))}": "allow_read=['/a\\n']",
    f"--allow-run {shell_word('/a ' + chr(34))}": "allow_run=['/a \"']",
    "--allow-native numpy": 'allow_native=["numpy"]',
    "--builds alike": "--builds alike",
    '[package.requests] network.allow-domain "x"': '[package.requests] network.allow-domain "x"',
    "": "",
}


@pytest.mark.parametrize("hint", ROWS)
def test_rows(hint: str) -> None:
    assert as_keyword(hint) == ROWS[hint]


@pytest.mark.parametrize("word", ["/a", "/a b", "it's", 'say "x"', "back\\slash", "'", "''", "new\nline"])
def test_what_it_says_is_python(word: str) -> None:
    """And it is what the shell would have been told."""
    found: dict[str, list[str]] = {}
    exec(as_keyword(f"--allow-write {shell_word(word)}"), {}, found)
    assert found == {"allow_write": [word]}


def test_every_argument_is_one_of_a_blocks() -> None:
    import inspect

    from hermetic.api import hermetic_blocker

    assert KEYWORDS.keys() <= inspect.signature(hermetic_blocker).parameters.keys()
