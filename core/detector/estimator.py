"""The detector: fit on normal digits, inspect any, save and load. The one door to networks, scoring and calibration."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from core import arguments
from core.calibration.conformal import Calibration
from core.calibration.evaluation import Evaluation
from core.calibration.prediction_set import agreeing
from core.datasets import Dataset
from core.detector import assemble, file, registry
from core.detector.fit import fit_digits
from core.detector.inputs import PIXELS, as_images, as_labels, chunks
from core.detector.model_card import UNNAMED, Card
from core.detector.readings import Readings, Scores
from core.detector.state import DetectorState
from core.gan.determinism import one_thread
from core.gan.networks import architecture_of
from core.gan.recipe import MOST_EPOCHS, TrainingSettings
from core.gan.trainer import Progress, Trainer
from core.operating_point import DISTANCES, EVIDENCES, OperatingPoint
from core.scoring import multi_digit
from core.scoring.evidences import Evidences
from core.scoring.scorer import Scorer
from core.words import name_normals

MOST_SAMPLES = 100_000  # that are drawn at once: 300 MB
FEW = 8  # images that one thread scores sooner: several wait for each other longer than they work


class Detector(OutlierMixin, BaseEstimator):
    """Tells how odd ink images are, compared with the normal digits it was fitted on.

    A scikit-learn outlier detector over ``(n, 784)`` or ``(n, 28, 28)`` arrays in 0 .. 1, and more: ``inspect`` says
    everything there is to see. With several normal digits each is scored on its own, standardised by that digit's
    validation images, and the smallest is the raw score, calibrated on the pooled calibration images.

    Args:
        architecture: one of ``networks.ARCHITECTURES``.
        epochs: parts of the training, of 2,080 digits each; None takes the architecture's default.
        seed: seed of everything random in training.
        split_seed: seed of the split into train, validation and calibrate.
        evidence: which score ``predict`` uses.
        alpha: which false-alarm rate ``predict`` uses.
        verbose: whether ``fit`` says after every epoch how far it is, on standard error.

    >>> Detector(alpha=0.01).get_params()["alpha"]
    0.01
    """

    state_: DetectorState

    def __init__(
        self,
        architecture: str = "conv",
        epochs: int | None = None,
        seed: int = 0,
        split_seed: int = 0,
        evidence: str = "fused",
        alpha: float = 0.05,
        verbose: bool = False,
    ) -> None:
        self.architecture = architecture
        self.epochs = epochs
        self.seed = seed
        self.split_seed = split_seed
        self.evidence = evidence
        self.alpha = alpha
        self.verbose = verbose

    @classmethod
    def of(cls, state: DetectorState) -> "Detector":
        """The detector of a state, with the parameters that it was fitted with."""
        own, names = state.card.settings, ("architecture", "epochs", "seed")
        detector = cls(**{name: own[name] for name in names if name in own}, split_seed=state.card.split_seed)
        detector.state_ = state
        return detector

    @classmethod
    def load(cls, name: str | Path) -> "Detector":
        """Load a detector by the name of a shipped or own model, or by the path of its file.

        Raises:
            ModelError: there is none, or the file is damaged, foreign or of another version.
        """
        model = registry.find(name, "")
        return cls.of(file.load(model.path).named(model.name))

    def save(self, path: str | Path) -> None:
        """Write the detector as one ``.safetensors`` file, whole or not at all; there it is called by the file's name.

        One that has no name yet is called so from now on, too.

        Args:
            path: a file, or a bare name such as ``"my-5"``, which every page and command finds.

        Raises:
            ModelError: a bare name that is not usable, or taken.
        """
        place = registry.file_for(path)
        named = self._fitted.named(place.stem)
        file.save(named, place)
        if self.card_.name == UNNAMED:
            self.state_ = named

    @property
    def _point(self) -> OperatingPoint:
        """Where ``predict`` draws the threshold; refuses an evidence or alpha that is none."""
        return OperatingPoint(self.card_.name, self.evidence, self.alpha)

    def _training(self) -> TrainingSettings:
        """What ``fit`` goes by; refuses parameters that are none before any work."""
        known = architecture_of(arguments.text("architecture", self.architecture, "conv"))
        epochs = known.epochs if self.epochs is None else arguments.whole("epochs", self.epochs, 1, MOST_EPOCHS)
        seed = arguments.whole("seed", self.seed, 0, arguments.LARGEST_SEED)
        OperatingPoint(UNNAMED, self.evidence, self.alpha)
        return TrainingSettings(architecture=self.architecture, epochs=epochs, seed=seed)

    @property
    def _fitted(self) -> DetectorState:
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # raises; asked for each image it would take as long as a p-value
        return self.state_

    # What there is to read of a fitted detector. The names end as scikit-learn's do; none can be set.

    @property
    def card_(self) -> Card:
        """What it was made of and from."""
        return self._fitted.card

    @property
    def scorers_(self) -> Mapping[str, Scorer]:
        """Digit -> its scorer."""
        return self._fitted.scorers

    @property
    def calibrations_(self) -> Mapping[str, Calibration]:
        """Evidence -> what its scores are measured against."""
        return self._fitted.calibrations

    @property
    def evaluation_(self) -> Evaluation | None:
        """Scores of digits that took no part in making it, or None."""
        return self._fitted.evaluation

    @property
    def fingerprint(self) -> str:
        """Hash of weights, latents and calibration: which build of a model this is."""
        return self._fitted.fingerprint

    def fit(self, X: ArrayLike, y: Sequence[Any] | NDArray[Any] | None = None) -> Self:  # noqa: N803
        """Train on normal digits only.

        Args:
            X: ink images, ``(n, 28, 28)`` or ``(n, 784)``, 0 .. 1; at least 50 a label.
            y: which digit each is, ``(n,)``; None when all are of one kind.

        Raises:
            TrainingError: too few images, or training diverged.
        """
        for progress in self.fit_steps(X, y):
            if self.verbose and progress.epoch_ended:
                left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
                print(f"{progress.stage}: epoch {progress.epoch} of {progress.epochs}{left}", file=sys.stderr)
        return self

    def fit_steps(
        self,
        X: ArrayLike,  # noqa: N803
        y: Sequence[Any] | NDArray[Any] | None = None,
        folder: Path | None = None,
        watch: Callable[[str, Trainer], None] | None = None,
        enough: Callable[[], bool] | None = None,
        stretches: ArrayLike | None = None,
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
            stretches: which stretch of writers each image is from, ``(n,)``: p-values then hold for people whom the
                detector never met, where there are enough of them. None: for exchangeable digits, as split conformal.
        """
        settings = self._training()
        split_seed = arguments.whole("split_seed", self.split_seed, 0, arguments.LARGEST_SEED)
        images = as_images(X)
        labels = as_labels("y", y, len(images))
        self.state_ = yield from fit_digits(images, labels, settings, split_seed, folder, watch, enough, stretches)

    def inspect(self, images: ArrayLike) -> Readings:
        """Everything the detector has to say about ink images.

        Args:
            images: ``(n, 28, 28)`` (or ``(n, 784)``), 0 paper .. 1 ink, in MNIST's geometry; ``core.ink.read`` makes
                them from any picture.

        Raises:
            OddDigitError: wrong shape, values outside 0 .. 1, or NaN.
        """
        scores, seen = self._read(images, draw=True)
        return Readings(**vars(seen) | vars(scores))

    def scores(self, images: ArrayLike) -> Scores:
        """How odd ink images are, by the evidences that need nothing drawn: several times as fast as ``inspect``.

        The same numbers to the bit. Takes and raises what ``inspect`` does.
        """
        return self._read(images, draw=False)[0]

    def _read(self, given: ArrayLike, draw: bool) -> tuple[Scores, Evidences | None]:
        state, images = self._fitted, as_images(given)
        # Nothing is learnt here: without what torch notes for that, one image takes 7 % less.
        with torch.inference_mode(), one_thread() if len(images) <= FEW else nullcontext():
            parts = [multi_digit.score(state.scorers, state.standards, chunk, draw) for chunk in chunks(images)]
        scores = {e: np.concatenate([part.scores[e] for part in parts]) for e in EVIDENCES if e in parts[0].scores}
        p_values = {e: state.calibrations[e].p_values(values) for e, values in scores.items()}
        digits: dict[str, dict[str, NDArray[np.float64]]] = {}
        for e in DISTANCES if len(state.scorers) > 1 else ():
            odd = {n: np.concatenate([part.nonconformity[n][e] for part in parts]) for n in state.scorers}
            as_digit = {n: state.digit_calibrations[n][e].p_values(values) for n, values in odd.items()}
            digits[e] = agreeing(as_digit, p_values[e])
        seen = [part.seen for part in parts if part.seen is not None]
        measured = Scores(state.card.name, state.card.normal, images, scores, p_values, digits, state.calibrations)
        return measured, Evidences.joined(seen) if seen else None

    def sample(self, n: int, seed: int = 0) -> NDArray[np.float32]:
        """Fresh digits as the generators draw them, ``(n, 28, 28)``; those of several digits take turns.

        The same n, up to 100,000, and seed give the same digits.
        """
        n = arguments.whole("n", n, 0, MOST_SAMPLES)
        seed = arguments.whole("seed", seed, 0, arguments.LARGEST_SEED)
        drawn, digits = np.zeros((n, 28, 28), dtype=np.float32), len(self.scorers_)
        for i, scorer in enumerate(self.scorers_.values()):
            if wanted := len(drawn[i::digits]):
                drawn[i::digits] = scorer.sample(wanted, seed)
        return drawn

    def calibrated(self, images: ArrayLike, labels: Sequence[str] | None, name: str, calibrated_on: str) -> "Detector":
        """The same detector with its promise remade on other people's normal digits.

        Args:
            images: normal digits that trained nothing, as for ``inspect``.
            labels: which digit each is; may be None for a detector of one digit.
            name: name of the new detector.
            calibrated_on: whose ink it is, for example ``"the writers of my_fives/"``.

        Raises:
            OddDigitError: a label is missing or not one of the detector's digits.
        """
        state = self._fitted
        arguments.text("name", name, "my-5")
        arguments.text("calibrated_on", calibrated_on, "the writers of my_fives/")
        other = Detector(**self.get_params())
        other.state_ = assemble.recalibrate(state, images, labels, name, calibrated_on)
        return other

    def evaluate(self, dataset: Dataset) -> Evaluation:
        """Score a labelled data set; labels outside the detector's own are its anomalies."""
        normal = self.card_.normal
        arguments.of_type("dataset", dataset, Dataset, 'a data set, such as core.datasets.load("mnist", "test")')
        names = np.array(dataset.label_names)[dataset.labels]
        return Evaluation(
            sources=(f"{dataset.name}:{dataset.part}",),
            source=np.zeros(len(names), dtype=np.int64),
            position=np.arange(len(names)),
            label=dataset.labels.astype(np.int64),
            label_names=dataset.label_names,
            anomaly=~np.isin(names, normal),
            scores=self.inspect(dataset.images).scores,
        )

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Raw scores turned round, ``(n,)``: higher is more normal."""
        evidence = self._point.evidence
        read = self.scores if evidence in DISTANCES else self.inspect  # what it needs and no more
        return -read(X).scores[evidence]

    @property
    def offset_(self) -> float:
        """Where ``score_samples`` is cut: the threshold at ``alpha``, turned round."""
        point = self._point
        return -self.calibrations_[point.evidence].threshold(float(self.alpha))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Distance from the threshold, ``(n,)``: higher is more normal, 0 at the threshold itself."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """+1 normal, -1 anomaly, ``(n,)``."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @property
    def n_features_in_(self) -> int:
        """How many numbers an image has, flat."""
        check_is_fitted(self)
        return PIXELS

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.positive_only = True  # and no more than 1, for which scikit-learn has no tag
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803
        text = super().__repr__(N_CHAR_MAX)
        if not self.__sklearn_is_fitted__():
            return text
        return f"<{text}: {self.card_.name}, {name_normals(self.card_.normal)}>"

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "state_")
