"""`thawline versions …`: versions of a model, which one is active, and what each was made of."""
