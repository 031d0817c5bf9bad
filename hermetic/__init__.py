"""Run Python code one does not fully trust, in whatever interpreter it lives.

Nothing is imported here: `python -m hermetic` passes through this file before it can isolate itself.
"""

__version__ = "0.1.0"
