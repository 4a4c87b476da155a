"""The command line before a verb begins: the table of verbs, the config and its settings, errors as one sentence."""
