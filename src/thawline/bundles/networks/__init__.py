"""Networks as a bundle holds them: each family in its own library's format, and as ONNX graphs."""
