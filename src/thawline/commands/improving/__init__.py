"""What to do next with a finished run: labels to look at, and photos to add."""
