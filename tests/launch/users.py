"""Tests as root and as an ordinary user."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest

ORDINARY = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.geteuid() == 0 else []
USERS = pytest.mark.parametrize("as_user", [[], ORDINARY], ids=["as we are", "ordinary"])


@contextlib.contextmanager
def place_of_everybody():
    """A directory that everybody can pass and change."""
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)
