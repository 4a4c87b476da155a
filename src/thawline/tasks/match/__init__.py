"""Does this text describe this picture."""
