"""Tables on the console and pictures in the run directory, made from what `judging` found."""
