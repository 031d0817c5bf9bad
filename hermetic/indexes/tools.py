"""Where installers of tools, pipx and `uv tool`, put what they install: environments, and commands that lead into them."""

from __future__ import annotations

import os

from hermetic_guard.files import names_in
from hermetic_guard.policy import is_within_any

from hermetic import places
from hermetic.indexes import command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.policy.context import Context


def written(context: Context) -> list[str]:
    """All of it, and the local projects that are installed."""
    if not command.is_for_tools(context.installer):
        return []
    found = [
        place
        for place in (*environments(context), commands(context), *_besides(context))
        if not context.is_too_wide(place) and command.is_where_it_seems(place, context)
    ]
    return [*(command.made(place, context) for place in found), *command.sources(context)]


def others(context: Context) -> list[str]:
    """What lies among the commands and leads into none of the environments: it is somebody else's, as `pip` and `uv` may be."""
    if not command.is_for_tools(context.installer):
        return []
    folder = commands(context)
    own = tuple(map(os.path.realpath, environments(context)))
    return [path for name in names_in(folder) if not is_within_any(os.path.realpath(path := f"{folder}/{name}"), own)]


def environments(context: Context) -> list[str]:
    """The directories that have one for each tool."""
    if context.installer.installer == command.UV:
        return [_named("UV_TOOL_DIR", context) or f"{_data(context)}/uv/tools"]
    legacy = f"{_home(context)}/.local/pipx"
    shared = _named("PIPX_SHARED_LIBS", context)
    own = _named("PIPX_HOME", context) or (legacy if os.path.exists(legacy) else f"{_data(context)}/pipx")
    return [own, *([shared] if shared else [])]


def commands(context: Context) -> str:
    """Where links to the programs of tools lie, among others; usually on PATH."""
    if context.installer.installer == command.UV:
        return (
            _named("UV_TOOL_BIN_DIR", context) or places.named("XDG_BIN_HOME", context.environ) or f"{os.path.dirname(_data(context))}/bin"
        )
    return _named("PIPX_BIN_DIR", context) or f"{_home(context)}/.local/bin"


def _besides(context: Context) -> list[str]:
    """What pipx writes as well: manual pages, and what it says of its work. Not completions, which the user's own shell runs."""
    if context.installer.installer == command.UV:
        return []
    share = f"{_home(context)}/.local/share"
    state = places.named("XDG_STATE_HOME", context.environ) or f"{_home(context)}/.local/state"
    return [_named("PIPX_MAN_DIR", context) or f"{share}/man", f"{state}/pipx/log", f"{context.value('CACHE')}/pipx"]


def _named(variable: str, context: Context) -> str:
    value = context.environ.get(variable, "")
    return os.path.normpath(os.path.join(context.cwd or "/", value)) if value else ""


def _home(context: Context) -> str:
    return context.value("HOME") or "/"


def _data(context: Context) -> str:
    return places.named("XDG_DATA_HOME", context.environ) or f"{_home(context)}/.local/share"
