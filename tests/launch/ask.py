"""Asks for the network, and writes down what came of it. Valid on Python 2.7; `socket` would take as long to import as Python to start."""

import _socket
import os
import sys

PORT = int("@PORT@")
OUT = "@OUT@"


def ask(name):
    peer = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        peer.connect(("127.0.0.1", PORT))
        peer.sendall(name.encode())
        answer = "reached"
    except Exception as error:
        answer = type(error).__name__
    with open(os.path.join(OUT, name), "w") as file:
        file.write(answer)


def main():
    ask(sys.argv[1])


if __name__ == "__main__":
    main()
