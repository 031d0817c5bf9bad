"""Variables of the environment by which a library reads files, or loads other libraries, when it is loaded itself: no event tells of that.

The native guard asks for all values, and the filesystem guard where reading is limited: what such a file names may be any other.
"""

import os
import sys

from hermetic_guard.guards.loading import dress

VARIABLES = (b"GCONV_PATH", b"OPENSSL_CONF", b"OPENSSL_ENGINES", b"OPENSSL_MODULES")
"""Have libc, or OpenSSL when it is loaded, load other libraries."""

PRELOADS = (b"LD_PRELOAD", b"LD_AUDIT")
"""Have the dynamic loader load a library into whatever is started."""

READ = (b"INPUTRC", b"SSL_CERT_FILE", b"SSL_CERT_DIR", b"LOCPATH")
"""Name what readline, OpenSSL and libc read; of directories there may be several, with colons between."""

AT_START = {name: os.environb[name] for name in VARIABLES + PRELOADS + READ if name in os.environb}
"""The user's own, read as this module is loaded, before activate.py restores what was set aside."""

PUTENV_IS_SILENT = sys.implementation.name == "pypy" or sys.version_info < (3, 9)
"""No audit event tells of it."""


def make_on_putenv(judge, names=VARIABLES):
    at_start = AT_START

    def on_putenv(name, value):
        if type(name) is type(value) is bytes and name in names and value != at_start.get(name):
            judge("load", (name + b"=" + value).decode("utf-8", "surrogateescape"))

    return on_putenv


def replace_putenv(ledger, judge, names=VARIABLES):
    import posix

    original, on_putenv = posix.putenv, make_on_putenv(judge, names)

    def putenv(name, value):
        name, value = b"".join((os.fsencode(name),)), b"".join((os.fsencode(value),))
        on_putenv(name, value)
        return original(name, value)

    wrapper = dress(putenv, original)
    for owner in (os, posix, os.environ, os.environb):
        if "putenv" in vars(owner):  # until 3.8 the mappings have references of their own
            ledger.replace(owner, "putenv", wrapper)
