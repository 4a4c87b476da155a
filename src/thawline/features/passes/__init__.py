"""One pass over files: which are opened, and who computes what they lack."""
