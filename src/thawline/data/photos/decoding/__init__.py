"""From the bytes of a file to its pixels, within limits of size and memory."""
