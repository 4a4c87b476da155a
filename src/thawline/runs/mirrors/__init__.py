"""Loggers: what mirrors a run directory in CSV, TensorBoard or Weights & Biases."""
