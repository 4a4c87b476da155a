"""The feature store on disk: shelves, their keys, rows and index."""
