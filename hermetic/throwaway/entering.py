"""Finds the environment that `--with` asks for, or has it made, and lets the command that follows be in it, as `activate` would.

Which one it is, is told by the interpreter, the words, what they name here, and how pip is configured. A second run within a day needs no more than
that: a few looks at files, and a digest.
"""

from __future__ import annotations

import os
import sys

from hermetic import kept, options
from hermetic.digest import digest_of
from hermetic.errors import HermeticError, UsageError
from hermetic.launch import nested
from hermetic.target import resolve
from hermetic.throwaway import asked
from hermetic.throwaway.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.launch.speaker import Speaker
    from hermetic.options import Invocation
    from hermetic.throwaway.asked import Word
    from hermetic.throwaway.store import Environment

FORM = "1"
"""Of what is kept, and of how it is made."""


class Refused(HermeticError):
    """Something was refused while packages were installed, and that was not to be."""

    exit_code = 77


def enter(invocation: Invocation, cwd: str | None, say: Speaker) -> Environment:
    """Have the command run in the environment, which is locked until this process ends. Changes os.environ, and which interpreter is asked for.

    Raises HermeticError.
    """
    if nested.is_inside():
        raise UsageError("inside another hermetic --with has nowhere to keep what it makes", "give it to the outer one")
    words = asked.read(_texts(invocation), cwd, os.environ.get("HOME", "~"))
    target = resolve.resolve_exec(invocation.text("python"), [], dict(os.environ), cwd or "", sys.executable)
    asked.check_local(words)
    store = _store()
    request = _request(os.path.realpath(target.interpreter), words, invocation, cwd)
    environment = store.find(request)
    how = "it was there"
    if environment is None:
        environment, how = _made(store, request, target, words, invocation, cwd), "it was made"
    say.detail(f"--with: the environment is {environment.path}; {how}")
    environment.touch()
    _refuse_blocked(environment, invocation, say, known=how == "it was there")
    _activate(environment, invocation)
    return environment


def _texts(invocation: Invocation) -> list[str]:
    given = invocation.values["with"]
    return [str(word) for word in given] if isinstance(given, tuple) else []


def _store() -> Store:
    cache = kept.directory(os.environ)
    if not cache:
        raise HermeticError("--with has nowhere to keep what it makes: there is no home directory", "set XDG_CACHE_HOME")
    if ":" in cache:
        raise HermeticError(
            f"--with has nowhere to keep what it makes: {cache} has a colon in it, and so cannot be on PATH", "set XDG_CACHE_HOME"
        )
    return Store(cache)


def _request(interpreter: str, words: list[Word], invocation: Invocation, cwd: str | None) -> str:
    """The name of what was asked for: another one as soon as something may come of it that is not the same."""
    from hermetic.indexes import pip

    told = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("PIP_"))
    told += [f"{key}={invocation.values[key]}" for key in asked.COUNTING if key in invocation.values]
    files = [_identity(file) for file in (interpreter, *pip.files(os.environ, None))]
    parts = [FORM, interpreter, *files, *told, *asked.digests(words, cwd, os.environ)]
    return digest_of("\0".join(parts).encode("utf-8", "surrogateescape"))


def _identity(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{found.st_size}"


def _made(store: Store, request: str, target: resolve.Target, words: list[Word], invocation: Invocation, cwd: str | None) -> Environment:
    """A new one, or another that turns out to hold the same."""
    from hermetic.target import interrogate
    from hermetic.throwaway import making

    asked.check(words)
    needs_kernel = _check_options(invocation, cwd)
    store.prepare()
    base = interrogate.interrogate(target.interpreter, kept.directory(os.environ))
    if not base.guardable:
        raise HermeticError(f"{base.name} cannot carry the guards, so nothing is installed for it")
    environment = store.create()
    try:
        blocked = making.make(environment, base, words, invocation, cwd, needs_kernel=needs_kernel)
        local = asked.digests([word for word in words if word.path], cwd, os.environ)
        parts = [base.path, _identity(base.path), *making.installed(environment), *local]
        environment.complete(digest_of("\0".join(parts).encode("utf-8", "surrogateescape")), blocked)
    except BaseException:
        environment.remove()
        raise
    other = store.same(environment.holds, environment)
    if other is not None:
        environment.remove()
        environment = other
    store.keep(request, environment)
    return environment


def _check_options(invocation: Invocation, cwd: str | None) -> bool:
    """What is wrong with the options is said before anything is made. Without guards it depends on the command, which is not there yet.

    Returns whether the policy that is asked for requires the kernel's part.
    """
    if any(option.key in invocation.values for option in options.OPTIONS if option.section == options.GUARDS):
        from hermetic.policy import combine

        return combine.resolve(invocation, cwd).policy.kernel == "required"
    return False


def _refuse_blocked(environment: Environment, invocation: Invocation, say: Speaker, *, known: bool) -> None:
    if not environment.blocked:
        return
    actions = f"{environment.blocked} action{'s' if environment.blocked > 1 else ''}"
    if invocation.flag("strict"):
        raise Refused(f"{actions} blocked while packages were installed, so nothing was run (--strict)")
    if known:
        say.notice(f"when this environment was made, {actions} {'were' if environment.blocked > 1 else 'was'} blocked")


def _activate(environment: Environment, invocation: Invocation) -> None:
    """What is found on PATH is found there first, and so is the default interpreter."""
    os.environ["VIRTUAL_ENV"] = environment.path
    os.environ["PATH"] = f"{environment.path}/bin:{os.environ.get('PATH', os.defpath)}"
    if invocation.command == options.RUN:
        invocation.values.pop("python", None)
    else:
        invocation.values["python"] = environment.path
