"""Run Python code one does not fully trust, in whatever interpreter it lives.

Nothing is imported here: `python -m hermetic` passes through this file before it can isolate itself. What programs use is looked up in `api`.
"""

__version__ = "0.1.0"

__all__ = ["PolicyViolation", "Pool", "Result", "arun", "arun_code", "hermetic_blocker", "run", "run_code", "seal", "with_hermetic"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.api import PolicyViolation, Pool, Result, arun, arun_code, hermetic_blocker, run, run_code, seal, with_hermetic


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hermetic import api

    return getattr(api, name)
