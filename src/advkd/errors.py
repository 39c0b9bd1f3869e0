"""The one exception that a user's input can raise."""


class UserError(Exception):
    """Bad input, told in one line: what is wrong, where, and what to do about it.

    The command line prints the line without a traceback and exits with status 2.
    """
