"""One folder a task: what is particular to that problem."""
