"""What a confined program tries. Run as a program, it tries what it is told and prints as JSON what came of each: "done", or an errno's name.

    attempts.py FACTS NAME...

FACTS is JSON: base (of the tree in places.py), bystander (a pid), directory (an inherited descriptor), and what else the attempts look up. What one
has done it undoes, so that the next finds the tree as it was. The parent is the launcher.
"""

import ctypes
import errno
import json
import mmap
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile

ATTEMPTS = {}


def attempt(function):
    ATTEMPTS[function.__name__] = function
    return function


class Refused(Exception):
    """It did not raise, and yet it did not work; the argument says what was seen instead."""


def main():
    facts, names = json.loads(sys.argv[1]), sys.argv[2:]
    os.chdir(facts["base"] + "/out")
    json.dump({name: outcome(ATTEMPTS[name], facts) for name in names}, sys.stdout)


def outcome(function, facts):
    try:
        function(facts["base"], facts)
    except Refused as refused:
        return str(refused)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "done"


def write(path):
    os.close(os.open(path, os.O_WRONLY))


def make(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    os.unlink(path)


def move(path, to):
    os.rename(path, to)
    os.rename(to, path)


def link(path, to):
    os.link(path, to, follow_symlinks=False)
    os.unlink(to)


def read(path):
    with open(path, "rb") as file:
        return file.read(100)


libc = ctypes.CDLL(None, use_errno=True)


def called(name, *arguments):
    """libc's function of that name; -1 raises."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result


# Changes outside of what may be written.


@attempt
def write_outside(base, facts):
    write(f"{base}/data/file")


@attempt
def create_outside(base, facts):
    make(f"{base}/data/new")


@attempt
def truncate_outside(base, facts):
    os.truncate(f"{base}/data/file", 4)


@attempt
def chmod_outside(base, facts):
    os.chmod(f"{base}/data/file", 0o644)


@attempt
def chown_outside(base, facts):
    os.chown(f"{base}/data/file", os.getuid(), os.getgid())


@attempt
def utime_outside(base, facts):
    os.utime(f"{base}/data/file", (1, 1))


@attempt
def setxattr_outside(base, facts):
    os.setxattr(f"{base}/data/file", "user.new", b"new")


@attempt
def unlink_outside(base, facts):
    os.unlink(f"{base}/data/spare")
    os.close(os.open(f"{base}/data/spare", os.O_CREAT))


@attempt
def rmdir_outside(base, facts):
    os.rmdir(f"{base}/data/empty")
    os.mkdir(f"{base}/data/empty")


@attempt
def mkdir_outside(base, facts):
    os.mkdir(f"{base}/data/made")
    os.rmdir(f"{base}/data/made")


@attempt
def symlink_outside(base, facts):
    os.symlink("file", f"{base}/data/made-link")
    os.unlink(f"{base}/data/made-link")


@attempt
def mkfifo_outside(base, facts):
    os.mkfifo(f"{base}/data/made-fifo")
    os.unlink(f"{base}/data/made-fifo")


@attempt
def bind_socket_outside(base, facts):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{base}/data/socket")
    os.unlink(f"{base}/data/socket")


@attempt
def rename_outside(base, facts):
    move(f"{base}/data/file", f"{base}/data/renamed")


@attempt
def move_out_of_writable(base, facts):
    move(f"{base}/out/file", f"{base}/data/moved")


@attempt
def move_into_writable(base, facts):
    move(f"{base}/data/file", f"{base}/out/moved")


@attempt
def link_into_writable(base, facts):
    link(f"{base}/data/file", f"{base}/out/linked")


@attempt
def link_out_of_writable(base, facts):
    link(f"{base}/out/file", f"{base}/data/linked")


@attempt
def write_through_symlink(base, facts):
    write(f"{base}/out/link/file")


@attempt
def write_through_dots(base, facts):
    write(f"{base}/out/folder/../../data/file")


@attempt
def write_through_root(base, facts):
    write(f"/proc/self/root{base}/data/file")


@attempt
def write_through_cwd(base, facts):
    write("/proc/self/cwd/../data/file")


@attempt
def write_through_inherited_directory(base, facts):
    os.close(os.open("file", os.O_WRONLY, dir_fd=facts["directory"]))


@attempt
def write_through_planted_hard_link(base, facts):
    write(f"{base}/out/planted")


@attempt
def rename_directory_outside(base, facts):
    move(f"{base}/data", f"{base}/data-renamed")


@attempt
def chmod_stdin(base, facts):
    """A file that is open for reading, given by whoever started hermetic."""
    os.fchmod(0, 0o640)


# What may be done.


@attempt
def write_inside(base, facts):
    write(f"{base}/out/file")
    write("folder/inner")


@attempt
def change_inside(base, facts):
    os.close(os.open(f"{base}/out/one", os.O_CREAT | os.O_EXCL))
    os.chmod(f"{base}/out/one", 0o600)
    os.utime(f"{base}/out/one", (1, 1))
    os.setxattr(f"{base}/out/one", "user.new", b"new")
    os.mkdir(f"{base}/out/directory")
    os.rename(f"{base}/out/one", f"{base}/out/directory/two")
    os.link(f"{base}/out/directory/two", f"{base}/out/three")
    os.symlink("three", f"{base}/out/four")
    os.mkfifo(f"{base}/out/fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{base}/out/socket")
    os.truncate(f"{base}/out/three", 1)
    shutil.rmtree(f"{base}/out/directory")
    for name in ("three", "four", "fifo", "socket"):
        os.unlink(f"{base}/out/{name}")


@attempt
def copy_inside(base, facts):
    shutil.copy2(f"{base}/data/file", f"{base}/out/copied")
    shutil.copytree(f"{base}/data/folder", f"{base}/out/tree")
    shutil.move(f"{base}/out/tree", f"{base}/out/moved-tree")


@attempt
def read_outside(base, facts):
    if read(f"{base}/data/file") != b"data":
        raise Refused("other content")


@attempt
def tempfile_in_scratch(base, facts):
    with tempfile.NamedTemporaryFile(dir=f"{base}/run/scratch") as file:
        file.write(b"new")
    with tempfile.TemporaryDirectory(dir=f"{base}/run/scratch") as folder:
        make(folder + "/new")


@attempt
def git_commit_inside(base, facts):
    os.mkdir(f"{base}/out/repository")
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "gc.auto=0"]
    env = {"PATH": "/usr/bin:/bin", "HOME": f"{base}/out", "GIT_CONFIG_NOSYSTEM": "1"}
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"], ["gc", "-q"]):
        done = subprocess.run(["git", *settings, *words], cwd=f"{base}/out/repository", env=env, capture_output=True)
        if done.returncode:
            raise Refused(done.stderr.decode())


@attempt
def devices(base, facts):
    for name in ("null", "zero", "full", "random", "urandom"):
        os.close(os.open(f"/dev/{name}", os.O_RDWR))
    subprocess.run(["true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)


@attempt
def pseudo_terminal(base, facts):
    controller, terminal = os.openpty()
    os.write(terminal, b"line\n")
    if os.read(controller, 100) != b"line\r\n":
        raise Refused("other output")
    os.close(os.open(os.ttyname(terminal), os.O_RDWR | os.O_NOCTTY))


@attempt
def multiprocessing_locks(base, facts):
    import multiprocessing

    context = multiprocessing.get_context("fork")
    lock, queue = context.Lock(), context.Queue()
    with lock:
        process = context.Process(target=queue.put, args=("through",))
        process.start()
        queue.get(timeout=20)
        process.join()


@attempt
def shared_memory(base, facts):
    from multiprocessing import shared_memory

    memory = shared_memory.SharedMemory(create=True, size=mmap.PAGESIZE)
    memory.close()
    memory.unlink()


@attempt
def threads(base, facts):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(len, ["a", "b"]))


# hermetic's own.


@attempt
def write_protected(base, facts):
    write(f"{base}/out/protected/module.py")


@attempt
def add_to_protected(base, facts):
    make(f"{base}/out/protected/new.py")


@attempt
def rename_protected(base, facts):
    move(f"{base}/out/protected", f"{base}/out/gone")


@attempt
def rename_above_protected(base, facts):
    move(f"{base}/out/deep/below", f"{base}/out/deep/gone")


@attempt
def rename_further_above_protected(base, facts):
    move(f"{base}/out/deep", f"{base}/out/gone")


@attempt
def link_protected(base, facts):
    link(f"{base}/out/protected/module.py", f"{base}/out/linked-module")


@attempt
def write_run(base, facts):
    write(f"{base}/run/sitecustomize.py")


@attempt
def add_to_run(base, facts):
    make(f"{base}/run/json.py")


@attempt
def unlink_in_run(base, facts):
    os.unlink(f"{base}/run/spare.py")
    os.close(os.open(f"{base}/run/spare.py", os.O_CREAT))


@attempt
def rename_run(base, facts):
    move(f"{base}/run", f"{base}/gone")


@attempt
def write_events(base, facts):
    os.close(os.open(f"{base}/run/events", os.O_RDWR | os.O_NONBLOCK))


@attempt
def fifo_in_run(base, facts):
    os.mkfifo(f"{base}/run/unix/fifo")
    os.close(os.open(f"{base}/run/unix/fifo", os.O_RDWR))
    os.unlink(f"{base}/run/unix/fifo")


# Hidden things.


@attempt
def read_hidden(base, facts):
    read(f"{base}/secret")


@attempt
def stat_hidden(base, facts):
    os.stat(f"{base}/secret")


@attempt
def make_hidden(base, facts):
    os.close(os.open(f"{base}/secret", os.O_WRONLY | os.O_CREAT))


@attempt
def read_in_hidden(base, facts):
    read(f"{base}/secrets/key")


@attempt
def list_hidden(base, facts):
    if not os.listdir(f"{base}/secrets"):
        raise Refused("empty")


@attempt
def read_hidden_through_symlink(base, facts):
    read(f"{base}/out/to-secret")


@attempt
def read_hidden_through_root(base, facts):
    read(f"/proc/self/root{base}/secret")


@attempt
def read_hidden_through_dots(base, facts):
    read(f"{base}/out/../secrets/../secret")


@attempt
def read_hidden_through_planted_hard_link(base, facts):
    read(f"{base}/out/planted-key")


@attempt
def read_hidden_through_bystanders_root(base, facts):
    read(f"/proc/{facts['bystander']}/root{base}/secret")


@attempt
def read_hidden_through_launchers_directory(base, facts):
    read(f"/proc/{os.getppid()}/cwd/../secret")


@attempt
def read_hidden_through_launchers_root(base, facts):
    read(f"/proc/{os.getppid()}/root{base}/secret")


@attempt
def read_hidden_through_inherited_directory(base, facts):
    os.close(os.open("../secret", os.O_RDONLY, dir_fd=facts["directory"]))


@attempt
def link_hidden(base, facts):
    link(f"{base}/secret", f"{base}/out/linked-secret")


@attempt
def uncover_hidden(base, facts):
    MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8
    called("umount2", f"{base}/secret".encode(), MNT_DETACH | UMOUNT_NOFOLLOW)


# Memory and other processes.


@attempt
def write_own_memory(base, facts):
    os.close(os.open("/proc/self/mem", os.O_RDWR))


@attempt
def write_own_memory_by_thread(base, facts):
    os.close(os.open("/proc/thread-self/mem", os.O_RDWR))


@attempt
def write_launchers_memory(base, facts):
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR))


@attempt
def write_bystanders_memory(base, facts):
    os.close(os.open(f"/proc/{facts['bystander']}/mem", os.O_RDWR))


@attempt
def read_launchers_memory(base, facts):
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY))


@attempt
def read_launchers_environment(base, facts):
    if b"LAUNCHER_SECRET" not in read_all(f"/proc/{os.getppid()}/environ"):
        raise Refused("nothing")


@attempt
def read_bystanders_environment(base, facts):
    if b"BYSTANDER_SECRET" not in read_all(f"/proc/{facts['bystander']}/environ"):
        raise Refused("nothing")


def read_all(path):
    with open(path, "rb") as file:
        return file.read()


@attempt
def read_launchers_maps(base, facts):
    if not read_all(f"/proc/{os.getppid()}/maps"):
        raise Refused("nothing")


@attempt
def read_bystanders_maps(base, facts):
    if not read_all(f"/proc/{facts['bystander']}/maps"):
        raise Refused("nothing")


@attempt
def list_bystanders_descriptors(base, facts):
    os.listdir(f"/proc/{facts['bystander']}/fd")
    os.readlink(f"/proc/{facts['bystander']}/fd/0")


@attempt
def enter_bystanders_root(base, facts):
    os.stat(f"/proc/{facts['bystander']}/root/")


@attempt
def signal_launcher(base, facts):
    os.kill(os.getppid(), 0)


@attempt
def signal_bystander(base, facts):
    os.kill(facts["bystander"], signal.SIGUSR1)


@attempt
def signal_bystander_by_pidfd(base, facts):
    descriptor = os.pidfd_open(facts["bystander"])
    signal.pidfd_send_signal(descriptor, signal.SIGUSR1)


@attempt
def signal_own_child(base, facts):
    child = subprocess.Popen(["sleep", "60"])
    child.kill()
    child.wait()


@attempt
def trace_bystander(base, facts):
    PTRACE_SEIZE = 0x4206
    called("ptrace", PTRACE_SEIZE, facts["bystander"], None, None)


@attempt
def read_bystanders_memory_by_call(base, facts):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

    into = ctypes.create_string_buffer(4)
    own, other = Vector(ctypes.addressof(into), 4), Vector(facts["mapped"], 4)
    called("process_vm_readv", facts["bystander"], ctypes.byref(own), 1, ctypes.byref(other), 1, 0)
    if into.raw != b"\x7fELF":
        raise Refused("other content")


@attempt
def attach_outside_shared_memory(base, facts):
    called("shmget", facts["shm_key"], 0, 0)


@attempt
def read_outside_shared_memory(base, facts):
    read(f"/dev/shm/{facts['shm_file']}")


@attempt
def write_outside_shared_memory(base, facts):
    write(f"/dev/shm/{facts['shm_file']}")


@attempt
def open_other_terminal(base, facts):
    os.close(os.open(facts["terminal"], os.O_RDWR | os.O_NOCTTY))


# The machine.


@attempt
def open_core_pattern(base, facts):
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@attempt
def open_cgroup_procs(base, facts):
    os.close(os.open(facts["cgroup_file"], os.O_WRONLY))


@attempt
def open_sys(base, facts):
    os.close(os.open(facts["sys_file"], os.O_WRONLY))


@attempt
def read_raw_device(base, facts):
    os.close(os.open(facts["raw_device"], os.O_RDONLY))


@attempt
def write_raw_device(base, facts):
    os.close(os.open(facts["raw_device"], os.O_RDWR))


def own_status(field):
    lines = read_all("/proc/self/status").decode().splitlines()
    return next(value.strip() for name, _, value in (line.partition(":") for line in lines) if name == field)


@attempt
def keep_capabilities(base, facts):
    if not any(int(own_status(f"Cap{kind}"), 16) for kind in ("Inh", "Prm", "Eff", "Amb")):
        raise Refused("none")


@attempt
def keep_bounding_set(base, facts):
    if not int(own_status("CapBnd"), 16):
        raise Refused("none")


@attempt
def gain_privileges(base, facts):
    if own_status("NoNewPrivs") == "1":
        raise Refused("none")


@attempt
def become_another_user(base, facts):
    pid = os.fork()
    if not pid:
        try:
            os.setuid(1)
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if number:
        raise OSError(number, "setuid")


@attempt
def mount(base, facts):
    called("mount", b"none", f"{base}/out/folder".encode(), b"tmpfs", 0, None)
    called("umount2", f"{base}/out/folder".encode(), 2)


@attempt
def make_device(base, facts):
    os.mknod(f"{base}/out/device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    os.unlink(f"{base}/out/device")


@attempt
def dump_core(base, facts):
    os.mkdir(f"{base}/out/dump")
    code = (
        "import os, resource; h = resource.getrlimit(resource.RLIMIT_CORE)[1]; resource.setrlimit(resource.RLIMIT_CORE, (h, h)); os.abort()"
    )
    subprocess.run([sys.executable, "-IS", "-c", code], cwd=f"{base}/out/dump")
    if not os.listdir(f"{base}/out/dump"):
        raise Refused("no file")


if __name__ == "__main__":
    main()
