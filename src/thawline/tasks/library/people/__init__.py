"""Faces to people: groups of face encodings, the owner's names and corrections, and what is forgotten."""
