"""The run directory: the truth about one run. W&B and TensorBoard are mirrors of it."""
