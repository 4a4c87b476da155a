"""Music by artists who each have a sound of their own: genres, instruments, studios."""
