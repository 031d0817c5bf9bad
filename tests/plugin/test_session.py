"""What is put up for a session: from when on it stands, what it leaves to pytest and its plugins, and what people are told."""

import json
import subprocess

import pytest
from plugin.suites import Suite

PLAIN = "from acts import *\ndef test_nothing(): pass\n"
TRIES = "from acts import *\n{}\n"
OUTSIDE = "hermetic: refused outside of tests"


@pytest.mark.parametrize("act", ["reach()", *(pytest.param(act, marks=pytest.mark.soak) for act in ("write()", "start()"))])
def test_a_conftest_that_tries(suite, act):
    """Its file, and not only the tests': nothing of it runs without the guards."""
    suite.write(conftest=TRIES.format(act), test_plain=PLAIN)
    done = suite.run("--hermetic=strict")
    assert done.code == 4, done.out
    assert "Refused: " in done.out
    assert not suite.server.visitors
    assert "written" not in suite.files
    if act == "reach()":
        assert suite.run().code == 0
        assert suite.server.visitors


SWALLOWED = [("fail", 1, True), ("warn", 0, True), pytest.param("ignore", 0, False, marks=pytest.mark.soak)]


@pytest.mark.parametrize(("swallowed", "code", "told"), SWALLOWED)
def test_a_conftest_that_goes_on(suite, swallowed, code, told):
    suite.write(conftest=TRIES.format("quietly(reach)"), test_plain=PLAIN + "def test_swallowed(): quietly(start)\n")
    suite.ini(hermetic_policy="policy.toml", hermetic_swallowed=swallowed)
    done = suite.run("--hermetic=strict")
    assert (done.code, OUTSIDE in done.out) == (code, told), done.out
    assert ("HermeticWarning: hermetic: an action was refused" in done.out) == (swallowed == "warn")
    assert done.outcomes["test_swallowed"] == {"failed" if swallowed == "fail" else "passed"}
    assert not suite.server.visitors


def test_what_workers_were_refused(suite):
    """The controller loads conftest files, too; what happens in workers alone comes from them."""
    conftest = "import os\nif 'PYTEST_XDIST_WORKER' in os.environ: quietly(reach)\n"
    suite.write(conftest=TRIES.format(conftest), test_plain=PLAIN)
    done = suite.run("--hermetic=strict", "-n", "2")
    assert (done.code, done.out.count("asked by  acts.py:6"), OUTSIDE in done.out) == (1, 1, True), done.out


def test_collection(suite):
    suite.write(test_first="from acts import *\nquietly(reach)\ndef test_one(): pass\n", test_plain=PLAIN)
    done = suite.run("--hermetic=strict")
    assert done.code == 2
    assert "ERROR test_first.py - hermetic: an action was refused" in done.out


def test_who_asked_is_told(suite):
    suite.write(
        test_told="from acts import *\ndef test_told():\n    for _ in range(3):\n        quietly(reach)\ndef test_raised(): reach()\n"
    )
    done = suite.run("--hermetic=strict")
    port = suite.server.port
    told = [
        f"network disabled: connect(127.0.0.1:{port})",
        "  asked by  acts.py:6",
        f'  allow it  @pytest.mark.allow_network("localhost:{port}")',
    ]
    lines = done.out.splitlines()
    at = lines.index("hermetic: 3 actions were refused, and the code went on as if nothing had been")
    assert lines[at + 1 : at + 4] == [f"{told[0]} (3 times)", *told[1:]]
    at = next(at for at, line in enumerate(lines) if "Captured hermetic call" in line)
    assert lines[at + 1 : at + 4] == told
    assert "hook.py" not in done.out  # frames of our own are not shown


DEFAULT = """
import os, pytest
from acts import *
def test_reach(): reach()
def test_elsewhere(): socket.create_connection(("192.0.2.1", 80), 0.01)
def test_write(): write()
def test_secret():
    assert os.environ["SECRET"]
    with pytest.raises(FileNotFoundError): open(os.path.expanduser("~/.netrc"))
def test_child():
    subprocess.run([sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {PORT}))"], check=True)
def test_child_elsewhere():
    subprocess.run([sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 80), 0.01)"], check=True)
"""


def test_the_default_profile(suite):
    """But for the environment, which is the process's."""
    (suite.temporary / ".netrc").touch()
    suite.write(test_default="import sys\n" + DEFAULT)
    done = suite.run("--hermetic", SECRET="x")
    failed = {"test_elsewhere", "test_write", "test_child_elsewhere"}
    assert {name for name, found in done.outcomes.items() if found == {"failed"}} == failed, done.out
    assert len(done.outcomes) == 6
    assert len(suite.server.visitors) == 2
    assert "hermetic: no network but localhost, no writing but in" in done.out


BAD = {
    "--hermetic=none": "there is no profile none",
    "--hermetic=llm-code": "a block in a process cannot hold limits",
    "hermetic_swallowed=shout": "hermetic_swallowed is fail, warn or ignore, not shout",
    "hermetic_allow_network=a b": "a host name, or *. and one, was expected",
    "hermetic_policy=nowhere.toml": "nowhere.toml",
}


@pytest.mark.parametrize(
    "word", ["--hermetic=none", *(pytest.param(word, marks=pytest.mark.soak) for word in BAD if word != "--hermetic=none")]
)
def test_bad_words(suite, word):
    """Nothing is run."""
    suite.write(test_plain=PLAIN)
    done = suite.run(*([word] if word.startswith("--") else ["--hermetic", "-o", word]))
    assert done.code == 4
    assert BAD[word] in done.out


def test_a_path_behind_the_option(suite):
    """Is not taken for a profile without a word, nor passed over."""
    suite.write(test_plain=PLAIN)
    done = suite.run("--hermetic", "test_plain.py")
    assert done.code == 4
    assert "test_plain.py is a path: those go before --hermetic, or behind a --" in done.out
    assert suite.run("--hermetic", "--", "test_plain.py").code == 0


# Costs nothing.

QUIET = """
import sys
def test_quiet():
    assert not any(name.startswith(("hermetic.", "hermetic_guard")) and name != "hermetic.pytest_plugin" for name in sys.modules), sys.modules.keys()
def test_the_fixture(hermetic):
    assert hermetic.policy == "" and hermetic.violations == []
    with hermetic.expected() as refused: pass
    assert refused == []
"""


def test_importing_it(suite):
    """Of hermetic itself it brings nothing but the package. pytest is there."""
    code = "import json, sys, pytest; before = {*sys.modules}; import hermetic.pytest_plugin; print(json.dumps(sorted({*sys.modules} - before)))"
    done = subprocess.run([suite.environment.python, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["hermetic", "hermetic.pytest_plugin"]


def test_nothing_is_loaded_until_it_is_asked(suite):
    suite.write(test_quiet=QUIET)
    assert suite.run("-p", "no:xdist", "-p", "no:cov").code == 0


# What pytest and its plugins need.


def test_reports(suite):
    """Written when the last test is through, wherever they are to be; a log is opened before."""
    suite.write(test_plain=PLAIN + "def test_write(): write()\n", conftest="import atexit\n")
    (suite.path / "logs").mkdir()
    options = ("--junitxml=out/junit.xml", "--cov=acts", "--cov-report=html", "--cov-report=xml", "--log-file=logs/log", "--basetemp=base")
    done = suite.run("--hermetic=strict", *options)
    assert done.outcomes["test_write"] == {"failed"}, done.out
    assert (done.code, OUTSIDE in done.out) == (1, False), done.out
    assert {"out/junit.xml", "htmlcov/index.html", "coverage.xml", ".coverage", "logs/log", ".pytest_cache/v/cache/lastfailed"} <= {
        *suite.files
    }
    assert "written" not in suite.files


ASKS = """
from acts import *
def pytest_report_header():
    try:
        start()
    except OSError:
        return "not answered"
"""


def test_plugins_that_ask_the_machine(suite):
    """They go on without an answer, as the standard library does, and it is told; a program that is listed is started."""
    suite.write(conftest=ASKS, test_plain=PLAIN)
    done = suite.run("--hermetic=strict")
    assert (done.code, "not answered" in done.out, '@pytest.mark.allow_run("true")' in done.out) == (1, True, True), done.out
    done = suite.run("--hermetic=strict", "-o", "hermetic_allow_run=true")
    assert (done.code, "not answered" in done.out) == (0, False), done.out


@pytest.mark.soak
def test_coverage_of_workers(suite):
    suite.write(test_plain=PLAIN + "".join(f"def test_{n}(): quietly(len)\n" for n in range(4)))
    done = suite.run("--hermetic=strict", "-n", "2", "--cov=acts", "--cov-report=term-missing")
    assert done.code == 0, done.out
    assert "acts.py" in done.out


ASYNC = """
import asyncio, pytest
from acts import *

@pytest.mark.asyncio
async def test_asyncio(): await asyncio.sleep(0)
@pytest.mark.asyncio
async def test_asyncio_reach(): await asyncio.open_connection("127.0.0.1", PORT)
@pytest.mark.asyncio
@pytest.mark.allow_network("localhost")
async def test_asyncio_allowed():
    _, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.close()
@pytest.mark.asyncio
async def test_asyncio_swallowed(): await asyncio.gather(asyncio.to_thread(quietly, reach), return_exceptions=True)

@pytest.fixture
def anyio_backend(): return "asyncio"
@pytest.mark.anyio
async def test_anyio():
    import anyio
    await anyio.to_thread.run_sync(lambda: None)
@pytest.mark.anyio
async def test_anyio_reach():
    import anyio
    await anyio.connect_tcp("127.0.0.1", PORT)
@pytest.mark.anyio
@pytest.mark.allow_network("localhost")
async def test_anyio_allowed():
    import anyio
    async with await anyio.connect_tcp("127.0.0.1", PORT): pass

@pytest.fixture(scope="module")
async def anyio_module(): await asyncio.to_thread(reach)
"""
ASYNC_OUTCOMES = {
    **dict.fromkeys(("test_asyncio", "test_asyncio_allowed", "test_anyio", "test_anyio_allowed"), "passed"),
    **dict.fromkeys(("test_asyncio_reach", "test_asyncio_swallowed", "test_anyio_reach"), "failed"),
}


def test_asynchronous_tests(suite):
    suite.write(test_async=ASYNC)
    done = suite.run("--hermetic=strict")
    assert {name: next(iter(found)) for name, found in done.outcomes.items()} == ASYNC_OUTCOMES, done.out
    assert len(suite.server.visitors) == 2
    done = suite.run()
    assert {name: next(iter(found)) for name, found in done.outcomes.items()} == dict.fromkeys(ASYNC_OUTCOMES, "passed"), done.out


def test_in_a_run(suite, hermetic_command):
    """Both hold: what the run forbids no marker allows."""
    suite.write(
        test_both="import pytest\nfrom acts import *\n@pytest.mark.no_hermetic(reason='a test')\ndef test_reach(): reach()\n" + PLAIN
    )
    words = (hermetic_command, "run", "-q", "--no-policy")
    done = suite.run("--hermetic=strict", before=(*words, "--no-network", "--"))
    assert {name: next(iter(found)) for name, found in done.outcomes.items()} == {"test_reach": "failed", "test_nothing": "passed"}, (
        done.out
    )
    assert not suite.server.visitors
    done = suite.run("--hermetic=strict", before=(*words, "--no-network", "--allow-localhost", "--"))
    assert done.code == 0, done.out
    assert suite.server.visitors


def test_named_by_hand(suite):
    """Where nothing is loaded by itself."""
    suite.write(conftest=TRIES.format("reach()"), test_plain=PLAIN)
    done = suite.run("-p", "hermetic", "--hermetic=strict", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert (done.code, len(suite.server.visitors)) == (4, 0), done.out
    assert suite.run("-p", "no:hermetic").code == 0


@pytest.mark.soak
def test_the_oldest_pytest(installed, tmp_path, loopback_server):
    suite = Suite(installed("plugin oldest"), tmp_path, loopback_server)
    suite.write(conftest=TRIES.format("reach()"), test_plain=PLAIN)
    assert (suite.run("--hermetic=strict").code, len(loopback_server.visitors)) == (4, 0)
    suite.write(conftest="", test_plain=PLAIN + "def test_swallowed(): quietly(reach)\n")
    done = suite.run("--hermetic=strict", "-n", "2")
    assert done.outcomes == {"test_nothing": {"passed"}, "test_swallowed": {"failed"}}, done.out
