"""Signal handlers open and close blocks too, also while the thread that they interrupt is opening or closing one."""

from __future__ import annotations

from pathlib import Path

from blocks.running import lines


def test_signal_handlers_open_blocks_too(tmp_path: Path) -> None:
    code = """
    import signal
    block, count = hermetic_blocker(fs_readonly=True), 0
    def handler(*_):
        global count
        with block:
            count += {said(act, "made")[:20] for act in (os.mkdir, os.mkfifo)} == {"FilesystemViolation:"}
        signal.setitimer(signal.ITIMER_REAL, 0.0005)
    original = os.mkfifo
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    missed = 0
    while count < 300:
        with block:
            missed += os.mkfifo is original
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(missed, os.mkfifo is original, said(os.mkdir, "made"))
    """
    assert lines(code, tmp_path) == ["0 True done"]


def test_a_block_that_a_handler_leaves_open_stands(tmp_path: Path) -> None:
    """In whatever it has interrupted the opening or closing of another one; and nothing stands once it is closed."""
    code = """
    import signal
    block, opened, wrong = hermetic_blocker(block_network=True), 0, []
    with block:
        pass
    original = os.system
    def handler(*_):
        global opened
        opened += 1
        block.__enter__()
        signal.setitimer(signal.ITIMER_REAL, 0.0005)
    def stand():
        return [name in vars(socket.socket) for name in ("connect", "listen", "setsockopt")] + [os.system is not original]
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    closed = 0
    while closed < 150:
        with block:
            pass
        if opened > closed:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            wrong += [what for what in stand() if not what]
            while closed < opened:
                block.__exit__(None, None, None)
                closed += 1
            wrong += [what for what in stand() if what]
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(wrong)
    """
    assert lines(code, tmp_path) == ["[]"]


RAISED = """
import random, signal, time
block = hermetic_blocker(block_network=True, fs_readonly=True)
with block:
    pass
names = ("mkfifo", "execve", "open")
def standing():
    return [getattr(os, name) for name in names], dict(vars(socket.socket)), socket.getaddrinfo, sys.modules["_imp"].create_dynamic
class Stop(Exception):
    pass
def handler(*_):
    raise Stop
signal.signal(signal.SIGALRM, handler)
before, turns, interrupted, stuck = standing(), 0, 0, 0
while interrupted < 150 and turns < 5000:
    turns += 1
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.0005), 0.02)
    try:
        while True:
            with block:
                pass
    except Stop as stopped:
        signal.setitimer(signal.ITIMER_REAL, 0)
        frames, at = [], stopped.__traceback__.tb_next
        while at is not None:
            frames.append((at.tb_frame.f_code.co_name, at.tb_lasti))
            at = at.tb_next
    if frames[0] == ("__exit__", 0):
        block.__exit__(None, None, None)  # which has not begun
    interrupted += len(frames) > 1
    stuck += standing() != before or said(os.mkdir, "made") != "done"
    os.path.isdir("made") and os.rmdir("made")
print(interrupted == 150, stuck)
"""


def test_what_a_handler_raises_leaves_nothing_open(tmp_path: Path) -> None:
    """Whatever it interrupts: also the opening or closing itself."""
    assert lines(RAISED, tmp_path) == ["True 0"]
