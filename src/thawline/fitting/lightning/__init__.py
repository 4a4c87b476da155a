"""What gradient descent runs by Lightning: the module and the data module below every task's, and their callbacks."""
