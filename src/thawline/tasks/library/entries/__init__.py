"""Entries of a library: read from its file or database, checked one by one, chosen."""
