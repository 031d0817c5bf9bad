"""What is tried (attempts.py), and what comes of it: (attempt, with mounts and domain, with the domain alone). Bare, each works.

Where the domain alone lets something through that the two do not, that is a gap: `gaps` names it. What stands here as done twice is in the README.
"""

CHANGES = [
    ("write_outside", "EROFS", "EACCES"),
    ("create_outside", "EROFS", "EACCES"),
    ("truncate_outside", "EROFS", "EACCES"),
    ("chmod_outside", "EROFS", "done"),
    ("chown_outside", "EROFS", "done"),
    ("utime_outside", "EROFS", "done"),
    ("setxattr_outside", "EROFS", "done"),
    ("unlink_outside", "EROFS", "EACCES"),
    ("rmdir_outside", "EROFS", "EACCES"),
    ("mkdir_outside", "EROFS", "EACCES"),
    ("symlink_outside", "EROFS", "EACCES"),
    ("mkfifo_outside", "EROFS", "EACCES"),
    ("bind_socket_outside", "EROFS", "EACCES"),
    ("rename_outside", "EROFS", "EACCES"),
    ("rename_directory_outside", "EROFS", "EACCES"),
    ("move_out_of_writable", "EXDEV", "EACCES"),
    ("move_into_writable", "EXDEV", "EACCES"),
    ("link_into_writable", "EXDEV", "EXDEV"),
    ("link_out_of_writable", "EROFS", "EACCES"),
    ("write_through_symlink", "EROFS", "EACCES"),
    ("write_through_dots", "EROFS", "EACCES"),
    ("write_through_root", "EROFS", "EACCES"),
    ("write_through_cwd", "EROFS", "EACCES"),
    ("write_through_inherited_directory", "EBADF", "EBADF"),
    ("write_through_planted_hard_link", "done", "done"),
    ("chmod_stdin", "done", "done"),
]

WORK = """
write_inside change_inside copy_inside read_outside tempfile_in_scratch git_commit_inside devices pseudo_terminal threads
""".split()
"""What works in every run."""

SHARED_MEMORY = [
    ("multiprocessing_locks", "done", "EACCES"),
    ("shared_memory", "done", "EACCES"),
]

OWN = [
    ("write_protected", "EROFS", "done"),
    ("add_to_protected", "EROFS", "done"),
    ("rename_protected", "EBUSY", "done"),
    ("rename_above_protected", "EBUSY", "done"),
    ("rename_further_above_protected", "EBUSY", "done"),
    ("link_protected", "EXDEV", "done"),
    ("write_run", "EROFS", "EACCES"),
    ("add_to_run", "EROFS", "EACCES"),
    ("unlink_in_run", "EROFS", "EACCES"),
    ("rename_run", "EROFS", "EACCES"),
    ("write_events", "done", "done"),
    ("fifo_in_run", "done", "done"),
]

HIDDEN = [
    ("read_hidden", "ENOENT", "EACCES"),
    ("stat_hidden", "ENOENT", "done"),
    ("make_hidden", "ENOENT", "EACCES"),
    ("read_in_hidden", "ENOENT", "EACCES"),
    ("list_hidden", "empty", "done"),
    ("read_hidden_through_symlink", "ENOENT", "EACCES"),
    ("read_hidden_through_root", "ENOENT", "EACCES"),
    ("read_hidden_through_dots", "ENOENT", "EACCES"),
    ("read_hidden_through_launchers_root", "EACCES", "EACCES"),
    ("read_hidden_through_launchers_directory", "EACCES", "EACCES"),
    ("read_hidden_through_bystanders_root", "EACCES", "EACCES"),
    ("read_hidden_through_planted_hard_link", "done", "done"),
    ("read_hidden_through_inherited_directory", "EBADF", "EBADF"),
    ("link_hidden", "EXDEV", "EXDEV"),
]

PROCESSES = [
    ("write_own_memory", "EROFS", "EACCES"),
    ("write_own_memory_by_thread", "EROFS", "EACCES"),
    ("write_launchers_memory", "EROFS", "EACCES"),
    ("write_bystanders_memory", "EROFS", "EACCES"),
    ("read_launchers_memory", "EACCES", "EACCES"),
    ("read_launchers_environment", "EACCES", "EACCES"),
    ("read_bystanders_environment", "EACCES", "EACCES"),
    ("read_launchers_maps", "EACCES", "EACCES"),
    ("read_bystanders_maps", "EACCES", "EACCES"),
    ("list_bystanders_descriptors", "EACCES", "EACCES"),
    ("enter_bystanders_root", "EACCES", "EACCES"),
    ("signal_launcher", "EPERM", "EPERM"),
    ("signal_bystander", "EPERM", "EPERM"),
    ("signal_bystander_by_pidfd", "EPERM", "EPERM"),
    ("signal_own_child", "done", "done"),
    ("trace_bystander", "EPERM", "EPERM"),
    ("read_bystanders_memory_by_call", "EPERM", "EPERM"),
    ("attach_outside_shared_memory", "ENOENT", "done"),
    ("read_outside_shared_memory", "ENOENT", "done"),
    ("write_outside_shared_memory", "ENOENT", "EACCES"),
    ("open_other_terminal", "ENOENT", "done"),
    ("gain_privileges", "none", "none"),
    ("dump_core", "no file", "no file"),
]

OF_ROOT = [
    ("open_core_pattern", "EROFS", "EACCES"),
    ("open_cgroup_procs", "EROFS", "EACCES"),
    ("open_sys", "EROFS", "EACCES"),
    ("read_raw_device", "ENOENT", "done"),
    ("write_raw_device", "ENOENT", "EACCES"),
    ("keep_capabilities", "none", "none"),
    ("keep_bounding_set", "none", "none"),
    ("become_another_user", "EPERM", "EPERM"),
    ("mount", "EPERM", "EPERM"),
    ("make_device", "EACCES", "EACCES"),
]

UNGUARDED = [
    # Where another guard stands and not that of files, these end otherwise than above; the rest of CHANGES is done.
    ("write_through_inherited_directory", "EBADF", "EBADF"),
    ("write_protected", "EROFS", "done"),
    ("add_to_protected", "EROFS", "done"),
    ("rename_protected", "EBUSY", "done"),
    ("rename_above_protected", "done", "done"),
    ("rename_further_above_protected", "done", "done"),
    ("link_protected", "EXDEV", "done"),
    ("write_run", "EROFS", "done"),
    ("add_to_run", "EROFS", "done"),
    ("unlink_in_run", "EROFS", "done"),
    ("rename_run", "EBUSY", "done"),
    ("multiprocessing_locks", "done", "done"),
    ("shared_memory", "done", "done"),
    ("write_outside_shared_memory", "done", "done"),
    ("read_outside_shared_memory", "done", "done"),
    ("make_device", "EPERM", "EPERM"),
    ("open_other_terminal", "done", "done"),
]

GAPS = {
    "metadata": ("chmod_outside", "chown_outside", "utime_outside", "setxattr_outside"),
    "hermetic": tuple(row[0] for row in OWN if row[2] == "done" and row[1] != "done"),
    "seen": tuple(row[0] for row in HIDDEN if row[2] == "done" != row[1]),
    "ipc": ("attach_outside_shared_memory",),
    "raw devices": ("read_raw_device",),
    "terminals": ("open_other_terminal",),
}
"""What is let through by the domain alone, by the name of the gap that says so."""


def guarded(*, root):
    """The rows of a policy that guards files: `out` may be written, `secret` and `secrets` are hidden."""
    works = [(name, "done", "done") for name in WORK]
    return CHANGES + works + SHARED_MEMORY + OWN + HIDDEN + PROCESSES + (OF_ROOT if root else [])


def unguarded(*, root):
    """The rows of a policy that guards the network alone."""
    free = [(name, "done", "done") for name, *_ in CHANGES]
    kept = {name: (name, both, alone) for name, both, alone in guarded(root=root) if (name, both, alone) not in HIDDEN}
    changed = {row[0]: row for row in free + UNGUARDED if row[0] in kept}
    return list((kept | changed).values())
