"""What a training, or a sweep, will take: measured in a few seconds on this machine before it begins."""
