"""What the user reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hermetic import distributions
from hermetic.report import Narrowed, Report, message

STDLIB = ["/usr/lib/python3.11/socket.py", 962, "getaddrinfo"]


def event(target: str = "example.com", stack: list[Any] | None = None, **changes: str) -> dict[str, Any]:
    fields = {"guard": "network", "action": "DNS", "rule": "network disabled", "hint": "--allow-domain example.com"}
    return {**fields, "target": target, "stack": stack or [], **changes}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site-packages with two distributions: one whose import name is another than its own."""
    site = tmp_path / "venv/lib/python3.11/site-packages"
    for name, version, files in [("requests", "2.32.3", ["requests/adapters.py"]), ("PyYAML", "6.0", ["yaml/reader.py"])]:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\n")
        info.joinpath("RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
    return site


def test_three_lines_as_the_readme_shows_them(site: Path) -> None:
    asked = event(stack=[STDLIB, [f"{site}/requests/adapters.py", 667, "send"], [f"{site}/yaml/reader.py", 1, "f"]])
    assert message(asked) == (
        "hermetic: blocked action: network disabled: DNS(example.com)\n"
        "  asked by  requests 2.32.3 (requests/adapters.py:667), for PyYAML 6.0\n"
        "  allow it  --allow-domain example.com\n"
    )


def test_code_of_no_distribution_is_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "  asked by  tool/main.py:4\n" in message(event(stack=[STDLIB, [f"{tmp_path}/tool/main.py", 4, "f"]]))
    assert "  asked by  /usr/lib/python3.11/socket.py:962\n" in message(event(stack=[STDLIB]))


def test_what_is_not_known_is_left_out() -> None:
    assert message(event(hint="")) == "hermetic: blocked action: network disabled: DNS(example.com)\n"


def test_a_name_cannot_forge_lines_or_colours() -> None:
    text = message(event(target="a\nhermetic: all is well\x1b[0m\r\x07", stack=[["/x\n.py", 1, "f"]]))
    assert text.count("\n") == 3
    assert text.replace("\n", "").isprintable()


def test_the_first_of_each_is_printed_and_all_are_counted() -> None:
    out: list[str] = []
    report = Report(out.append)
    for target in ["a", "b", "a", "a"]:
        report.refused(event(target))
    report.refused(event("a", guard="integrity"))
    assert len(out) == 3
    report.finish()
    assert out[-1] == "hermetic: blocked 5 actions in all: integrity 1, network 4\n"


def test_trace_prints_every_one_with_its_stack() -> None:
    out: list[str] = []
    report = Report(out.append, trace=True)
    for _ in range(2):
        report.refused(event(stack=[STDLIB, ["/m.py", 4, "main"]]))
    assert len(out) == 2
    assert out[1].endswith("    /m.py:4 in main\n    /usr/lib/python3.11/socket.py:962 in getaddrinfo\n")


def test_nothing_blocked_nothing_said() -> None:
    out: list[str] = []
    Report(out.append).finish()
    assert out == []


def test_a_flood_of_different_refusals_is_only_counted() -> None:
    out: list[str] = []
    report = Report(out.append)
    for number in range(5000):
        report.refused(event(str(number)))
    for _ in range(2):
        report.refused(event("0"))
    assert len(out) == 21
    assert out[-1] == "hermetic: further refusals are counted, not shown (--trace shows all, --log FILE writes all)\n"
    assert report.blocked == {"network": 5002}
    assert len(report._seen) == 20


def test_trace_prints_a_flood() -> None:
    out: list[str] = []
    report = Report(out.append, trace=True)
    for number in range(100):
        report.refused(event(str(number)))
    assert len(out) == 100


def test_quiet_prints_nothing() -> None:
    out: list[str] = []
    report = Report(out.append, quiet=True)
    for number in range(100):
        report.refused(event(str(number)))
    report.finish(foreign=3)
    assert out == []


def test_what_is_not_understood_is_counted() -> None:
    out: list[str] = []
    report = Report(out.append)
    report.finish(foreign=2)
    report.finish(foreign=1)
    assert out == [
        "hermetic: not understood: 2 lines that did not come from the guards\n",
        "hermetic: not understood: 1 line that did not come from the guards\n",
    ]


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("/usr/lib/python3.11/socket.py", True),
        ("/usr/lib64/python3.13t/asyncio/base_events.py", True),
        ("/usr/lib/pypy3.9/socket.py", True),
        ("/usr/lib/python3.11/site-packages/a.py", False),
        ("/usr/lib/python3/dist-packages/a.py", False),
        ("/srv/app/lib/main.py", False),
        ("main.py", False),
    ],
)
def test_which_files_are_the_standard_librarys(path: str, own: bool) -> None:
    assert distributions.is_standard_library(path) is own


def test_what_a_policy_file_has_to_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [f"{tmp_path}/hermetic.toml", "/other/hermetic.toml"]
    assert Narrowed(files, alone=False).hint("--allow-run x") == "--allow-run x (so must hermetic.toml and /other/hermetic.toml)"
    assert Narrowed(files[:1], alone=True).hint("--allow-run x") == "in hermetic.toml: allow-run x"
    assert Narrowed([], alone=False).hint("--allow-run x") == "--allow-run x"
    assert Narrowed(files, alone=True).hint("") == ""
    assert Narrowed(files[:1], alone=False, given="--allow-run x".__eq__).hint("--allow-run x") == "in hermetic.toml: allow-run x"
    said = Narrowed([], alone=False, packages=files[:1], untrusted=files[1:])
    assert said.hint('[package.a] approved = "2"') == 'in hermetic.toml: [package.a] approved = "2"'
    assert said.hint("--x") == "--x (or for a package alone, as /other/hermetic.toml may say: after reading it, hermetic policy trust)"
    assert said.hint("") == ""
    assert Narrowed([], alone=False).hint("[package.a] x") == "[package.a] x"
