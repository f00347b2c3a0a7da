"""What a run of training is refused for before its first step, and what ends it at a later one."""


class _OneLineError(ValueError):
    """A loader's worker process sends an error on with its traceback before the message; this keeps the message."""

    def __init__(self, message: str) -> None:
        super().__init__(message.rstrip().rpartition(f"{type(self).__name__}: ")[2])


class SettingsError(_OneLineError):
    """A setting, or a file that a setting names, with which training cannot work.

    The message is one line for the user: what was got, what was expected, what to do. The command line prints it
    and exits with 2; every other exception is a fault of the program and keeps its traceback.
    """


class DataError(_OneLineError):
    """A file of a training set that is damaged, or a sample that lacks a part; the message names them in one line."""
