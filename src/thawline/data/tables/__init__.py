"""Tables and lists as other people's programs write them: decoded, parsed, their paths found."""
