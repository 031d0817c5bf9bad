"""A curses program: it shows something, and waits for a key."""

import curses


def main(screen):
    curses.curs_set(0)
    height, width = screen.getmaxyx()
    screen.addstr(1, 2, "press a key")
    screen.refresh()
    return screen.getkey(), height > 0, width > 0


print("pressed", curses.wrapper(main))
