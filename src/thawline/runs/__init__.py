"""The run directory: the truth about one run. W&B is a mirror of it."""
