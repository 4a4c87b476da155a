"""A tuned model as a directory that stands on its own: written once, verified whenever it is loaded."""
