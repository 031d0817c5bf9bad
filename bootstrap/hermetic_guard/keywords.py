"""What would allow something, as a program says it that puts guards around its own code: `allow_domains=["example.com"]`, not `--allow-domain`.

A refusal by a block, or by what it has started, is for whoever wrote that block: the option of the command line that decide.py names would not help.
"""

KEYWORDS = {
    "allow_domains": "allow_domain",
    "allow_addresses": "allow_address",
    "deny_addresses": "deny_address",
    "allow_listen": "allow_listen",
    "allow_unix": "allow_unix",
    "allow_run": "allow_run",
    "allow_write": "allow_write",
    "allow_read": "allow_read",
    "protect": "protect",
    "hide": "hide",
    "allow_native": "allow_native",
    "profile": "profile",
}
"""Arguments of a block's that take one value or several, and the keys of the options that they stand for."""

COMMENT = "  # "
"""Begins what decide.py says besides, as a comment of the shell's, and of Python's."""

LOCALHOST, PORTS = "allow_localhost", "allow_listen"
QUOTE_IN_SHELL = "'\"'\"'"


def as_keyword(hint: str) -> str:
    """A hint as decide.py gives it, as an argument; what names no option of a block's stays."""
    said = without_comment(hint)
    option, _, value = said.partition("=" if said.startswith("--allow-localhost=") else " ")
    key = option[2:].replace("-", "_") if option.startswith("--") else ""
    if key == LOCALHOST:
        return "%s=%s" % (LOCALHOST, value or "True")
    for keyword, stands_for in KEYWORDS.items():
        if key == stands_for and value:
            return "%s=[%s]%s" % (keyword, value if keyword == PORTS else in_quotes(from_shell(value)), hint[len(said) :])
    return hint


def without_comment(hint: str) -> str:
    said, found, comment = hint.rpartition(COMMENT)
    return said if found and "'" not in comment else hint  # in a word of the shell's it would be in quotes


def from_shell(word: str) -> str:
    """What `decide.shell_word` was made from."""
    return word[1:-1].replace(QUOTE_IN_SHELL, "'") if word[:1] == "'" else word


def in_quotes(text: str) -> str:
    return repr(text) if '"' in text or "\\" in text or not text.isprintable() else '"%s"' % text
