"""From face encodings to groups that are one person's each."""
