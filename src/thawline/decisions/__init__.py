"""What makes an answer of scores, and ships with a model."""
