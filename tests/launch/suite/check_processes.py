"""multiprocessing, whose processes speak through Unix sockets and are started in three ways."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest


def double(number):
    return number * 2


def put(mapping, key):
    mapping[key] = "put"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def check_manager(method):
    context = multiprocessing.get_context(method)
    with context.Manager() as manager:
        mapping = manager.dict()
        process = context.Process(target=put, args=(mapping, "key"))
        process.start()
        process.join()
        assert dict(mapping) == {"key": "put"}


def check_pool():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(double, [1, 2, 3])) == [2, 4, 6]
