"""One self-contained HTML page about a comparison: no network, no framework, everything escaped."""
