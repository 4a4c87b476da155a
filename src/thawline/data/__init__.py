"""Files to samples: list, decode, check, group and split photos."""
