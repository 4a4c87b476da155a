"""The feature store and the passes that fill it."""
