"""What music a track is, and what plays."""
