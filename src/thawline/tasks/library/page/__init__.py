"""`thawline library page`: what a library taught, as one HTML page, with its people to name, merge and split."""
