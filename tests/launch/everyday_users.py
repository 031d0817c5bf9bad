"""What a user, or a client, does with an everyday program while it runs."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from launch.bare import Terminal

PATIENCE_S = 60
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Place:
    """Where a program is run: its working directory, environment and the port that stands for PORT in its command."""

    def __init__(self, work, env):
        self.work = work
        self.env = env
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def words(self, command):
        return [str(word).replace("PORT", str(self.port)) for word in command]


def waits(place, command):
    """Nothing but waiting for the end. Returns exit code and output."""
    done = subprocess.run(
        command, cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.returncode, done.stdout + done.stderr


def types(*pairs):
    """On a terminal: waits for a text, then types another, again and again."""

    def user(place, command):
        os.chdir(place.work)
        terminal = Terminal(command, place.env)
        try:
            seen = ""
            for awaited, typed in pairs:
                seen += terminal.expect(awaited, PATIENCE_S) + awaited
                terminal.type(typed)
            code = terminal.process.wait(PATIENCE_S)
            return code, seen + terminal.rest()
        finally:
            terminal.close()

    return user


def served(use, stop=signal.SIGTERM):
    """Starts a server, uses it, and ends it by a signal to its group as a terminal would, or to itself."""

    def user(place, command):
        with open(place.work / "output", "w+") as output:
            process = subprocess.Popen(
                command, cwd=place.work, env=place.env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, process_group=0
            )
            try:
                use(place)
                os.killpg(process.pid, stop) if stop == signal.SIGINT else process.send_signal(stop)
                code = process.wait(PATIENCE_S)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            return code, Path(output.name).read_text()

    return user


def asks(place):
    """Waits for the server to answer."""
    until(lambda: answer(place) == "first")


def edits(file):
    """Waits for an answer, edits the program, and waits for the other answer."""

    def use(place):
        asks(place)
        source = place.work / file
        source.write_text(source.read_text().replace("first", "second"))
        until(lambda: answer(place) == "second")

    return use


def sends_a_task(place):
    command = [place.env["VIRTUAL_ENV"] + "/bin/python", "tasks.py"]
    done = subprocess.run(command, cwd=place.work, env=place.env, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout == "result 42\n", done.stderr


def answer(place):
    try:
        with NO_PROXY.open(f"http://127.0.0.1:{place.port}/", timeout=PATIENCE_S) as response:
            return response.read().decode()
    except (OSError, http.client.HTTPException):
        return None


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


def debugs(place, command):
    """A debugger that attaches, says that it is ready, and lets the program run to its end (Debug Adapter Protocol)."""
    process = subprocess.Popen(command, cwd=place.work, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        with connect(place) as adapter, adapter.makefile("rwb") as stream:
            ask(stream, "initialize", adapterID="test", pathFormat="path")
            ask(stream, "attach", justMyCode=False)
            wait_for(stream, "initialized")
            ask(stream, "configurationDone")
            wait_for(stream, "terminated")
        return process.wait(PATIENCE_S), process.stdout.read()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(place):
    found = []

    def try_it():
        try:
            found.append(socket.create_connection(("127.0.0.1", place.port), PATIENCE_S))
        except OSError:
            return False
        return True

    until(try_it)
    return found[0]


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
