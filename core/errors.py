"""Errors that are written for the person who reads them: what was wrong, with which input, what to do."""


class OddDigitError(ValueError):
    """Base of every error this project raises on purpose; its text is shown to people as it stands."""


class InkError(OddDigitError):
    """A picture that cannot be turned into ink images."""


class DatasetError(OddDigitError):
    """A data set that is missing, broken or unusable for what was asked."""


class ArchiveError(OddDigitError):
    """A zip archive that cannot be read or must not be."""


class ModelError(OddDigitError):
    """A detector file that is missing, broken, foreign or of another version."""


class TrainingError(OddDigitError):
    """A training run that cannot start or cannot go on."""


class HistoryError(OddDigitError):
    """A history that cannot be read or written just now; the verdict itself still stands."""


class BatchError(OddDigitError):
    """A pile of digits that cannot be read, judged or written."""


class QuotaError(OddDigitError):
    """More than a visitor of a shared server, or all of them together, may keep there."""


class WriteError(OSError, OddDigitError):
    """A file or folder that cannot be written: a full or read-only disk, a folder of somebody else's.

    It is an ``OSError`` too, so that whoever can do without the file passes over both in one clause.
    """

    def __init__(self, text: str, errno: int | None = None) -> None:
        super().__init__(text)
        self.errno = errno
