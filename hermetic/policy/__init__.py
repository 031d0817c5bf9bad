"""What is allowed, as people write it: flags and profiles, made into the one policy that is enforced."""

DEFAULT = "default"
"""The profile that stands where no guard is asked for."""
