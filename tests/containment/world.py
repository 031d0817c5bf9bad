"""The world around attempts, and their judge: runs one after the other, and says what each has left outside.

Runs as the first process of namespaces of its own (see `worlds.py`): what an attempt leaves running is ended before the next begins, and what is
reached or asked for is nobody's. Reads jobs as JSON lines on stdin, answers each with a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from conftest import Python  # noqa: E402
from containment.attempt import BARE  # noqa: E402
from containment.place import BEGUN, INHERITED, VISITED, Place  # noqa: E402
from guards.world import OUTSIDE, World  # noqa: E402

PATIENCE_S = 15
APPEARS_WITHIN_S = 8
"""How long a control is waited for, when its effect is that of a process it has left behind."""

HERMETIC = str(Path(sys.executable).with_name("hermetic"))
ONE_LAYER = [sys.executable, "-I", "-S", str(HERE / "one_layer.py")]
COMPILER = {"touch.so": ["-shared", "-fPIC"], "touch": [], "visit": []}


class Judge:
    """base: an empty directory"""

    def __init__(self, base: Path, cache: str) -> None:
        self.base, self.cache = base, cache
        self.world = World(base)
        self.count = 0
        self.probed: dict[tuple[str, str], object] = {}

    def tool(self, name: str) -> str:
        """The path of a compiled program of `native_code/`."""
        path = self.base / "tools" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            source = HERE / "native_code" / f"{name.partition('.')[0]}.c"
            subprocess.run(["gcc", "-O1", *COMPILER[name], "-o", path, source], check=True)
        return str(path)

    def carry_out(self, program, python: Python, layer: str) -> dict[str, object]:
        """Run a program (an Attempt, or one like it), and tell what came of it; or why it cannot be tried here."""
        self.count += 1
        missing = self.missing(program, python)
        if missing:
            return {"missing": missing}
        place = Place(self.base / str(self.count), program, python, self.tool)
        self.world.reached()
        guard = {BARE: [], "both": [HERMETIC, "run"]}.get(layer, [*ONE_LAYER, layer])
        command = [*guard, *program.flags, "--", *place.command()] if guard else place.command()
        variables = {**place.variables(), "XDG_CACHE_HOME": self.cache}
        with self.visitor(program), inherited(program, place) as descriptors:
            process = subprocess.Popen(
                command,
                cwd=place.base / "inside",
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                start_new_session=True,  # nothing here has a terminal
            )
            code = self.wait(process)
            seen = self.watch(program, place, layer)
        end_all()
        out, err = process.stdout.read(), process.stderr.read()
        effects = list(dict.fromkeys([*seen, *self.world.reached(), *place.effects(out + err)]))
        place.remove()
        said = out.replace(BEGUN, b"")  # a child that begins with the same program says it too
        return {"effects": effects, "began": BEGUN in out, "code": code, "out": text(said), "err": text(err)}

    def missing(self, program, python: Python) -> str:
        """What the program needs and is not there: found out by trying."""
        if program.root and os.geteuid():
            return "only root can try"
        if not program.probe:
            return ""
        probe = (python.path, program.probe)
        if probe not in self.probed:
            done = subprocess.run([python.path, "-c", f"import os, sys\n{program.probe}"], capture_output=True, text=True)
            self.probed[probe] = done.returncode and (done.stderr.strip().splitlines() or ["it failed"])[-1]
        return f"{program.probe}: {self.probed[probe]}" if self.probed[probe] else ""

    def wait(self, process: subprocess.Popen) -> int | None:
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None

    def watch(self, program, place: Place, layer: str) -> list[str]:
        """What is seen until it is enough: the control's effect, or the end of the time in which nothing must happen."""
        until = time.monotonic() + (APPEARS_WITHIN_S if layer == BARE else program.late)
        found: list[str] = []
        while program.leaves != "secret":
            found += [*self.world.reached(), *place.effects(b"")]
            enough = layer == BARE and any(effect.partition(" ")[0] == program.leaves for effect in found)
            if enough or time.monotonic() >= until:
                break
            time.sleep(0.02)
        return found

    @contextlib.contextmanager
    def visitor(self, program):
        """While it runs, somebody out there tries to connect to it."""
        over = threading.Event()
        if program.leaves != "visited":
            yield
            return
        thread = threading.Thread(target=self.visit, args=(over,))
        thread.start()
        yield
        over.set()
        thread.join()

    def visit(self, over: threading.Event) -> None:
        """Ends by a reset, after which nobody's port is kept: one in TIME_WAIT would be, from the next server."""
        while not over.wait(0.01):
            with socket.socket() as caller:
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if caller.connect_ex((OUTSIDE, VISITED)) == 0:
                    self.world.tally.add("visited")
                    return


@contextlib.contextmanager
def inherited(program, place: Place):
    """Descriptors that the program finds open."""
    if not program.inherits:
        yield ()
        return
    if program.inherits == "socket":
        caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        caller.connect((OUTSIDE, 9))
        opened = caller.detach()
    elif program.inherits == "directory":
        opened = os.open(place.base / "outside", os.O_RDONLY)
    else:
        opened = os.open(place.base / "outside/canary", os.O_RDWR)
    os.dup2(opened, INHERITED)
    os.close(opened)
    yield (INHERITED,)
    os.close(INHERITED)


def end_all() -> None:
    """End every process but this one: in a pid namespace the first process may."""
    assert os.getpid() == 1
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def main() -> None:
    from containment import table
    from containment.ordinary import programs

    known = {"attempt": {one.name: one for one in table.ATTEMPTS}, "program": {one.name: one for one in programs.PROGRAMS}}
    base = Path(tempfile.mkdtemp(prefix="hc-", dir="/tmp"))
    try:
        judge = Judge(base, sys.argv[1])
        for line in sys.stdin:
            job = json.loads(line)
            program = known[job["kind"]][job["name"]]
            answer = judge.carry_out(program, Python(*job["python"]), job["layer"])
            print(json.dumps(answer), flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
        os._exit(0)


if __name__ == "__main__":
    main()
