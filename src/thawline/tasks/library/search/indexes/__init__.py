"""Three ways to rank entries for a query, and their fusion."""
