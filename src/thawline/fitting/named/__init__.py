"""What a config names and a run makes: optimisers and callbacks, each with the settings that it takes (decision 37)."""
