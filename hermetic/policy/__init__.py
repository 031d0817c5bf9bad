"""What is allowed, as people write it: flags and profiles, made into the one policy that is enforced."""

DEFAULT = "default"
"""The profile that stands where no guard is asked for."""

FIELDS = {
    "allow-localhost": "localhost",
    "allow-domain": "domains",
    "allow-address": "addresses",
    "deny-address": "denied",
    "allow-listen": "listen",
    "allow-unix": "unix",
    "allow-run": "run",
    "root": "read",
    "allow-read": "read",
    "allow-write": "write",
    "hide": "hide",
    "allow-native": "distributions",
    "allow-env": "keep",
    "timeout": "timeout",
    "max-memory": "memory",
    "max-cpu": "cpu",
    "max-file-size": "file_size",
    "max-processes": "processes",
    "max-output": "output",
}
"""The field of a guard's rules (hermetic_guard/policy.py) that a key of its table fills."""
