"""Tracks: their bytes to windows, folders and tables of them to samples."""
