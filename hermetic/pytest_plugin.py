"""The pytest plugin: options, keys of the configuration, markers, and the fixture `hermetic`. docs/pytest.md says what they mean.

pytest loads this wherever hermetic is installed, so it imports nothing of hermetic's, and does nothing, until it is asked.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hermetic.testing.fixture import Hermetic

INI = (
    ("hermetic", "args", "profiles to put up for every session, as --hermetic does"),
    ("hermetic_policy", "string", "a policy file to follow"),
    ("hermetic_allow_network", "linelist", "hosts, with ports, that every test may reach"),
    ("hermetic_allow_run", "linelist", "programs that every test may start"),
    ("hermetic_allow_write", "linelist", "paths that every test may write"),
    ("hermetic_swallowed", "string", "a test that goes on after a refusal: fail (the default), warn, ignore"),
)

MARKERS = (
    "hermetic(*profiles, **arguments): guards for this test, as of hermetic.hermetic_blocker; no others",
    "allow_network(*hosts): what the test may reach besides, as in 'localhost:8000', 'example.com', '192.0.2.0/24:443', 'unix:/run/x'; all without",
    "allow_run(*programs): programs that the test may start besides",
    "allow_write(*paths): paths that the test may write besides",
    "no_hermetic(reason): no guards for this test",
)

SESSION = "hermetic-session"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("hermetic").addoption(
        "--hermetic",
        nargs="?",
        const="",
        metavar="PROFILE",
        help="Put up the guards of these profiles (NAME or NAME,NAME, with =; pytest if none is named) before any conftest file is loaded.",
    )
    for name, kind, text in INI:
        parser.addini(name, text, type=kind, default="" if kind == "string" else [])  # type: ignore[arg-type]


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before pytest's own, which comes last and loads conftest files."""
    if is_asked(early_config):
        begin(early_config)


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    if is_asked(config) and not config.pluginmanager.has_plugin(SESSION):
        begin(config)  # this plugin was named in a conftest file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A marker asks for its test alone."""
    if not config.pluginmanager.has_plugin(SESSION) and any(item.get_closest_marker("hermetic") for item in items):
        begin(config)


def is_asked(config: pytest.Config) -> bool:
    return getattr(config.known_args_namespace, "hermetic", None) is not None or bool(config.getini("hermetic"))


def begin(config: pytest.Config) -> None:
    from hermetic.testing import asked, session

    session.begin(config, asked.profiles(config))


@pytest.fixture
def hermetic(pytestconfig: pytest.Config) -> Hermetic:
    """What holds for this test, and what was refused in it."""
    from hermetic.testing.fixture import Hermetic

    found = pytestconfig.pluginmanager.get_plugin(SESSION)
    return Hermetic(found.switch if found is not None else None)
