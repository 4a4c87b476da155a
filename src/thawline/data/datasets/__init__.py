"""Data sets of the library `datasets`, read as the files and tables that tasks read, and written back with answers."""
