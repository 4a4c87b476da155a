"""What tasks have in common whose samples can have several labels at once."""
