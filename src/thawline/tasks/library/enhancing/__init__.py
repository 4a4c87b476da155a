"""What a library taught, put to use: descriptions, and what is said of new entries; the owner's corrections of both."""
