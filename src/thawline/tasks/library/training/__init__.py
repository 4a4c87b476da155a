"""`thawline library train`: all that a library teaches, stage by stage, into one directory."""
