"""asyncio on this machine: its own socketpair, streams over TCP and a Unix socket, datagrams, a program."""

import asyncio
import sys


async def echo(reader, writer):
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


async def ask(reader, writer):
    writer.write(b"hello\n")
    answer = await reader.readline()
    writer.close()
    return answer


def check_streams():
    async def main():
        server = await asyncio.start_server(echo, "localhost", 0)
        port = server.sockets[0].getsockname()[1]
        answer = await ask(*await asyncio.open_connection(server.sockets[0].getsockname()[0], port))
        server.close()
        return answer

    assert asyncio.run(main()) == b"hello\n"


def check_unix_streams(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def main():
        server = await asyncio.start_unix_server(echo, "socket")
        answer = await ask(*await asyncio.open_unix_connection("socket"))
        server.close()
        return answer

    assert asyncio.run(main()) == b"hello\n"


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.received = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        if data == b"question":
            self.transport.sendto(b"answer", address)
        self.received.set_result(data)


def check_datagrams():
    async def main():
        loop = asyncio.get_running_loop()
        server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
        client, protocol = await loop.create_datagram_endpoint(Echo, remote_addr=server.get_extra_info("sockname"))
        client.sendto(b"question")
        answer = await protocol.received
        client.close()
        server.close()
        return answer

    assert asyncio.run(main()) == b"answer"


def check_program():
    async def main():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('child')", stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0]

    assert asyncio.run(main()) == b"child\n"
