"""The detector: fit on normal digits, inspect any, save and load. The one door to networks, scoring and calibration."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted

from core.calibration.conformal import Calibration
from core.calibration.evaluation import Evaluation
from core.datasets import Dataset
from core.detector.fit import fit_digits
from core.detector.model_card import Card
from core.detector.readings import Readings
from core.errors import OddDigitError
from core.gan.determinism import one_thread
from core.gan.trainer import Progress, Trainer, TrainingSettings
from core.operating_point import EVIDENCES, OperatingPoint
from core.scoring import multi_digit
from core.scoring.scorer import Scale, Scorer

CHUNK = 256
FEW = 8  # images that one thread scores sooner: several wait for each other longer than they work


class Detector(OutlierMixin, BaseEstimator):
    """Tells how odd ink images are, compared with the normal digits it was fitted on.

    A scikit-learn outlier detector over ``(n, 784)`` or ``(n, 28, 28)`` arrays in 0 .. 1, and more: ``inspect`` says
    everything there is to see. With several normal digits each is scored on its own, standardised by that digit's
    tune images, and the smallest is the raw score, calibrated on the pooled calibration images.

    Args:
        architecture: one of ``networks.ARCHITECTURES``.
        epochs: passes over the training images; None takes the architecture's default.
        seed: seed of everything random in training.
        split_seed: seed of the split into train, tune and calibrate.
        evidence: which score ``predict`` uses.
        alpha: which false-alarm rate ``predict`` uses.

    >>> Detector(alpha=0.01).get_params()["alpha"]
    0.01
    """

    scorers_: dict[str, Scorer]
    standards_: dict[str, dict[str, Scale]]
    digit_calibrations_: dict[str, dict[str, Calibration]]
    calibrations_: dict[str, Calibration]
    evaluation_: Evaluation | None
    card_: Card

    def __init__(
        self,
        architecture: str = "conv",
        epochs: int | None = None,
        seed: int = 0,
        split_seed: int = 0,
        evidence: str = "fused",
        alpha: float = 0.05,
    ) -> None:
        self.architecture = architecture
        self.epochs = epochs
        self.seed = seed
        self.split_seed = split_seed
        self.evidence = evidence
        self.alpha = alpha

    @classmethod
    def load(cls, name: str | Path) -> "Detector":
        """Load a detector by the name of a shipped or own model, or by the path of its file.

        Raises:
            ModelError: there is none, or the file is damaged, foreign or of another version.
        """
        from core.detector import registry

        return registry.load(name)

    def save(self, path: Path) -> None:
        """Write the detector as one ``.safetensors`` file, whole or not at all."""
        from core.detector import file

        check_is_fitted(self, "card_")
        file.save(self, path)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of weights, latents and calibration: which build of a model this is."""
        from core.detector import file

        check_is_fitted(self, "card_")
        return file.fingerprint(self)

    def fit(self, X: ArrayLike, y: Sequence[Any] | NDArray[Any] | None = None) -> Self:  # noqa: N803
        """Train on normal digits only.

        Args:
            X: ink images, ``(n, 28, 28)`` or ``(n, 784)``, 0 .. 1; at least 50 a label.
            y: which digit each is, ``(n,)``; None when all are of one kind.

        Raises:
            TrainingError: too few images, or training diverged.
        """
        for _ in self.fit_steps(X, y):
            pass
        return self

    def fit_steps(
        self,
        X: ArrayLike,  # noqa: N803
        y: Sequence[Any] | NDArray[Any] | None = None,
        folder: Path | None = None,
        watch: Callable[[str, Trainer], None] | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress]:
        """``fit``, handing out progress; exhausting the iterator completes the fit.

        Args:
            X: as for ``fit``.
            y: as for ``fit``.
            folder: where each digit's training state is kept after every epoch; a second run with the same folder
                goes on from there, to the same tensors. None keeps nothing.
            watch: called with a label and its trainer after every epoch, and once where a run goes on from.
            enough: asked as training goes; once it says so, the last finished epoch of each digit begun is what is
                kept, and digits without one are left out. One epoch is always learnt. Needs ``folder``.
        """
        OperatingPoint("", self.evidence, self.alpha)  # refuses what ``predict`` could not use, before any work
        images = as_images(X)
        labels = np.array(["digit"] * len(images) if y is None else [str(label) for label in y])
        settings = TrainingSettings(architecture=self.architecture, seed=self.seed)
        if self.epochs is not None:
            settings = replace(settings, epochs=self.epochs)
        self.__dict__.pop("fingerprint", None)  # that of an earlier fit
        fitted = yield from fit_digits(images, labels, settings, self.split_seed, folder, watch, enough)
        self.scorers_, self.standards_ = fitted.scorers, fitted.standards
        self._calibrate(fitted.calibrate)
        self.evaluation_ = None
        self.card_ = Card(
            name="unnamed",
            normal=tuple(fitted.scorers),
            split_seed=self.split_seed,
            counts=fitted.counts,
            settings=asdict(settings),
            curve=fitted.curve,
            seconds=round(fitted.seconds, 1),
        )

    def inspect(self, images: ArrayLike) -> Readings:
        """Everything the detector has to say about ink images.

        Args:
            images: ``(n, 28, 28)`` (or ``(n, 784)``), 0 paper .. 1 ink, in MNIST's geometry; ``core.ink.read`` makes
                them from any picture.

        Raises:
            OddDigitError: wrong shape, values outside 0 .. 1, or NaN.
        """
        check_is_fitted(self, "card_")
        checked = as_images(images)
        with one_thread() if len(checked) <= FEW else nullcontext():
            chunks = [multi_digit.score(self.scorers_, self.standards_, chunk) for chunk in _chunks(checked)]
        nearest = [part.nearest for part in chunks]
        scores = {e: np.concatenate([part.scores[e] for part in nearest]) for e in EVIDENCES}
        digit_p_values: dict[str, dict[str, NDArray[np.float64]]] = {}
        if len(self.scorers_) > 1:
            for e in EVIDENCES:
                claims = {
                    name: np.concatenate([part.nonconformity[name][e] for part in chunks]) for name in self.scorers_
                }
                digit_p_values[e] = {n: self.digit_calibrations_[n][e].p_values(odd) for n, odd in claims.items()}
        return Readings(
            model=self.card_.name,
            normal=self.card_.normal,
            images=checked,
            reconstruction=np.concatenate([part.reconstruction for part in nearest]),
            heat_map=np.concatenate([part.residual for part in nearest]),
            realism=np.concatenate([part.probability for part in nearest]),
            reconstruction_realism=np.concatenate([part.reconstruction_probability for part in nearest]),
            scores=scores,
            p_values={e: self.calibrations_[e].p_values(scores[e]) for e in EVIDENCES},
            digit_p_values=digit_p_values,
            calibrations=self.calibrations_,
        )

    def calibrated(self, images: ArrayLike, labels: Sequence[str] | None, name: str, yardstick: str) -> "Detector":
        """The same detector with its promise remade on other people's normal digits.

        Args:
            images: normal digits that trained nothing, as for ``inspect``.
            labels: which digit each is; may be None for a detector of one digit.
            name: name of the new detector.
            yardstick: whose ink it is, for example ``"the writers of my_fives/"``.

        Raises:
            OddDigitError: a label is missing or not one of the detector's digits.
        """
        check_is_fitted(self, "card_")
        checked = as_images(images)
        names = list(self.scorers_)
        given = np.array([names[0]] * len(checked) if labels is None else [str(label) for label in labels])
        if len(names) > 1 and labels is None:
            raise OddDigitError(f"{self.card_.name} knows several digits: give the label of each image.")
        if len(given) != len(checked):
            raise OddDigitError(f"{len(checked)} images came with {len(given)} labels: give one label an image.")
        for label in np.unique(given):
            if label not in names:
                raise OddDigitError(f"label {str(label)!r} is none of this detector's digits: {', '.join(names)}.")
        if missing := [label for label in names if label not in given]:
            raise OddDigitError(f"no image of {', '.join(missing)}: give normal digits of every label.")
        other = Detector(**self.get_params())
        other.scorers_, other.standards_, other.evaluation_ = self.scorers_, self.standards_, self.evaluation_
        other._calibrate({label: checked[given == label] for label in names})
        counts = {label: (*self.card_.counts[label][:2], int((given == label).sum())) for label in names}
        other.card_ = replace(self.card_, name=name, yardstick=yardstick, counts=counts, recalibrated=True)
        return other

    def rescore(self, tune: Mapping[str, ArrayLike], calibrate: Mapping[str, ArrayLike]) -> None:
        """Remake in place all that depends on how images are scored: the same networks and memory, weighed anew.

        Args:
            tune: label -> the images of that digit's tune part, as for ``inspect``.
            calibrate: label -> those of its calibrate part.
        """
        check_is_fitted(self, "card_")
        self.__dict__.pop("fingerprint", None)
        for name, scorer in self.scorers_.items():
            images = as_images(tune[name])
            self.scorers_[name] = scorer.weighed(images)
            self.standards_[name] = multi_digit.standards_of(self.scorers_[name], images)
        self._calibrate({name: as_images(calibrate[name]) for name in self.scorers_})
        self.evaluation_ = None

    @classmethod
    def join(cls, detectors: Sequence["Detector"], calibrate: Mapping[str, ArrayLike]) -> "Detector":
        """One detector of several digits out of detectors of single ones, without training again.

        Parts made with the same settings give, tensor for tensor, what one ``fit`` on all the images gives.

        Args:
            detectors: fitted ones of one digit each, no digit twice.
            calibrate: label -> the images of that digit's calibrate part, as for ``inspect``.

        Raises:
            OddDigitError: nothing to join, a digit twice, several digits in one part, other settings, or a label
                without images.
        """
        parts = sorted(detectors, key=lambda part: part.card_.normal)
        names = tuple(name for part in parts for name in part.card_.normal)
        if not parts or len(set(names)) != len(parts) or len(names) != len(parts):
            raise OddDigitError(f"cannot join detectors of {', '.join(names) or 'nothing'}: give one for each digit.")
        first = parts[0].card_
        if any((part.card_.settings, part.card_.split_seed) != (first.settings, first.split_seed) for part in parts):
            raise OddDigitError("the detectors were trained with different settings: train them with the same ones.")
        if missing := [name for name in names if not len(np.asarray(calibrate.get(name, ())))]:
            raise OddDigitError(f"no calibration image of {', '.join(missing)}: give normal digits of every label.")
        joined = cls(**parts[0].get_params())
        joined.scorers_ = {name: part.scorers_[name] for name, part in zip(names, parts, strict=True)}
        joined.standards_ = {name: part.standards_[name] for name, part in zip(names, parts, strict=True)}
        joined._calibrate({name: as_images(calibrate[name]) for name in names})
        joined.evaluation_ = None
        joined.card_ = Card(
            name="unnamed",
            normal=names,
            dataset=first.dataset,
            yardstick=first.yardstick,
            split_seed=first.split_seed,
            counts={name: part.card_.counts[name] for name, part in zip(names, parts, strict=True)},
            settings=first.settings,
            curve={name: part.card_.curve[name] for name, part in zip(names, parts, strict=True)},
            seconds=round(sum(part.card_.seconds for part in parts), 1),
        )
        return joined

    def evaluate(self, dataset: Dataset) -> Evaluation:
        """Score a labelled data set; labels outside the detector's own are its anomalies."""
        scores = self.inspect(dataset.images).scores
        names = np.array(dataset.label_names)[dataset.labels]
        return Evaluation(
            sources=(f"{dataset.name}:{dataset.part}",),
            source=np.zeros(len(names), dtype=np.int64),
            position=np.arange(len(names)),
            label=dataset.labels.astype(np.int64),
            label_names=dataset.label_names,
            anomaly=~np.isin(names, self.card_.normal),
            scores=scores,
        )

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Raw scores turned round, ``(n,)``: higher is more normal."""
        return -self.inspect(X).scores[self.evidence]

    @property
    def offset_(self) -> float:
        """Where ``score_samples`` is cut: the threshold at ``alpha``, turned round."""
        check_is_fitted(self, "card_")
        return -self.calibrations_[self.evidence].threshold(self.alpha)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Distance from the line, ``(n,)``: higher is more normal, 0 at the threshold."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """+1 normal, -1 anomaly, ``(n,)``."""
        check_is_fitted(self, "card_")
        point = OperatingPoint(self.card_.name, self.evidence, self.alpha)
        return 1 - 2 * self.inspect(X).class_id(point)

    def _calibrate(self, images: Mapping[str, NDArray[np.float32]]) -> None:
        found = {
            name: [multi_digit.score(self.scorers_, self.standards_, chunk) for chunk in _chunks(part)]
            for name, part in images.items()
        }
        self.digit_calibrations_ = {
            name: {
                e: Calibration.fit(np.concatenate([part.nonconformity[name][e] for part in parts])) for e in EVIDENCES
            }
            for name, parts in found.items()
        }
        self.calibrations_ = {
            e: Calibration.fit(np.concatenate([part.nearest.scores[e] for parts in found.values() for part in parts]))
            for e in EVIDENCES
        }


def as_images(images: ArrayLike) -> NDArray[np.float32]:
    """Check ink images and bring them to float32 ``(n, 28, 28)``.

    Raises:
        OddDigitError: not numbers, wrong shape, values outside 0 .. 1, or NaN.
    """
    try:
        given = np.asarray(images)
        if given.dtype.kind not in "fiub":
            raise TypeError(given.dtype)
        array = given.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise OddDigitError("images are not all numbers: give an array (n, 28, 28) or (n, 784) of 0 .. 1.") from error
    if array.ndim == 2 and array.shape[1] == 784:
        array = array.reshape(-1, 28, 28)
    if array.ndim != 3 or array.shape[1:] != (28, 28):
        raise OddDigitError(f"images have shape {array.shape}: give (n, 28, 28) or (n, 784).")
    # NaN fails this comparison too.
    if array.size and not (array.min() >= 0 and array.max() <= 1):
        raise OddDigitError("images must lie between 0 (paper) and 1 (ink): divide bytes by 255.")
    return array


def _chunks(images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Few enough images at a time for memory to stay bounded; one empty chunk when there are none."""
    return [images[at : at + CHUNK] for at in range(0, max(len(images), 1), CHUNK)]
