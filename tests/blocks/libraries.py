"""Blocks around other people's libraries, in an environment that has them, for `test_libraries.py`. Prints what became of each as JSON.

libraries.py PORT      PORT: of an HTTP server on this machine
"""

import contextvars
import json
import os
import pickle
import sys
import threading

import anyio
import black
import cloudpickle
import requests
import trio
from distributed import Client, LocalCluster

from hermetic import PolicyViolation, hermetic_blocker, with_hermetic

URL = f"http://127.0.0.1:{sys.argv[1]}/"


def act():
    try:
        os.mkdir(f"made-{os.getpid()}-{threading.get_ident()}-{os.urandom(4).hex()}")
    except PolicyViolation:
        return "refused"
    return "done"


def block():
    return hermetic_blocker(fs_readonly=True, scope="context")


@with_hermetic(block_network=True, fs_readonly=True)
def format_untrusted_code(code):
    return black.format_str(code, mode=black.FileMode())


@with_hermetic(block_network=True)
def fetch(url):
    return requests.get(url, timeout=5).status_code


@with_hermetic(block_network=True, allow_localhost=True)
def fetch_here(url):
    return requests.get(url, timeout=5).status_code


def said(function, *arguments):
    try:
        return str(function(*arguments))
    except Exception as error:
        return type(error).__name__


def requested():
    return {
        "refused": said(fetch, "https://example.com"),
        "refused here": said(fetch, URL),
        "allowed": said(fetch_here, URL),
        "not allowed": said(fetch_here, "https://example.com"),
        "after": str(requests.get(URL, timeout=5).status_code),
    }


async def in_trio():
    found, entered, leave = {}, trio.Event(), trio.Event()

    async def other():
        await entered.wait()
        found["another task"] = act()
        found["another task's thread"] = await trio.to_thread.run_sync(act)
        leave.set()

    await trio.to_thread.run_sync(act)
    async with trio.open_nursery() as outer:
        outer.start_soon(other)
        async with block():
            entered.set()
            await leave.wait()
            found["inside"] = act()
            found["emptied"] = contextvars.Context().run(act)
            found["to_thread"] = await trio.to_thread.run_sync(act)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child, found)
    found["after"] = act()
    found["thread, after"] = await trio.to_thread.run_sync(act)
    return found


async def child(found):
    await anyio.sleep(0)
    found["child"] = act()


async def in_anyio():
    found, entered, leave = {}, anyio.Event(), anyio.Event()

    async def other():
        await entered.wait()
        found["another task"] = act()
        found["another task's thread"] = await anyio.to_thread.run_sync(act)
        leave.set()

    async with anyio.create_task_group() as outer:
        outer.start_soon(other)
        with block():
            entered.set()
            await leave.wait()
            found["inside"] = act()
            found["emptied"] = contextvars.Context().run(act)
            found["to_thread"] = await anyio.to_thread.run_sync(act)
            async with anyio.create_task_group() as group:
                group.start_soon(child, found)
    found["after"] = act()
    found["thread, after"] = await anyio.to_thread.run_sync(act)
    return found


def shipped():
    """A function of this module's, and one that exists nowhere else: cloudpickle sends that with all it needs."""

    def local():
        return act()

    @with_hermetic(fs_readonly=True, scope="context")
    def guarded():
        return act(), os.getpid() != parent

    parent = os.getpid()
    copy = pickle.loads(cloudpickle.dumps(guarded))
    found = {"cloudpickle": copy()[0]}
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None) as cluster, Client(cluster) as client:
        found["worker"], elsewhere = client.submit(guarded, pure=False).result(60)
        found["worker, unguarded"] = client.submit(local, pure=False).result(60)
        assert elsewhere
    return found


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "black": format_untrusted_code("a  =  1"),
                "requests": requested(),
                "trio": trio.run(in_trio),
                "anyio": anyio.run(in_anyio),
                "anyio on trio": anyio.run(in_anyio, backend="trio"),
                "shipped": shipped(),
            }
        )
    )
