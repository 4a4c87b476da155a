"""What is told of a sample: one of several classes, or several tags at once; and so what an answer is worth."""
