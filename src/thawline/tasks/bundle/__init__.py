"""A model written as a bundle, and one in use: what every task gives for that, and who calls it."""
