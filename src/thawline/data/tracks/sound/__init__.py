"""The bytes of a sound file to samples, whatever kind of file it is."""
