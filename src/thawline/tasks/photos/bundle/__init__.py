"""A model of classes of photos: exported, in use, judged, and what it says."""
