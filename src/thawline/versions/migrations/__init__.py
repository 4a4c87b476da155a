"""Alembic's scripts, found and run by `database.py`."""
