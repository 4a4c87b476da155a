"""Image–text pairs: tables of them to samples."""
