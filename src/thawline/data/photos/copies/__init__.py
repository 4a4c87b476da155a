"""What a photo is known by when it comes again: resized, turned, cropped or framed."""
