"""A real command-line client, from its package: nothing is sent, and the user is told who wanted to."""

import json
import re

import pytest
from launch.jobs import first_line, rearranged, three_lines, transcript


@pytest.fixture
def httpie(environments):
    return environments.get("3.11")


@pytest.fixture
def env(jobs, httpie, tmp_path):
    """httpie looks for news of itself from time to time, in the background; not here."""
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"disable_update_warnings": True}))
    return jobs.environ(httpie, HTTPIE_CONFIG_DIR=config)


def test_what_the_user_sees(httpie, jobs, env):
    done = jobs.guarded("--no-network", "--", "http", "https://example.com", env=env)
    assert first_line(done.err) == "hermetic: blocked action: network disabled: DNS(example.com)"
    asked, *behalf = (re.escape(httpie.version(name)) for name in ("urllib3", "requests", "httpie"))
    asker = asked + r" \(urllib3/util/connection\.py:\d+\), for " + ", ".join(behalf)
    assert re.search(three_lines("network disabled: DNS(example.com)", asker, "--allow-domain example.com"), done.err), done.err
    assert done.err.endswith("hermetic: blocked 1 action in all: network 1\n")
    assert (done.code, done.out, done.refused) == (1, "", ["DNS(example.com)"])
    assert rearranged(done.err) == rearranged(transcript("hermetic --no-network -- http https://example.com"))


def test_nothing_is_sent(jobs, env, loopback_server):
    """The server sees the unguarded run, and not the other."""
    command = ("http", "--ignore-stdin", "--check-status", f"{loopback_server.url}/nothing")
    done = jobs.guarded("--no-network", "--", *command, env=env)
    assert (done.code, loopback_server.visitors) == (1, [])
    assert set(done.refused) == {f"connect(127.0.0.1:{loopback_server.port})"}
    native = jobs.native(*command, env=env)
    assert (native.code, len(loopback_server.visitors)) == (4, 1)
    allowed = jobs.guarded("--no-network", "--allow-localhost", "--", *command, env=env)
    assert (allowed.code, allowed.out) == (4, native.out)
    assert allowed.refused == []
