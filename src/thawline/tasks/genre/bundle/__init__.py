"""What a service gets of a model of tracks, or of an ensemble of such, and how that is written."""
