"""Search in a library in its owner's words: terms that are learnt, a lexical and a dense index, and their fusion."""
