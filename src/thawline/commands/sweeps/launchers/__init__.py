"""Launchers of trials: what runs them, where, and how many side by side."""
