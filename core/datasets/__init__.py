"""Labelled data sets as ink images: public ones, people's own folders and arrays, and the program's own drawings.

``load`` is the door: ``load("mnist", "train")``.
"""

from core.datasets.load import DIGITS_TRAIN, NAMES, Dataset, Description, available, labels_in, load, parts, title
from core.datasets.split import Split, development, split

__all__ = ["DIGITS_TRAIN", "NAMES", "Dataset", "Description", "Split"]
__all__ += ["available", "development", "labels_in", "load", "parts", "split", "title"]
