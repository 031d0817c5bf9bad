"""The guard's files as they are kept: an entry whose words do not fit what is in it is made again, never staged as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermetic import kept
from hermetic.launch import payload

MADE = payload.guard("")
WORDS = [f"{name}:{len(part.data)}:{part.digest}" for name, part in MADE.items()]
CONTENT = b"".join(part.data for part in MADE.values())
DAMAGED = {
    "no words": ([], CONTENT),
    "a file less": (WORDS[1:], CONTENT[len(MADE["sitecustomize.py"].data) :]),
    "another name": ([WORDS[0].replace("sitecustomize", "something"), *WORDS[1:]], CONTENT),
    "a word more": ([*WORDS, "more:0:x"], CONTENT),
    "a word of another form": ([*WORDS, "more"], CONTENT),
    "no number": ([WORDS[0].replace(":", ":x", 1), *WORDS[1:]], CONTENT),
    "cut off": (WORDS, CONTENT[:-1]),
    "too long": (WORDS, CONTENT + b"x"),
}


def seen(files: dict[str, payload.Content]) -> dict[str, tuple[bytes, str]]:
    return {name: (part.data, part.digest) for name, part in files.items()}


def test_what_was_kept_is_taken(tmp_path: Path) -> None:
    kept.write(str(tmp_path / payload.ENTRY), payload.identity(), [word + "0" for word in WORDS], CONTENT)
    found = payload.guard(str(tmp_path))
    assert seen(found) == {name: (part.data, part.digest + "0") for name, part in MADE.items()}


@pytest.mark.parametrize("how", DAMAGED)
def test_what_does_not_fit_is_made_again(tmp_path: Path, how: str) -> None:
    kept.write(str(tmp_path / payload.ENTRY), payload.identity(), *DAMAGED[how])
    assert seen(payload.guard(str(tmp_path))) == seen(MADE)
    words, content = kept.read(str(tmp_path / payload.ENTRY), payload.identity()) or ([], b"")
    assert (words, bytes(content)) == (WORDS, CONTENT)
