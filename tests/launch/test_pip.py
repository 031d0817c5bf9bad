"""pip, of each kind that is met: refused at the first name, and at work with an index on this machine, its builds guarded too."""

import re

import pytest
from launch.jobs import first_line, rearranged, three_lines, transcript

PIPS = ("3.8", "3.11", "3.13", "oldest pip", "newest pip")
INDEX_HOST = "from pip._internal.models.index import PyPI; print(PyPI.netloc)"

BUILDS = (
    ("3.8", "demo", ()),
    ("3.13", "demo", ()),
    ("oldest pip", "demo", ()),
    ("newest pip", "demo", ("--use-feature=venv-isolation",)),
    ("newest pip", "demo", ("--use-feature=inprocess-build-deps",)),
    ("3.11", "intree", ("--no-build-isolation",)),
    ("oldest pip", "legacy", ()),
)
"""Which pip, which project, which options: build requirements come from pip started in pip with a PYTHONPATH of its own, from a virtual
environment, or from the same process; or the backend is in the tree, or there is nothing but a setup.py."""


@pytest.mark.parametrize("which", PIPS)
def test_refused_at_the_first_name(environments, jobs, which):
    pip = environments.get(which)
    host = pip.ask(INDEX_HOST)
    done = jobs.guarded("run", "--no-network", "--", "pip", "--isolated", "install", "--retries", "0", "six", env=jobs.environ(pip))
    asker = re.escape(pip.version("pip")) + r" \(pip/_vendor/urllib3/util/connection\.py:\d+\)"
    assert done.code == 1
    assert first_line(done.err) == f"hermetic: blocked action: network disabled: DNS({host})"
    assert re.search(three_lines(f"network disabled: DNS({host})", asker, f"--allow-domain {host}"), done.err), done.err
    assert set(done.refused) == {f"DNS({host})"}
    assert done.err.endswith(f"hermetic: blocked {blocked(len(done.refused))}\n")
    assert "No matching distribution found for six" in done.err


def test_transcript(environments, jobs):
    """What the README shows."""
    command = "run --no-network -- pip --isolated install --retries 0 --index-url https://index.example/simple six"
    done = jobs.guarded(*command.split(), env=jobs.environ(environments.get("3.11")))
    assert rearranged(done.out + done.err) == rearranged(transcript(f"hermetic {command}"))


def blocked(count):
    return f"{count} action{'s' if count > 1 else ''} in all: network {count}"


@pytest.mark.parametrize("which", ["3.11", "newest pip"])
def test_index_on_this_machine_is_refused_too(environments, jobs, index, which):
    """Unless it is allowed. The control asks the same index."""
    pip = environments.get(which)
    command = ("pip", "--isolated", "install", "--retries", "0", "--index-url", f"{index.url}/simple", "six")
    done = jobs.guarded("run", "--no-network", "--", *command, env=jobs.environ(pip))
    assert (done.code, index.visitors) == (1, [])
    asker = re.escape(pip.version("pip")) + r" \(pip/_vendor/urllib3/util/connection\.py:\d+\)"
    target = f"network disabled: connect(127.0.0.1:{index.port})"
    assert re.search(three_lines(target, asker, f"--allow-localhost={index.port}"), done.err), done.err
    assert jobs.native(*command, env=jobs.environ(pip)).code == 1
    assert index.visitors


@pytest.mark.parametrize(("which", "project", "options"), BUILDS, ids=[" ".join((pip, *options, name)) for pip, name, options in BUILDS])
def test_install(environments, jobs, index, port, tmp_path, which, project, options):
    """A source distribution is built and installed with a wheel it requires. The index is allowed, the port that the build calls is not."""
    pip = environments.get(which)

    def command(prefix):
        where = ("--no-cache-dir", "--prefix", tmp_path / prefix, "--index-url", f"{index.url}/simple")
        return ("pip", "--isolated", "install", *where, *options, project)

    native = jobs.native(*command("native"), env=jobs.environ(pip))
    assert native.code == 0, native.err
    calls, traces = port.take()
    assert calls == len(traces) > 0
    assert {trace["outcome"] for trace in traces} == {"connected"}

    flags = ("--no-network", f"--allow-localhost={index.port}")
    done = jobs.guarded("run", *flags, "--", *command("guarded"), env=jobs.environ(pip))
    assert done.code == 0, done.err
    assert files(tmp_path / "guarded") == files(tmp_path / "native") != []
    calls, seen = port.take()
    assert calls == 0
    assert [trace["hook"] for trace in seen] == [trace["hook"] for trace in traces]
    assert {trace["outcome"] for trace in seen} == {"refused"}
    assert done.refused == [f"connect(127.0.0.1:{port.number})"] * len(seen)
    assert {trace["pid"] for trace in seen} <= done.guarded_pids
    assert f"  allow it  --allow-localhost={port.number}\n" in done.err


def files(directory):
    """The files below a directory; not where they were installed from, which is another temporary directory each time."""
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.suffix != ".pyc")
