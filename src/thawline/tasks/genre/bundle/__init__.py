"""A model of tracks for use, or an ensemble of such: written, loaded, asked and judged."""
