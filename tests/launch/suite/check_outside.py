"""What is not on this machine is refused in a way that programs expect, wherever it is asked for."""

import asyncio
import errno
import multiprocessing
import socket
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.outside

NAME = "example.com"
ADDRESS = ("192.0.2.1", 80)


def check_name():
    with pytest.raises(PermissionError) as raised:
        socket.getaddrinfo(NAME, 80)
    assert isinstance(raised.value, socket.gaierror)
    assert NAME in str(raised.value)


def check_address():
    with socket.socket() as client, pytest.raises(PermissionError) as raised:
        client.connect(ADDRESS)
    assert not isinstance(raised.value, socket.gaierror)


def check_connect_ex():
    with socket.socket() as client:
        assert client.connect_ex(ADDRESS) in (errno.EACCES, errno.EPERM)


def check_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, pytest.raises(PermissionError):
        client.sendto(b"", ADDRESS)


def check_urllib():
    with pytest.raises(urllib.error.URLError, match=NAME):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{NAME}/")


def check_asyncio():
    async def main():
        await asyncio.open_connection(NAME, 80)

    with pytest.raises(PermissionError):
        asyncio.run(main())


def look_up(results):
    try:
        socket.gethostbyname(NAME)
    except OSError as error:
        results.put(isinstance(error, PermissionError))


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def check_child(method):
    context = multiprocessing.get_context(method)
    results = context.SimpleQueue()
    process = context.Process(target=look_up, args=(results,))
    process.start()
    process.join()
    assert not results.empty()
    assert results.get() is True
