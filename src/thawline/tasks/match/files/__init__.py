"""Files of image–text pairs: what can be used of them, their split, their mismatches, their texts."""
