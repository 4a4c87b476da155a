"""The exceptions whose message is for the user: one clear sentence, no traceback; and those of single files."""


class UserError(Exception):
    """Bad input. The message is one clear sentence: what is wrong, where, and how to mend it.

    It begins in lower case and has no full stop, so that it can follow "thawline: " or stand within another sentence.
    The command line prints the message without a traceback and exits with status 2.
    """

    @property
    def sentence(self) -> str:
        """The message as a sentence of its own, for a report."""
        message = str(self)
        return f"{message[0].upper()}{message[1:]}."


class RunError(Exception):
    """A run that began and can't go on through no fault of its input's form, such as a loss that became NaN.

    The command line prints the message without a traceback and exits with status 1; `status.json` holds the reason.
    """


class PrunedError(Exception):
    """A search ended a trial early, since it does worse than others did; the message is the reason."""


class UnusableError(Exception):
    """A file that cannot be used; the message is the reason, one phrase without the file's name."""


class TooLargeError(UnusableError):
    """A file beyond a limit that a setting lifts: not a fact of the file."""
