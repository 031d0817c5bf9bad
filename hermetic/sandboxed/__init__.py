"""Runs of programs and of code out of one's own process, for tools of agents and for graders: `hermetic.run` and its kin.

Each run is the `hermetic` command's own, started as a process by itself and told what to do over a socket: nothing of the caller's is forked.
`words` reads what is asked for, `entry` and `launcher` are the other side of the socket, `exchange` is this one, and `running` drives it.
"""
