"""hermetic with one of its layers missing, to see what the other holds by itself; the product has no switch for that.

    python one_layer.py python|kernel [OPTION...] -- COMMAND...

python  the run of the `hermetic` command, executed without kernel rules
kernel  the same, as it is for a program that is not Python, and without the guards in what it starts
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [ROOT, os.path.join(ROOT, "bootstrap")]

from hermetic import options  # noqa: E402
from hermetic.errors import HermeticError  # noqa: E402
from hermetic.launch import begin, environ, run  # noqa: E402
from hermetic.launch.execution import Execution  # noqa: E402
from hermetic.linux import descriptors  # noqa: E402


class WithoutRules(Execution):
    """What the launcher does wherever it runs: descriptors are sorted, no rules are laid down."""

    def __init__(self, start, policy):
        super().__init__(start.interpreter, start.argv, start.environment)
        self.policy = policy

    def become(self):
        descriptors.sort(self.policy, descriptors.inherited())
        super().become()


class PythonAlone(run.Run):
    def execution(self, start, directory, protected):
        if self.child:
            self.child.end()
        return WithoutRules(start, self.policy)


class KernelAlone(run.Run):
    def __init__(self, invocation, policy, target, facts, say):
        super().__init__(invocation, policy, target, None, say)
        self.best_effort = True  # what the kernel does not hold, other attempts are about

    def execution(self, start, directory, protected):
        """A Python that a program starts would find the guards by its environment."""
        own = {name: value for name, value in start.environment.items() if not name.startswith((b"PYTHON", b"_HERMETIC"))}
        users = {name: value for name, value in environ.as_bytes(self.target.environ).items() if name.startswith(b"PYTHON")}
        start.environment = own | users
        return super().execution(start, directory, protected)


if __name__ == "__main__":
    run.Run = {"python": PythonAlone, "kernel": KernelAlone}[sys.argv[1]]
    try:
        code = begin.main(options.parse(sys.argv[2:]))
    except HermeticError as error:
        print(f"hermetic: {error}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)
