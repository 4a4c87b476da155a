"""What is told of a sample: one of several classes, several tags at once, a score; and so what an answer is worth."""
