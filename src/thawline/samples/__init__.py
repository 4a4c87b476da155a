"""Sample collections that the project draws itself, and the tiny CLIP that the package carries."""
