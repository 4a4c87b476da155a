"""A contact sheet of photos whose labels are in doubt, as one HTML page."""
