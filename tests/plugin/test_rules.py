"""Which policy holds for which test, and what becomes of it. The same tests pass without the option, whatever they try."""

import pytest

ROWS = """
import unittest
import pytest
from acts import *

def test_nothing(): pass
def test_reach(): reach()
def test_write(): write()
def test_start(): start()
def test_temporary(tmp_path, capfd, pytestconfig):
    write(tmp_path / "new")
    pytestconfig.cache.set("key", 1)

def test_swallowed(): quietly(reach)
def test_swallowed_in_thread(): in_thread(lambda: quietly(reach))
def test_skips():
    quietly(reach)
    pytest.skip("no network")
@pytest.mark.xfail(strict=False)
def test_xfails(): quietly(reach)

def test_expected(hermetic):
    with hermetic.expected() as refused:
        quietly(reach)
    assert [one.guard for one in refused] == ["network"] * bool(hermetic.policy)
    assert hermetic.violations == []
def test_expected_elsewhere(hermetic):
    quietly(reach)
    with hermetic.expected():
        quietly(reach)
    assert len(hermetic.violations) == bool(hermetic.policy)

@pytest.mark.allow_network("localhost")
def test_allow_network(): reach()
@pytest.mark.allow_network(f"127.0.0.1:{PORT}")
def test_allow_address(): reach()
@pytest.mark.allow_network("localhost:1")
def test_allow_other(): reach()
@pytest.mark.allow_network
def test_allow_all(): reach()
@pytest.mark.allow_run("true")
def test_allow_run(): start()
@pytest.mark.allow_run("false")
def test_allow_run_other(): start()
@pytest.mark.allow_write("open")
def test_allow_write(): write("open/new")
@pytest.mark.allow_write("open")
def test_allow_write_elsewhere(): write()
@pytest.mark.allow_write("nowhere")
def test_allow_write_nowhere(): pass
@pytest.mark.no_hermetic(reason="a test")
def test_none():
    reach()
    write()
    start()
@pytest.mark.no_hermetic
def test_no_reason(): pass
@pytest.mark.allow_network("no such host")
def test_bad_word(): pass

class TestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls): reach()
    def test_set_up_class(self): pass

@pytest.fixture
def refused(): quietly(reach)
def test_fixture(refused): pass
@pytest.fixture
def refused_late():
    yield
    quietly(reach)
def test_late_fixture(refused_late): pass
"""

OUTCOMES = {
    "passed": "nothing temporary expected allow_network allow_address allow_all allow_run allow_write none",
    "failed": "reach write start swallowed swallowed_in_thread allow_other allow_run_other allow_write_elsewhere expected_elsewhere",
    "error": "no_reason bad_word allow_write_nowhere set_up_class fixture",
    "skipped": "skips",
    "xfail": "xfails",
    "passed error": "late_fixture",
}
EXPECTED = {f"test_{name}": set(outcome.split()) for outcome, names in OUTCOMES.items() for name in names.split()}
SKIPPED = {"test_skips": {"skipped"}, "test_xfails": {"xpass"}}


def told(outcomes):
    """Skipped tests are not listed by name."""
    return {
        name: found for name, found in outcomes.items() if name.startswith("test_") and "skipped" not in found and not name.endswith(".py")
    }


def without_skipped(expected):
    return {name: found for name, found in expected.items() if "skipped" not in found}


WITHOUT_CACHE = ("-p", "no:cacheprovider", "-p", "no:logging", "-k", "not temporary")
WAYS = [
    pytest.param((), id="alone"),
    pytest.param(("-n", "2"), id="xdist"),
    pytest.param(WITHOUT_CACHE, id="no cache", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("options", WAYS)
def test_rules(suite, options):
    suite.write(test_rows=ROWS)
    done = suite.run("--hermetic=strict", *options)
    expected = {name: found for name, found in without_skipped(EXPECTED).items() if options != WITHOUT_CACHE or name != "test_temporary"}
    assert told(done.outcomes) == expected, done.out
    assert "1 skipped" in done.out
    assert len(suite.server.visitors) == 4  # allow_network, allow_address, allow_all, none
    assert {"open/new", "written"} <= {*suite.files}  # the last is `none`'s


def test_rules_without(suite):
    suite.write(test_rows=ROWS)
    done = suite.run()
    passed = {name: {"passed"} for name in EXPECTED}
    assert told(done.outcomes) == without_skipped(passed | SKIPPED), done.out
    assert len(suite.server.visitors) > 10


LEVELS = """
import pytest
from acts import *
pytestmark = [pytest.mark.hermetic("strict"), pytest.mark.allow_network("localhost")]

@pytest.fixture(scope="module")
def of_module():
    reach()
    yield
    reach()
def test_module(of_module): reach()
@pytest.mark.hermetic("strict")
def test_replaced(of_module): reach()
@pytest.mark.hermetic("strict")
@pytest.mark.allow_network("localhost:1")
def test_replaced_and_added(): reach()
@pytest.mark.hermetic(block_subprocess=True)
def test_other_guard():
    reach()
    write()
@pytest.mark.hermetic(block_subprocess=True)
def test_that_guard(): start()
@pytest.mark.hermetic("none such")
def test_no_profile(): pass
@pytest.mark.hermetic(block_everything=True)
def test_no_argument(): pass

@pytest.mark.hermetic("strict")
class TestClass:
    @pytest.fixture(scope="class")
    def of_class(self): reach()
    def test_of_class(self): reach()
    def test_fixture_of_class(self, of_class): pass
    @pytest.mark.allow_network("localhost")
    def test_function(self): reach()
    @pytest.mark.allow_network("localhost")
    def test_fixture_of_class_again(self, of_class): pass
    @pytest.mark.no_hermetic(reason="a test")
    def test_none(self):
        write()
        reach()
    def test_uses_module(self, of_module): pass
"""
LEVELS_OUTCOMES = {
    "passed": "module other_guard function none uses_module",
    "failed": "replaced replaced_and_added that_guard of_class",
    "error": "no_profile no_argument fixture_of_class fixture_of_class_again",
}

SESSION = """
import pytest
from acts import *
@pytest.fixture(scope="session")
def of_session(): reach()
@pytest.mark.allow_network("localhost")
def test_of_session(of_session): reach()
@pytest.fixture
def of_function(): reach()
@pytest.mark.allow_network("localhost")
def test_of_function(of_function): reach()
"""
SESSION_OUTCOMES = {"test_of_session": {"error"}, "test_of_function": {"passed"}}


@pytest.mark.parametrize(
    "options", [pytest.param(("--hermetic=block-all",), id="beside the option", marks=pytest.mark.soak), pytest.param((), id="alone")]
)
def test_levels(suite, options):
    """From the outside in; a fixture that is wider than a test has the markers of where it belongs. Markers ask for themselves."""
    suite.write(test_levels=LEVELS)
    done = suite.run(*options)
    expected = {f"test_{name}": {outcome} for outcome, names in LEVELS_OUTCOMES.items() for name in names.split()}
    assert told(done.outcomes) == expected, done.out


def test_a_fixture_of_the_session(suite):
    suite.write(test_session=SESSION)
    done = suite.run("--hermetic=strict")
    assert told(done.outcomes) == SESSION_OUTCOMES, done.out


def test_keys_of_the_configuration(suite):
    """The option goes before `hermetic`; what the others allow is allowed in any case, and in every test."""
    suite.write(test_rows="from acts import *\ndef test_reach(): reach()\ndef test_write(): write('open/new')\ndef test_start(): start()\n")
    keys = {"hermetic_policy": "policy.toml", "hermetic": "block-all", "hermetic_allow_write": "open", "hermetic_allow_run": "true"}
    suite.ini(**keys)
    assert told(suite.run().outcomes) == {"test_reach": {"failed"}, "test_write": {"passed"}, "test_start": {"passed"}}
    keys["hermetic_allow_network"] = "localhost"
    suite.ini(**keys)
    assert told(suite.run("--hermetic=strict").outcomes) == {f"test_{name}": {"passed"} for name in ("reach", "write", "start")}
    assert suite.run("-o", "hermetic=").code == 0
