"""The verbs, a file or a folder each, and the Hydra app that they share."""
