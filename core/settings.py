"""Settings: every ``ODD_DIGIT_*`` variable, what it may be, and what holds without it.

Folders and the kind of server are asked for anew each time; limits are read once, when the program starts. The size of
one uploaded file is Streamlit's own setting, ``STREAMLIT_SERVER_MAX_UPLOAD_SIZE`` in MB (200).
"""

import os
from pathlib import Path

DATASETS = "ODD_DIGIT_DATASETS"
STATE = "ODD_DIGIT_STATE"
SHARED = "ODD_DIGIT_SHARED"


def folder(variable: str) -> Path | None:
    """The folder that a variable names, absolute; None where it is not set.

    Raises:
        SystemExit: ``~`` in it names nobody.
    """
    text = os.environ.get(variable)
    try:
        return Path(text).expanduser().resolve() if text else None
    except RuntimeError as error:
        raise SystemExit(f"{variable} is {text!r}, and there is no such user: write the folder out.") from error


def shared_server() -> bool:
    """Whether several people use this server, so that each sees only what is theirs (``ODD_DIGIT_SHARED=1``)."""
    return os.environ.get(SHARED, "") == "1"


def whole_number(variable: str, default: int) -> int:
    """A limit from the environment.

    Raises:
        SystemExit: it is set to something else than a whole number above 0.

    >>> whole_number("ODD_DIGIT_NOT_SET", 7)
    7
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise SystemExit(f"{variable} is {text!r}: set it to a whole number above 0, or not at all ({default:,}).")
    return value


PIXELS = whole_number("ODD_DIGIT_MAX_PIXELS", 64_000_000)  # of a picture
PICTURES = whole_number("ODD_DIGIT_MAX_PICTURES", 20_000)  # handed over at once to be trained on
JOBS = whole_number("ODD_DIGIT_MAX_JOBS", 10)  # unfinished training jobs of a visitor
BATCHES = whole_number("ODD_DIGIT_MAX_BATCHES", 5)  # batches of a visitor that wait or are being judged
ALL_JOBS = whole_number("ODD_DIGIT_MAX_ALL_JOBS", 100)  # unfinished training jobs of all visitors
ALL_BATCHES = whole_number("ODD_DIGIT_MAX_ALL_BATCHES", 50)  # batches of all visitors that wait or are being judged
ROWS = whole_number("ODD_DIGIT_MAX_ROWS", 100_000)  # of the history that a visitor of a shared server keeps
VISITOR_MB = whole_number("ODD_DIGIT_MAX_VISITOR_MB", 2_000)  # that a visitor of a shared server keeps there
ALL_MB = whole_number("ODD_DIGIT_MAX_ALL_MB", 20_000)  # that all of them keep there
CACHE_MB = whole_number("ODD_DIGIT_MAX_CACHE_MB", 1_000)  # of decoded models, beyond which those unused longest go
READERS = whole_number("ODD_DIGIT_MAX_READERS", 16)  # processes that read one batch, as far as there are processors
OPENED = whole_number("ODD_DIGIT_MAX_OPENED", 4)  # visitors of a shared server whose files are opened at a time
UPLOADED_MB = whole_number("ODD_DIGIT_MAX_UPLOADED_MB", 1_000)  # uploads in a shared server's memory; one page, half
# How long one visitor's work goes on while another's waits.
TRAINING_MINUTES = whole_number("ODD_DIGIT_TRAINING_MINUTES", 10)
BATCH_SECONDS = whole_number("ODD_DIGIT_BATCH_SECONDS", 60)
