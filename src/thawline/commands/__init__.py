"""One file a verb, and the Hydra app that they share."""
