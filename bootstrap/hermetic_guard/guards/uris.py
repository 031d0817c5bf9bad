"""What a name says that SQLite is to open; sqlite.org/uri.html."""

MEMORY = ("", ":memory:")


def read_uri(text):
    """(path, mode) of a `file:` URI, (None, "") for what is none; sqlite.org/uri.html. Of several modes the one that allows most counts."""
    if text[:5] != "file:":
        return None, ""
    path, _, query = text[5:].partition("#")[0].partition("?")
    if path[:2] == "//":
        path = "/" + path[2:].partition("/")[2]
    modes = [unquoted(value) for name, _, value in (part.partition("=") for part in query.split("&")) if unquoted(name) == "mode"]
    path = unquoted(path)
    if path in MEMORY or modes in (["memory"],):
        return path, "memory"
    return path, "ro" if modes and set(modes) == {"ro"} else "rwc"


def unquoted(text):
    head, *parts = text.encode("utf-8", "surrogateescape").split(b"%")
    for part in parts:
        try:
            head += bytes([int(part[:2], 16)]) + part[2:]
        except ValueError:
            head += b"%" + part
    return head.partition(b"\0")[0].decode("utf-8", "surrogateescape")
