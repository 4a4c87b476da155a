"""One file a revision, `r0001_…`, each of which names the one before it."""
