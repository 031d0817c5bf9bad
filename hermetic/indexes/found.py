"""Puts together what the installers are told, judges whose word each is, and says what has to be allowed."""

from __future__ import annotations

import os

from hermetic_guard.policy import is_within_any

from hermetic.errors import UsageError, quoted
from hermetic.indexes import Said, command, defaults, pip, requirements, urls, uv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hermetic.indexes.urls import Grant
    from hermetic.policy.context import Context

PROJECT = "project:"
"""Before the path of a local project, among what a file names. No server is reached by such a URL."""

MOST = 10
"""Hosts that a line names."""

CONFIGURATION = {pip.NAME, "pip.ini", uv.NAME, uv.PROJECT}
"""Names of files that are no requirements."""


def values(metavar: str, context: Context) -> list[str]:
    """What an option with values of this kind has to allow."""
    if context.indexes is None:
        context.indexes = of(context)
    return [value for kind, value in context.indexes if kind == metavar]


def of(context: Context) -> list[Grant]:
    """Of all indexes that the user, the machine's configuration or trusted files name, else of the default one."""
    said = [one for one in everything(context) if one.urls or one.none]
    own = [one for one in said if not is_strange(one, context)]
    refuse_impossible(own)
    default = default_for(context)
    named = [url for one in own for url in one.urls]
    if any(one.none for one in own):
        named = [url for one in own if not one.index for url in one.urls]
    elif default and not any(one.index for one in own) and holds(default, context):
        named.append(default.url)
    allowed = urls.grants([*named, *_files(named, default)])
    context.notices += _held([one for one in said if one not in own], allowed)
    return allowed


def default_for(context: Context) -> defaults.Default | None:
    """What stands where nobody names an index."""
    from hermetic.policy import sets

    return defaults.find(context.interpreter, tuple(map(os.path.realpath, sets.paths("@installed", context))))


def refuse_impossible(said: Iterable[Said]) -> None:
    """Raises UsageError for a URL that cannot be meant, with whoever says it: what is allowed for it would be something else."""
    for one in said:
        for host in filter(None, map(urls.impossible, one.urls)):
            who = one.file or "the command line or environment"
            raise UsageError(f"{who} names an index at {quoted(host)}, which is no host and port")


def everything(context: Context) -> Iterator[Said]:
    """What the installer that is run is told, or, where that is another program, what each one is."""
    cwd, environ, run = context.cwd or "/", context.environ, context.installer
    if run.installer != command.UV:
        for file in pip.files(environ, context.value("PREFIX")):
            yield from pip.of_file(file, cwd, environ)
        yield from pip.of_environment(environ, cwd)
        yield from installed(context)
    if run.installer != command.PIP:
        for file in uv.files(environ, cwd):
            yield from uv.of_file(file)
        yield from uv.of_environment(environ, cwd)
    yield from uv.of_words(run.arguments, cwd, environ)


def installed(context: Context) -> Iterator[Said]:
    """The default of the pip that is installed in the environment, where it is another one: whoever wrote there can have changed it."""
    known = default_for(context)
    for folder in context.sites():
        for texts in defaults.package(folder):
            found = defaults.read(texts)
            if found and (known is None or (found.url, found.hosts) != (known.url, known.hosts)):
                yield Said([found.url, *(f"https://{host}" for host in found.hosts.values())], file=f"{folder}/{defaults.INDEX}")


def holds(default: defaults.Default, context: Context) -> bool:
    """Whether the installer that is run has this default."""
    return context.installer.installer != command.UV or defaults.has(context.installer.program, default.url)


def _files(named: Iterable[str], default: defaults.Default | None) -> list[str]:
    """Where the files of indexes are, of which the installer's code knows it."""
    known = default.hosts if default else {}
    hosts = {value.rpartition(":")[0] for kind, value in urls.grants(named) if kind == urls.NAME}
    return [f"https://{files}" for host, files in known.items() if host in hosts]


# Whose word it is.


def is_strange(said: Said, context: Context) -> bool:
    """Whether a project, an earlier run or another user may have written it, and the user has not said that it is trusted."""
    from hermetic.policy import trust

    if not said.file or not (_is_others(said.file, context) or not is_configuration(said.file, context)):
        return False
    return not trust.store(context.environ).trusts_urls(said.file, in_file(said.file, context))


def is_configuration(file: str, context: Context) -> bool:
    """Requirements are a project's, wherever they lie."""
    named = [context.environ.get(name) for name in ("PIP_CONFIG_FILE", "UV_CONFIG_FILE")]
    return os.path.basename(file) in CONFIGURATION or file in [os.path.join(context.cwd or "/", one) for one in named if one]


def _is_others(file: str, context: Context) -> bool:
    """By where it lies, and by who may write it. What is found by going upwards comes with the directory that is worked in, as a clone may."""
    places = [os.path.realpath(place) for name in ("PROJECT", "VENV", "PREFIX") if (place := context.value(name))]
    try:
        found = os.stat(file)
    except OSError:
        return True
    mine = found.st_uid in (0, os.geteuid()) and not found.st_mode & 0o022
    return (
        not mine
        or file in uv.upwards(context.cwd or "/")
        or any(is_within_any(path, tuple(places)) for path in (os.path.abspath(file), os.path.realpath(file)))
    )


def in_file(file: str, context: Context) -> list[str]:
    """All URLs and local projects that a file by itself names; what is trusted is that."""
    cwd, environ = context.cwd or "/", context.environ
    if file.endswith(defaults.INDEX):
        said = [one for one in installed(context) if one.file == file]
    elif file.endswith(".toml"):
        said = list(uv.of_file(file))
    elif is_configuration(file, context):
        said = list(pip.of_file(file, cwd, environ))
    else:
        said = list(requirements.read(file, environ))
    return sorted({url for one in said if one.file == file for url in (*one.urls, *(f"{PROJECT}{path}" for path in one.projects))})


def projects_in(named: Iterable[str]) -> list[str]:
    """Of what `in_file` gives."""
    return [one.removeprefix(PROJECT) for one in named if one.startswith(PROJECT)]


def to_trust(file: str) -> str:
    return f"after reading it: hermetic policy trust {quoted(file)}"


def _held(strange: Iterable[Said], allowed: list[Grant]) -> Iterator[str]:
    """What is not allowed as nobody has vouched for it."""
    for one in strange:
        hosts = [value for kind, value in urls.grants(one.urls) if (kind, value) not in allowed]
        if hosts:
            more = f" and {len(hosts) - MOST} more" if len(hosts) > MOST else ""
            names = ", ".join(map(quoted, hosts[:MOST])) + more
            yield f"{one.file} is not trusted, so {names} is not allowed ({to_trust(one.file)})"
