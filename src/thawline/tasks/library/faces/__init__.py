"""Faces in a library's photos: where they are, how well they are seen, and their encodings."""
