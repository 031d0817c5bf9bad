"""concurrent.futures, with threads and with processes."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed


def double(number):
    return number * 2


if __name__ == "__main__":
    for executor in (ThreadPoolExecutor, ProcessPoolExecutor):
        with executor(2) as pool:
            print(sorted(future.result() for future in as_completed([pool.submit(double, number) for number in range(4)])))
