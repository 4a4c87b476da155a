"""What is said of entries, as terms, and what a library's words mean beside each other."""
