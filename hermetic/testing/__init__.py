"""The guards around a test session: what `pytest --hermetic` asks for, and which policy holds for which test."""

from hermetic.blocks.found import find_guard

find_guard()
