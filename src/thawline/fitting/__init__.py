"""How a tail is fitted: heads, losses, methods, folds."""
