"""Passes that are only rehearsed, so that what comes after them can be measured before they ran."""
