"""AF_UNIX: the run's own addresses, and everybody else's."""

from __future__ import annotations

from guards.network.row import CLOSED, refused, works

DAEMON = "connect(unix:{world}/daemon)"

UNIX = [
    refused("path", "socket.socket(1).connect(world + '/daemon')", DAEMON, "unix"),
    refused("path, bytes", "socket.socket(1).connect(os.fsencode(world + '/daemon'))", DAEMON, "unix"),
    refused("path, bytearray", "socket.socket(1).connect(bytearray(os.fsencode(world + '/daemon')))", DAEMON, "unix"),
    refused("path and a NUL", "socket.socket(1).connect(world + '/daemon\\0x')", DAEMON, "unix"),
    refused("relative", "os.chdir(world + '/tmp')\nsocket.socket(1).connect('../daemon')", "connect(unix:{world}/tmp/../daemon)", "unix"),
    refused("connect_ex", "socket.socket(1).connect_ex(world + '/daemon')", DAEMON, "unix"),
    refused("abstract", "socket.socket(1).connect('\\0hermetic-world')", "connect(unix:@hermetic-world)", "unix"),
    refused(
        "abstract, own by another type",
        "own = socket.socket(1, 5)\ntry: own.bind('\\0hermetic-world'), own.listen(1)\nexcept OSError: pass\nsocket.socket(1).connect('\\0hermetic-world')",
        "connect(unix:@hermetic-world)",
        "unix",
    ),
    refused("datagram", "socket.socket(1, 2).sendto(b'x', world + '/datagram')", "send(unix:{world}/datagram)", "unix"),
    refused("datagram, sendmsg", "socket.socket(1, 2).sendmsg([b'x'], [], 0, world + '/datagram')", "send(unix:{world}/datagram)", "unix"),
    refused(
        "symbolic link",
        "link = world + '/tmp/link'\nif not os.path.lexists(link): os.symlink(world + '/daemon', link)\nsocket.socket(1).connect(link)",
        "connect(unix:{world}/tmp/link)",
        "unix",
    ),
    refused(
        "own address made to lead elsewhere",
        """
        import tempfile
        directory = tempfile.mkdtemp()
        own = listening(directory + '/daemon')
        socket.socket(1).connect(directory + '/daemon')
        os.rename(directory, directory + '.old')
        os.symlink(world, directory)
        socket.socket(1).connect(directory + '/daemon')
        """,
        None,
        "unix",
    ),
    refused(
        "hard link in the scratch directory",
        """
        link = run + '/scratch/link'
        if not os.path.lexists(link): os.link(world + '/daemon', link)
        socket.socket(1).connect(link)
        """,
        "connect(unix:{world}/run/scratch/link)",
        "unix",
    ),
    refused(
        "symbolic link in the scratch directory",
        """
        link = run + '/scratch/symbolic'
        if not os.path.lexists(link): os.symlink(world + '/daemon', link)
        socket.socket(1).connect(link)
        """,
        "connect(unix:{world}/run/scratch/symbolic)",
        "unix",
    ),
    refused(
        "claimed as bound",
        """
        import tempfile
        directory = tempfile.mkdtemp()
        own = listening(directory + '/daemon')
        os.rename(directory, directory + '.old')
        os.symlink(world, directory)
        getattr(sys, 'audit', lambda *_: None)('hermetic.network.bound', [], own)
        socket.socket(1).connect(directory + '/daemon')
        """,
        None,
        "unix",
    ),
    refused("bind in the run directory", "socket.socket(1).bind(run + '/x' + str(os.getpid()))", "write({world}/run/x", safer=True),
    refused(
        "bind in the registry", "os.chdir(run)\nsocket.socket(1).bind('unix/x' + str(os.getpid()))", "write({world}/run/unix/x", safer=True
    ),
    works("own path", "import tempfile\nown = listening(tempfile.mkdtemp() + '/s')\nsocket.socket(1).connect(own.getsockname())", CLOSED),
    works("own, relative", "import tempfile\nos.chdir(tempfile.mkdtemp())\nown = listening('s')\nsocket.socket(1).connect('s')", CLOSED),
    works(
        "own, moved",
        "import tempfile\nd = tempfile.mkdtemp()\nown = listening(d + '/s')\nos.rename(d, d + 'x')\nsocket.socket(1).connect(d + 'x/s')",
        CLOSED,
    ),
    works(
        "own, chmod",
        "import tempfile\nd = tempfile.mkdtemp()\nown = listening(d + '/s')\nos.chmod(d + '/s', 0o700)\nsocket.socket(1).connect(d + '/s')",
        CLOSED,
    ),
    works("own, abstract", "own = listening('\\0own-%d' % os.getpid())\nsocket.socket(1).connect(own.getsockname())", CLOSED),
    works(
        "own, abstract, in order",
        "own = socket.socket(1, 5)\nown.bind('\\0own-5-%d' % os.getpid())\nown.listen(1)\nsocket.socket(1, 5).connect(own.getsockname())",
        CLOSED,
    ),
    works("own, chosen by the kernel", "own = listening('')\nsocket.socket(1).connect(own.getsockname())", CLOSED),
    works(
        "own, gone",
        """
        import tempfile
        path = tempfile.mkdtemp() + '/s'
        listening(path).close()
        result = socket.socket(1).connect_ex(path)
        os.unlink(path)
        result = result, socket.socket(1).connect_ex(path)
        """,
        CLOSED,
    ),
    works(
        "own datagrams",
        """
        import tempfile
        directory = tempfile.mkdtemp()
        one, two = socket.socket(1, 2), socket.socket(1, 2)
        one.bind(directory + '/1')
        two.bind(directory + '/2')
        one.sendto(b'there', directory + '/2')
        data, sender = two.recvfrom(9)
        two.sendto(data + b' and back', sender)
        result = one.recv(99)
        """,
        CLOSED,
    ),
    works("service in the scratch directory", "socket.socket(1).connect(run + '/scratch/service')", CLOSED),
    works("too long", "try: socket.socket(1).bind('x' * 200)\nexcept OSError as e: result = str(e)", CLOSED),
]
