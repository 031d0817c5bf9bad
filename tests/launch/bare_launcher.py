"""A launcher without options, policy or guard: stages, launches, exits. For the tests of what `launch` itself does.

    python bare_launcher.py [--guarded] [--deadline SECONDS] [--sweep] [--deaf] [--linger SECONDS] PROGRAM [ARGUMENT...]

The target finds the run directory's path in RUN. It counts as guarded at once; with --guarded it has to write "ready"
into the FIFO first. --deaf forgets what is written there; --linger is how long leftovers may take to end by themselves. The outcome goes to the file that OUTCOME names, as JSON.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from hermetic.errors import HermeticError  # noqa: E402
from hermetic.launch import leftovers  # noqa: E402
from hermetic.launch.execution import Execution  # noqa: E402
from hermetic.launch.process import launch  # noqa: E402
from hermetic.launch.stage import RunDirectory, sweep  # noqa: E402


def main(argv):
    guarded, deaf, deadline, meanwhile = False, False, 20.0, None
    while argv[0].startswith("--"):
        option = argv.pop(0)
        if option == "--guarded":
            guarded = True
        elif option == "--deadline":
            deadline = float(argv.pop(0))
        elif option == "--deaf":
            deaf = True
        elif option == "--linger":
            leftovers.LINGER = float(argv.pop(0))
        elif option == "--sweep":
            meanwhile = sweep(os.environ)
    events = []
    with RunDirectory.create({"stub.py": b"pass\n", "policy": b"{}"}, os.environ) as run:
        outcome = launch(
            Execution(argv[0], argv, {**os.environb, b"RUN": os.fsencode(run.path)}),
            run,
            on_events=bool if deaf else events.append,
            ready=lambda pid: not guarded or b"ready" in b"".join(events),
            deadline=deadline,
            meanwhile=meanwhile,
        )
    if "OUTCOME" in os.environ:
        report(outcome, run.path, b"".join(events))
    return outcome.code


def report(outcome, path, events):
    import json

    facts = {name: getattr(outcome, name) for name in outcome.__slots__}
    with open(os.environ["OUTCOME"], "w") as file:
        json.dump({**facts, "path": path, "events": events.decode("latin-1")}, file)


try:
    code = main(sys.argv[1:])
except HermeticError as error:
    print(f"hermetic: {error}", file=sys.stderr)
    code = error.exit_code
sys.exit(code)
