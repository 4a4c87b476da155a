"""Heads that answer by tables: nothing of them is fitted."""
