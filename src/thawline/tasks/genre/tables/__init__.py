"""Tables of what music is called, by hand: genres, instruments, themes of lyrics, and what one says of another."""
