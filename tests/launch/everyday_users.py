"""What a user, or a client, does with an everyday program while it runs."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request

from launch.bare import Terminal

PATIENCE_S = 60
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Place:
    """Where a program is run: its working directory, environment and the port that stands for PORT in its command."""

    def __init__(self, work, env):
        self.work = work
        self.env = env
        self.output = work / "output"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def start(self, command, **options):
        """In the background, with its output in a file."""
        with self.output.open("w") as output:
            streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": subprocess.STDOUT}
            return subprocess.Popen(command, cwd=self.work, env=self.env, **streams, **options)

    def until(self, process, condition):
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert process.poll() is None, f"it has ended: {self.output.read_text()}"
            assert time.monotonic() < end, f"it did not come to that: {self.output.read_text()}"
            time.sleep(0.05)

    def words(self, command):
        return [str(word).replace("PORT", str(self.port)) for word in command]


def waits(place, command):
    """Nothing but waiting for the end. Returns exit code and output."""
    done = subprocess.run(
        command, cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.returncode, done.stdout + done.stderr


def types(*pairs, pause=0.0):
    """On a terminal: waits for a text, then types another, again and again. What is typed before a prompt sets the terminal up may be dropped
    (TCSAFLUSH, tcsetattr(3)): `pause` is for those that do so after they have printed it.
    """

    def user(place, command):
        terminal = Terminal(command, place.env, place.work)
        try:
            seen = ""
            for awaited, typed in pairs:
                seen += terminal.expect(awaited, PATIENCE_S) + awaited
                time.sleep(pause)
                terminal.type(typed)
            code = terminal.process.wait(PATIENCE_S)
            return code, seen + terminal.rest()
        finally:
            terminal.close()

    return user


def served(use, stop=signal.SIGTERM):
    """Starts a server, uses it, and ends it by a signal to its group as a terminal would (SIGINT), or to itself."""

    def user(place, command):
        process = place.start(command, process_group=0)
        try:
            use(place, process)
            os.killpg(process.pid, stop) if stop == signal.SIGINT else process.send_signal(stop)
            return process.wait(PATIENCE_S), place.output.read_text()
        finally:
            process.kill()
            process.wait()

    return user


def asks(place, process):
    """Waits for the server to answer."""
    place.until(process, lambda: answer(place) == "first")


def edits(file):
    """Waits for an answer, edits the program, and waits for the other answer."""

    def use(place, process):
        asks(place, process)
        time.sleep(1)  # what is edited before a reloader's first look, 0.25 s after it starts the server, is no change to it
        source = place.work / file
        source.write_text(source.read_text().replace("first", "second"))
        place.until(process, lambda: answer(place) == "second")

    return use


def sends_a_task(place, process):
    """Waits until the worker is there, and has it do something."""
    place.until(process, lambda: " ready." in place.output.read_text())
    command = [place.env["VIRTUAL_ENV"] + "/bin/python", "tasks.py"]
    done = subprocess.run(command, cwd=place.work, env=place.env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout == "result 42\n", done.stderr + place.output.read_text()


def answer(place):
    try:
        with NO_PROXY.open(f"http://127.0.0.1:{place.port}/", timeout=PATIENCE_S) as response:
            return response.read().decode()
    except (OSError, http.client.HTTPException):
        return None


def debugs(place, command):
    """A debugger that attaches, says that it is ready, and lets the program run to its end (Debug Adapter Protocol)."""
    process = place.start(command)
    try:
        with connected(place, process) as adapter, adapter.makefile("rwb") as stream:
            ask(stream, "initialize", adapterID="test", pathFormat="path")
            ask(stream, "attach", justMyCode=False)
            wait_for(stream, "initialized")
            ask(stream, "configurationDone")
            wait_for(stream, "terminated")
        return process.wait(PATIENCE_S), place.output.read_text()
    finally:
        process.kill()
        process.wait()


def connected(place, process):
    """A connection to the program's port, once it listens."""
    found = socket.socket()
    found.settimeout(PATIENCE_S)
    place.until(process, lambda: found.connect_ex(("127.0.0.1", place.port)) == 0)
    return found


def ask(stream, command, **arguments):
    body = json.dumps({"seq": 1, "type": "request", "command": command, "arguments": arguments}).encode()
    stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    stream.flush()


def wait_for(stream, event):
    while True:
        head = dict(line.split(b":") for line in iter(stream.readline, b"\r\n"))
        message = json.loads(stream.read(int(head[b"Content-Length"])))
        if message.get("event") == event:
            return
