"""What is to be run, and by which interpreter. Nothing of the target is executed here."""
