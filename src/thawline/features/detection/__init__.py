"""Which photos show people: what an object detector says, once for each content, kept in the feature store."""
