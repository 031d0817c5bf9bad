"""Everything that is measured, and what may come of it at most."""

from benches import connections, operations, programs, scale, starts
from benches.place import RELATIVES

MORE, RATIO, ADDED, GUARDED = "more_ms", "ratio", "added", "guarded_ms"


class Row:
    """name: as --only has it; what: in words; measure: a function of a Place and the number of rounds;
    figure: which of the figures has a bar; most: what that may be at most, None for no bar; unit: of the first two figures"""

    def __init__(self, name, what, measure, figure=RATIO, most=None, unit="ms"):
        self.name = name
        self.what = what
        self.measure = measure
        self.figure = figure
        self.most = most
        self.unit = unit

    def value(self, found):
        """The figure that has a bar. `added` is what comes to a bare start, in bare starts."""
        return found[RATIO] - 1 if self.figure == ADDED else found[self.figure]

    def holds(self, found):
        return self.most is None or self.value(found) <= self.most


def mib(name, what, measure, figure, most):
    return Row(name, what, lambda place, rounds: per_second(measure(place, rounds)), figure, most, "MiB")


def per_second(found):
    """Of figures that are no times: measure.py takes seconds and gives milliseconds."""
    return {name: value / 1000 if name.endswith("_ms") else value for name, value in found.items()}


ROWS = [
    Row("launch", "`hermetic run --no-network -- python -c pass`", starts.launch, ADDED, 2.0),
    Row("exec", "`hermetic exec --no-network --python PYTHON -c pass`", starts.execute, ADDED, 2.0),
    Row("profile", "`hermetic run -- python -c pass`, by the profile `default`", starts.profile, ADDED, 2.3),
    *(Row(name, f"`python -c pass` by {name.replace('_', '-')}, without a network", starts.relative(name)) for name in RELATIVES),
    Row("kernel", "a run of `/bin/true` without and with the kernel's rules of three guards", starts.kernel, MORE, 6),
    Row("inside", "the payload's part of a start, in the target", starts.inside, ADDED, 0.15),
    Row("child", "a spawned `python -S -c pass`", starts.child, RATIO, 1.2),
    Row("import", "a hundred small modules", operations.imported, RATIO, 1.1),
    Row(
        "open-python",
        "`open` and `close` under `--fs-readonly`, Python's layer",
        operations.opened("--fs-readonly", layer="python"),
        RATIO,
        1.15,
    ),
    Row("open", "the same, both layers", operations.opened("--fs-readonly"), RATIO, 1.5),
    Row("open-root", "the same under `--fs-readonly=ROOT`", operations.opened(root=True), RATIO, 2.0),
    Row("open-rules", "the same with ten thousand rules, beside that with ten", operations.with_rules, RATIO, 1.1),
    Row("call", "a system call that no rule names", operations.called, MORE, 0.0001),
    Row("block", "entering and leaving a block", operations.block("block"), MORE, 0.005),
    Row("inner", "the same inside of another", operations.block("inner"), MORE, 0.005),
    Row("outside", "`open` and `close` where no block is open, once one was", operations.block("outside"), MORE, 0.0004),
    Row("connect-python", "a loopback connection under `--allow-localhost`, Python's layer", connections.connect("python"), RATIO, 1.15),
    Row("connect", "the same, made by the supervisor", connections.connect(), MORE, 0.25),
    Row("named", "a connection by a name, which is looked up", connections.named, MORE, 0.25),
    Row("stream", "4 MiB over one loopback connection", connections.stream(1, 4 << 20), RATIO, 1 / 0.95),
    Row("streams", "13 MiB over fifty", connections.stream(50, 13 << 20), RATIO, 1 / 0.95),
    *(
        Row(f"{name}{suffix}", f"{what}, {layers}", programs.program(command, layer), RATIO, most)
        for name, what, command in [
            ("pip", "`pip list`", programs.pip_list),
            ("compileall", "`python -m compileall` of a tree", programs.compile_tree),
            ("pytest", "a suite of 400 tests", programs.pytest_suite),
            ("black", "`black --check` of a tree", programs.black_check),
        ]
        for suffix, layers, layer, most in [("-python", "Python's layer", "python", 1.05), ("", "both layers", "", 1.08)]
    ),
    mib("memory", "peak memory of the target", starts.memory, MORE, 3),
    mib("launcher-memory", "peak memory of the launcher", starts.launcher_memory, GUARDED, 14),
    Row("cold", "`hermetic.run_code`, of which 500 a minute and core are wanted", scale.each(scale.COLD), GUARDED, 120),
    Row("warm", "`Pool.run_code`, of which 2000 are wanted", scale.each(scale.WARM), GUARDED, 30),
    Row("cold-flat", "the last third of many `run_code`, beside the first", scale.flat(scale.COLD, 9), RATIO, 1.1),
    Row("warm-flat", "the same of a pool's", scale.flat(scale.WARM, 30), RATIO, 1.1),
]
