"""Photos: their bytes to pixels, folders of them to samples."""
