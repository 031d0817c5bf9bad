"""The guard: what runs inside an interpreter that is not ours, and what `hermetic` itself imports.

One implementation serves both. The launcher stages these files into the run directory, where `_startup.py` loads them by explicit
path before the first line of user code; `hermetic` imports them as an ordinary package. So they use the standard library only, are
valid source on Python 3.6, and import nothing at module level that an interpreter has not loaded by itself, unless they must.
"""
