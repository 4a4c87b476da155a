"""What people answered, and the versions of a model that learned from it: one database, one folder of bundles."""
