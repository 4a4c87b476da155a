"""A photo library: what its own captions, tags and faces teach."""
