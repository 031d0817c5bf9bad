"""What `scripts/bench` measures: one file for each subject, `rows.py` has all of them with their bars."""
