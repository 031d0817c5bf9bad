"""All attempts, by surface."""

from __future__ import annotations

from dataclasses import replace

from containment import children, native, network, processes, reading, tampering, writing

SURFACES = {
    surface: tuple(replace(one, name=f"{surface}: {one.name}") for one in rows)
    for surface, rows in {
        "network": network.ATTEMPTS,
        "reading": reading.ATTEMPTS,
        "writing": writing.ATTEMPTS,
        "processes": processes.ATTEMPTS,
        "native": native.ATTEMPTS,
        "tampering": tampering.ATTEMPTS,
        "children": children.ATTEMPTS,
    }.items()
}

ATTEMPTS = [one for rows in SURFACES.values() for one in rows]
