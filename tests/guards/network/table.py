"""The table of the network guard: all rows."""

from __future__ import annotations

from dataclasses import replace

from guards.network import names, programs, sockets, tampering, unix

SECTIONS = {
    "connect": sockets.CONNECT,
    "forms": sockets.FORMS,
    "liars": sockets.LIARS,
    "datagrams": sockets.DATAGRAMS,
    "steered": sockets.STEERED,
    "kinds": sockets.KINDS,
    "listen": sockets.LISTEN,
    "names": names.NAMES,
    "domains": names.DOMAINS,
    "unix": unix.UNIX,
    "programs": programs.PROGRAMS,
    "shutdown": tampering.SHUTDOWN,
    "tampering": tampering.TAMPERING,
    "manners": tampering.MANNERS,
    "syslog": tampering.SYSLOG,
}

ROWS = [replace(row, name=f"{section}: {row.name}") for section, rows in SECTIONS.items() for row in rows]
