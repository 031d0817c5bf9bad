"""What the Linux kernel does for a run."""
