"""`sweep=tpe` and the like: an optimiser (Optuna) asks for trials, by what those before came to."""
