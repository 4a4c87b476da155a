"""The verbs that write bundles and use them."""
