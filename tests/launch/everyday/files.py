"""tempfile, shutil and sqlite3."""

import os
import shutil
import sqlite3
import tempfile

with tempfile.NamedTemporaryFile("w+") as named, tempfile.SpooledTemporaryFile(4) as spooled, tempfile.TemporaryFile() as unnamed:
    named.write("named")
    named.flush()
    spooled.write(b"more than that")
    unnamed.write(b"unnamed")
    print(os.path.getsize(named.name), spooled.tell(), unnamed.tell())

with tempfile.TemporaryDirectory() as directory:
    database = os.path.join(directory, "database")
    with sqlite3.connect(database) as connection:
        connection.execute("create table numbers (number)")
        connection.executemany("insert into numbers values (?)", [(1,), (2,)])
    connection.close()
    shutil.copy(database, database + ".copy")
    print(sqlite3.connect(database + ".copy").execute("select sum(number) from numbers").fetchone())
print(os.path.exists(directory))
