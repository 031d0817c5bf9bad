"""multiprocessing with the start method that is named: a pool, a queue, a lock, a manager."""

import multiprocessing
import sys


def double(number):
    return number * 2


def put(queue, lock, mapping):
    with lock:
        mapping["key"] = "kept"
    queue.put("sent")


if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(2) as pool:
        print(pool.map(double, range(4)))
    with context.Manager() as manager:
        queue, lock, mapping = context.Queue(), context.Lock(), manager.dict()
        process = context.Process(target=put, args=(queue, lock, mapping))
        process.start()
        print(queue.get(), end=" ")
        process.join()
        print(dict(mapping), process.exitcode)
