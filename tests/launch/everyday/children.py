"""subprocess and asyncio with programs that are no Python."""

import asyncio
import os
import subprocess
import sys

subprocess.run(["ls", "/"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(subprocess.run("echo by sh; exit 3", shell=True, stdout=subprocess.PIPE, text=True))
with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as cat:
    print(cat.communicate(b"through a pipe"))
print(os.popen("echo popen").read(), os.system("exit 2") >> 8)


async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('asyncio')", stdout=asyncio.subprocess.PIPE)
    print(await process.communicate())


asyncio.run(main())
