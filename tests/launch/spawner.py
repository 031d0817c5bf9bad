"""Has a process started by multiprocessing tell what it sees."""

import multiprocessing
import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import tell

    process = multiprocessing.get_context("spawn").Process(target=tell.tell, args=[sys.argv[1]])
    process.start()
    process.join()
