"""Which photos to ask about next: strategies, what they are worth by simulation, and the asking itself."""
