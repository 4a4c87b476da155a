"""What the task does on the database of answers: import, export, training."""
