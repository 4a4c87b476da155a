"""The exceptions whose message is for the user: one clear sentence, no traceback."""


class UserError(Exception):
    """Bad input. The message is one clear sentence: what is wrong, where, and how to mend it.

    The command line prints the message without a traceback and exits with status 2.
    """


class RunError(Exception):
    """A run that began and can't go on through no fault of its input's form, such as a loss that became NaN.

    The command line prints the message without a traceback and exits with status 1; `status.json` holds the reason.
    """
