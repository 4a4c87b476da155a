"""`thawline evaluate`: a run judged again, a bundle judged by new samples or by golden cases."""
