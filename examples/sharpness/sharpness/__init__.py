"""How blurred a photo is: a task for Thawline in a package of its own."""
