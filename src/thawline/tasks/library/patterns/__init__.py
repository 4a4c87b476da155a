"""What a library's tags and descriptions have in common: counted, without a network."""
