"""`thawline ensemble`: runs that share a split, joined."""
