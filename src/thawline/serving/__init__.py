"""A service over HTTP: any bundle, or the active version, behind limits, batches and counts."""
