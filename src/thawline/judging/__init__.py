"""Metrics, their 95 % intervals and paired tests, on plain arrays of labels, probabilities and groups."""
