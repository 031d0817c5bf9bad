"""All ordinary programs."""

from __future__ import annotations

from containment.ordinary import alone, together

PROGRAMS = (*alone.PROGRAMS, *together.PROGRAMS)
