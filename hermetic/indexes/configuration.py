"""Where installers are configured, by users and machines: files in which a URL may have a password in it."""

from __future__ import annotations

from hermetic.indexes import pip, uv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.policy.context import Context


def files(context: Context) -> list[str]:
    """Those of pip and uv. Of a project's own files the one that is for uv alone: a build has to read the others."""
    found = [*pip.files(context.environ, context.value("PREFIX")), *uv.files(context.environ, context.cwd or "/")]
    return [file for file in found if not file.endswith(f"/{uv.PROJECT}")]
