"""How a target is run: what is staged for it, what it is started with, and what becomes of it."""
