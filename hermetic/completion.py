"""What a shell's completion is answered with, for the words that click cannot know: files, programs, profiles, a target's words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.shell_completion import CompletionItem

from hermetic.options import RUN
from hermetic.policy import load

if TYPE_CHECKING:
    import click

    Items = list[CompletionItem[str]]  # a generic class from click 8.5 on only

FLAGS_FIRST = "hermetic.flags-first"
TARGET_BEGUN = "hermetic.target-begun"
"""Marks in a context's `meta`: options came before any command; from here on the words are the target's."""


def file(incomplete: str) -> Items:
    """Leave it to the shell, which knows files."""
    return [CompletionItem(incomplete, type="file")]


def programs(incomplete: str) -> Items:
    """The commands on PATH whose name begins so; files where a path is being written, or nothing is yet."""
    if not incomplete or "/" in incomplete:
        return file(incomplete)
    found = {name for directory in os.get_exec_path() if directory for name in _executables(directory, incomplete)}
    return [CompletionItem(name) for name in sorted(found)]


def _executables(directory: str, start: str) -> list[str]:
    try:
        return [path.name for path in Path(directory).iterdir() if path.name.startswith(start) and os.access(path, os.X_OK)]
    except OSError:
        return []


def files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    return file(incomplete)


def profiles(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    return [CompletionItem(name) for name in load.names() if name.startswith(incomplete)]


VALUES: dict[str, Any] = {"profile": profiles, "policy": files, "log": files, "python": files}
"""How the value of an option is completed, by its key."""


def after_optional(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    """click takes the word after an optional value's flag for the value; more likely it is the target's first."""
    return programs(incomplete)


def word_of_target(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> Items:
    first_of_run = ctx.info_name == RUN and not ctx.meta.get(TARGET_BEGUN)
    return programs(incomplete) if first_of_run else file(incomplete)
