"""Samples that have a score, whatever they are."""
