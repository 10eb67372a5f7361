"""A reviewed sample of the history: how far a person has got, and the normal digits that a calibration may use.

Only a random sample reviewed to its end says anything about the digits at large: marks given where someone happened to
look are mostly on verdicts that looked wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.history.verdict import Damaged, Verdict


@dataclass(frozen=True)
class Review:
    """What a person's marks on a sample amount to.

    Attributes:
        drawn: how many verdicts the sample holds.
        marked: how many of them are marked right or wrong.
        images: the normal digits among them, each image once, float32 ``(n, 28, 28)``.
        labels: which normal digit each is, ``n`` of them.
        names: the row each came from, ``n`` of them.
        unlabelled: ids of normal digits of which nobody has said which digit they are; not among ``images``.
    """

    drawn: int
    marked: int
    images: NDArray[np.float32]
    labels: tuple[str, ...]
    names: tuple[str, ...]
    unlabelled: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether every verdict of the sample is marked and every normal digit has its label."""
        return self.drawn > 0 and self.marked == self.drawn and not self.unlabelled


def review(sample: Iterable[Verdict | Damaged], normal: tuple[str, ...]) -> Review:
    """Gather the normal digits of a sample by a person's marks.

    A digit's label is what the person wrote; else the only one there is, for a model of one digit; else what the model
    read, where it read one digit alone and the person called that right.

    Args:
        sample: all verdicts of a random sample, all by one model; a damaged row counts as one that nobody has marked.
        normal: labels of that model's normal digits.
    """
    drawn, marked = 0, 0
    reviewed: dict[bytes, tuple[NDArray[np.float32], str, str]] = {}
    unlabelled = []
    for verdict in sample:
        drawn += 1
        if isinstance(verdict, Damaged):
            continue
        marked += verdict.mark is not None
        if not verdict.truly_normal:
            continue
        label = _label(verdict, normal)
        if label is None:
            unlabelled.append(verdict.id)
        else:
            reviewed[verdict.image.tobytes()] = (verdict.image, label, f"row {verdict.id}")
    images = np.stack([image for image, _, _ in reviewed.values()]) if reviewed else np.zeros((0, 28, 28), np.float32)
    labels = tuple(label for _, label, _ in reviewed.values())
    return Review(drawn, marked, images, labels, tuple(name for _, _, name in reviewed.values()), tuple(unlabelled))


def _label(verdict: Verdict, normal: tuple[str, ...]) -> str | None:
    if verdict.true_label is not None:
        return verdict.true_label if verdict.true_label in normal else None
    if len(normal) == 1:
        return normal[0]
    read = verdict.prediction_set
    return read[0] if verdict.mark == "right" and len(read) == 1 else None
