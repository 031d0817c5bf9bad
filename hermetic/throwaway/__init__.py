"""`--with`: an environment made for one command, of packages that are not trusted yet, and kept for a while.

Making it runs code of the interpreter's installation, filling it runs pip and what builds packages: each is a run of hermetic's own, with guards and
under the kernel's rules. The command gets the environment read-only, as hermetic's cache is to every run.
"""
