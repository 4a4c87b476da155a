"""Many small tails trained at once: the same steps as each would take alone, computed over stacked parameters."""
