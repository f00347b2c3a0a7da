"""What a run of training is refused for before its first step."""


class SettingsError(ValueError):
    """A setting, or a file that a setting names, with which training cannot work.

    The message is one line for the user: what was got, what was expected, what to do. The command line prints it
    and exits with 2; every other exception is a fault of the program and keeps its traceback.
    """
