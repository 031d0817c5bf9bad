"""hermetic with one of its layers missing, to see what each holds by itself; the product has no switch for that.

    python one_layer.py python|kernel [OPTION...] -- COMMAND...

python  the run directory and the environment of a real run, and no kernel rules
kernel  the kernel's rules of a real run, and the target as it is, without a guard in it
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [ROOT, os.path.join(ROOT, "bootstrap")]

from hermetic_guard.policy import with_scratch  # noqa: E402

from hermetic import options  # noqa: E402
from hermetic.errors import HermeticError  # noqa: E402
from hermetic.launch import environ, payload, run  # noqa: E402
from hermetic.launch.execution import Execution  # noqa: E402
from hermetic.launch.process import launch  # noqa: E402
from hermetic.launch.stage import RunDirectory  # noqa: E402
from hermetic.policy import combine  # noqa: E402
from hermetic.target import interrogate  # noqa: E402


def main(layer, words):
    invocation = options.parse(words)
    cwd = os.getcwd()
    policy = combine.resolve(invocation, cwd).policy
    environment = run.initial_environment()
    target = run.find_target(invocation, environ.as_text(environment), cwd)
    facts = interrogate.interrogate(target.interpreter, interrogate.cache_directory(os.environ))
    guarded = run.Run(invocation, policy, target, facts, run.Speaker(invocation))
    with RunDirectory.create(payload.files(policy, [facts], run.protected_paths()), os.environ) as directory:
        if layer == "python":
            start = environ.prepare(target, facts, environ.handoff(directory), environment)
            execution, ready = Execution(start.interpreter, start.argv, start.environment), guarded.ready.__contains__
        else:
            execution, ready = confined(with_scratch(policy, f"{directory.path}/scratch"), directory, target), bool
        outcome = launch(execution, directory, on_events=guarded.take, ready=ready, deadline=run.READY_WITHIN_S)
    return guarded.finish(outcome) if layer == "python" else outcome.code


def confined(policy, directory, target):
    from hermetic.launch.confined import ConfinedExecution
    from hermetic.linux.here import Here

    here = Here(
        machine=os.uname().machine,
        root=os.geteuid() == 0,
        run=directory.path,
        program=target.interpreter,
        protected=tuple(run.protected_paths()),
    )
    environment = environ.as_bytes({**target.environ, "TMPDIR": f"{directory.path}/scratch"} if policy.filesystem else target.environ)
    return ConfinedExecution(target.interpreter, target.argv, environment, policy=policy, here=here, permit=lambda _: "", tell=bool)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1], sys.argv[2:])
    except HermeticError as error:
        print(f"hermetic: {error}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)
