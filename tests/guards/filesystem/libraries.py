"""Ways to change something in `place`, or to read it under ROOT, through libraries that open files themselves."""

from guards.filesystem.row import ROOT, changes, leaks, works

SECRET_BASE = "result = sqlite3.connect({}).execute('select * from t').fetchall()"

DATABASES = [
    changes(
        "sqlite3", "import sqlite3; sqlite3.connect(place + '/new').execute('create table t (a)')", "write({place}/new)", module="sqlite3"
    ),
    changes(
        "sqlite3, bytes",
        "import sqlite3; sqlite3.connect(os.fsencode(place) + b'/new').execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
        since=(3, 7),
    ),
    changes(
        "sqlite3, path-like",
        "import sqlite3; sqlite3.connect(Path(place + '/new')).execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
        since=(3, 7),
    ),
    changes(
        "sqlite3, by keyword",
        "import sqlite3; sqlite3.connect(database=place + '/new').execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "sqlite3, fickle",
        "import sqlite3; sqlite3.connect(Fickle(place + '/new', free + '/new')).execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
        since=(3, 7),
    ),
    changes(
        "sqlite3, relative",
        "import sqlite3; os.chdir(place); sqlite3.connect('new').execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "sqlite3, URI",
        "import sqlite3; sqlite3.connect('file:' + place + '/new?mode=rwc', uri=True).execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "sqlite3, URI with an authority and escapes",
        "import sqlite3; sqlite3.connect('file://localhost' + place + '/%6eew', uri=True).execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "sqlite3's Connection",
        "import sqlite3; sqlite3.Connection(place + '/new').execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "a subclass of Connection",
        "import sqlite3; sqlite3.connect(place + '/new', factory=type('C', (sqlite3.Connection,), {})).execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
    ),
    changes(
        "the base of Connection",
        "import sqlite3; sqlite3.Connection.__mro__[-2](place + '/new').execute('create table t (a)')",
        "write({place}/new)",
        module="sqlite3",
        events=True,
    ),
    changes(
        "a database that is there",
        "import sqlite3; c = sqlite3.connect(place + '/db'); c.execute('insert into t values (2)'); c.commit()",
        "",
        error="OperationalError",
        module="sqlite3",
    ),
    changes(
        "ATTACH",
        "import sqlite3; sqlite3.connect(':memory:').execute(\"attach '%s/new' as n\" % place).execute('create table n.t (a)')",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "ATTACH with a comment",
        "import sqlite3; sqlite3.connect(':memory:').executescript(\"/* x */ attach '%s/new' as n; create table n.t (a)\" % place)",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "ATTACH with a value",
        "import sqlite3; sqlite3.connect(':memory:').execute('attach ? as n', (place + '/new',)).execute('create table n.t (a)')",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "ATTACH of an expression",
        "import sqlite3; sqlite3.connect(':memory:').execute(\"attach '%s' || '/new' as n\" % place).execute('create table n.t (a)')",
        "use(",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "ATTACH of a URI",
        "import sqlite3; sqlite3.connect('file::memory:', uri=True).execute(\"attach 'file:%s/new' as n\" % place).execute('create table n.t (a)')",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "ATTACH without our authorizer",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.set_authorizer(None); c.execute(\"attach '%s/new' as n\" % place).execute('create table n.t (a)')",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
        since=(3, 11),
    ),
    changes(
        "ATTACH with another authorizer",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.set_authorizer(lambda *a: 0); c.execute(\"attach '%s/new' as n\" % place).execute('create table n.t (a)')",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
    ),
    changes(
        "VACUUM INTO",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('create table t (a)'); c.commit(); c.execute(\"vacuum into '%s/new'\" % place)",
        "write({place}/new)",
        error="DatabaseError",
        module="sqlite3",
        since=(3, 8),
        pypy=False,
    ),
    changes(
        "backup",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('create table t (a)'); c.commit(); c.backup(sqlite3.connect(place + '/new'))",
        "write({place}/new)",
        module="sqlite3",
        since=(3, 7),
    ),
    changes("dbm.ndbm", "import dbm.ndbm; dbm.ndbm.open(place + '/new', 'c').close()", "write({place}/new)", module="_dbm"),
    changes("dbm.gnu", "import dbm.gnu; dbm.gnu.open(place + '/new', 'c').close()", "write({place}/new)", module="_gdbm"),
    changes("dbm.dumb", "import dbm.dumb; dbm.dumb.open(place + '/new', 'c').close()", "write({place}/new.dat)"),
    leaks("sqlite3 reads", "import sqlite3; " + SECRET_BASE.format("place + '/db'"), "read({place}/db)", module="sqlite3"),
    leaks(
        "sqlite3 reads by URI",
        "import sqlite3; " + SECRET_BASE.format("'file:' + place + '/db?mode=ro', uri=True"),
        "read({place}/db)",
        module="sqlite3",
    ),
    leaks(
        "sqlite3 attaches to read",
        "import sqlite3; result = sqlite3.connect(':memory:').execute(\"attach '%s/db' as n\" % place).execute('select * from n.t').fetchall()",
        "write({place}/db)",
        error="DatabaseError",
        module="sqlite3",
    ),
]

OTHERS = [
    changes(
        "readline's history",
        "import readline; readline.add_history('x'); readline.write_history_file(place + '/new')",
        "write({place}/new)",
        module="readline",
        pypy=False,
    ),
    changes(
        "readline's history, more",
        "import readline; readline.add_history('x'); readline.append_history_file(1, place + '/file')",
        "write({place}/file)",
        module="readline",
        pypy=False,
    ),
    changes(
        "readline's history at home",
        "import readline; os.environ['HOME'] = place; readline.add_history('x'); readline.write_history_file()",
        "write({place}/.history)",
        module="readline",
        pypy=False,
    ),
    changes(
        "key log",
        "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = place + '/new'",
        "write({place}/new)",
        since=(3, 8),
        pypy=False,
    ),
    changes(
        "key log, fickle",
        "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).keylog_filename = Fickle(place + '/new', free + '/new')",
        "write({place}/new)",
        since=(3, 8),
        pypy=False,
    ),
    changes(
        "posix_spawn's file actions",
        "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, place + '/new', os.O_WRONLY | os.O_CREAT, 0o600)]), 0)",
        "write({place}/new)",
        since=(3, 8),
        pypy=False,
    ),
    changes(
        "posix_spawn's file actions, relative",
        "os.chdir(place); os.waitpid(os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 1, Fickle('new', free + '/new'), os.O_WRONLY | os.O_CREAT, 0o600)]), 0)",
        "write({place}/new)",
        since=(3, 8),
        pypy=False,
    ),
    changes(
        "Tcl",
        "import _tkinter; _tkinter.create(None, 'x', 'X', False, 1, False, False, None).eval('open %s/new w' % place)",
        "use(Tcl)",
        module="_tkinter",
        pypy=False,
    ),
    changes(
        "inode flags",
        "import fcntl, struct; fcntl.ioctl(os.open(place + '/file', os.O_RDONLY), 0x40086602, struct.pack('l', 0x40))",
        "change({place}/file)",
        pypy=False,
    ),
    leaks("spwd", "import spwd; result = 'needle' if spwd.getspall() else ''", "read(/etc/shadow)", module="spwd"),
    leaks(
        "readline's history, read",
        "import readline; readline.read_history_file(place + '/file.ini'); result = [readline.get_history_item(i) for i in range(4)]",
        "read({place}/file.ini)",
        module="readline",
        pypy=False,
    ),
]

ORDINARY = [
    works(
        "a database in memory",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('create table t (a)'); c.execute('insert into t values (1)'); c.execute('vacuum') if not c.in_transaction else c.commit(); result = c.execute('select * from t').fetchall()",
        module="sqlite3",
    ),
    works(
        "a database that is written",
        "import sqlite3; c = sqlite3.connect(free + '/new'); c.execute('create table t (a)'); c.commit(); c.close(); result = os.path.getsize(free + '/new') > 0",
        module="sqlite3",
    ),
    works(
        "a database that is read",
        "import sqlite3; result = sqlite3.connect(place + '/db').execute('select * from t').fetchall()",
        module="sqlite3",
    ),
    works(
        "a database attached",
        "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('attach ? as n', (free + '/new',)); c.execute('create table n.t (a)'); result = c.execute('select * from n.t').fetchall()",
        module="sqlite3",
    ),
    works(
        "classes of sqlite3",
        "import sqlite3; c = sqlite3.connect(':memory:'); k = c.cursor(); result = isinstance(c, sqlite3.Connection), isinstance(k, sqlite3.Cursor), k.execute('select ?', (1,)).fetchall(), c.execute('select 2').fetchone()",
        module="sqlite3",
    ),
    works(
        "another authorizer",
        "import sqlite3; c = sqlite3.connect(':memory:'); seen = []; c.set_authorizer(lambda *a: seen.append(a[0]) or 0); c.execute('create table t (a)'); result = bool(seen)",
        module="sqlite3",
    ),
    works(
        "history",
        "import readline; readline.add_history('x'); readline.write_history_file(free + '/new'); readline.read_history_file(free + '/new'); result = readline.get_current_history_length()",
        module="readline",
        pypy=False,
    ),
    works(
        "certificates",
        "import ssl; c = ssl.create_default_context(); result = len(c.get_ca_certs()) > 0",
        policy=ROOT,
        module="ssl",
        pypy=False,
    ),
]
