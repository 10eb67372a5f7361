"""What a server lets people ask of it; whoever runs it sets other limits in the environment.

The size of one uploaded file is Streamlit's own setting, ``STREAMLIT_SERVER_MAX_UPLOAD_SIZE`` in MB (200).
"""

import os


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
