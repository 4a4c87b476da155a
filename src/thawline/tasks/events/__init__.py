"""Which occasion a photo shows."""
