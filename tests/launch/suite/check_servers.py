"""Servers of the standard library, and TLS, on the loopback interface."""

import http.server
import socket
import socketserver
import ssl
import threading
import urllib.request
from contextlib import contextmanager

import pytest


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args):
        pass


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        if isinstance(self.request, tuple):
            self.request[1].sendto(self.request[0], self.client_address)
        else:
            self.request.sendall(self.request.recv(100))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def check_http(host):
    with running(http.server.ThreadingHTTPServer((host, 0), Hello)) as (_, port):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert opener.open(f"http://{host}:{port}/", timeout=10).read() == b"hello"


def check_tcp():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
    with running(server) as address, socket.create_connection(address, timeout=10) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def check_udp():
    server = socketserver.UDPServer(("127.0.0.1", 0), Echo)
    with running(server) as address, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", address)
        assert client.recv(100) == b"hello"


def check_socketpair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"hello")
        assert theirs.recv(100) == b"hello"


def anonymous(purpose):
    """A context that needs no certificate."""
    context = ssl.SSLContext(purpose)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    return context


class EchoOverTLS(Echo):
    def setup(self):
        self.request = anonymous(ssl.PROTOCOL_TLS_SERVER).wrap_socket(self.request, server_side=True)

    def finish(self):
        self.request.close()


def check_tls():
    with running(socketserver.ThreadingTCPServer(("127.0.0.1", 0), EchoOverTLS)) as address:
        plain = socket.create_connection(address, timeout=10)
        with anonymous(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            assert client.cipher()[0] == "AECDH-AES256-SHA"
