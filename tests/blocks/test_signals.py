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
