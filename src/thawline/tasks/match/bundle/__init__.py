"""A matcher in use: its network and its decision, how it is written, and its card."""
