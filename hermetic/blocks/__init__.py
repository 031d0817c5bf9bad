"""Blocks in a program's own code: the guards of `hermetic_guard`, standing in this process for as long as a block is open."""
