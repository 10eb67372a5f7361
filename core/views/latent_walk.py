"""Walking through what a generator has learnt: fresh digits, a map of its latents, and the way from one to another."""

import base64
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from core.detector import Detector
from core.detector.inputs import as_images
from core.detector.readings import ANOMALY
from core.errors import OddDigitError
from core.gan.latents import optimised
from core.ink import storage
from core.operating_point import OperatingPoint
from core.scoring import multi_digit
from core.scoring.scorer import Scorer

Floats = NDArray[np.float32]

FRESH = 64
SIDE = 25  # pictures along each axis of a map: fine enough to blend between neighbours
STEPS = 41  # pictures of a walk
REACH = 2.5  # standard deviations of the training latents that a map spans to either side
_AROUND = 24  # training latents that a place is drawn towards
_STEP = 1 / 4096  # of a latent in a link
_SEED = 0


@dataclass(frozen=True)
class Drawn:
    """Pictures on a line or a plane of the latent space, and what the discriminator makes of each.

    Attributes:
        latents: ``(rows * columns, latent_size)``, row by row.
        images: ``(rows * columns, 28, 28)``.
        probability: ``(rows * columns,)`` in 0 .. 1, the discriminator's probability of a real normal digit.
        columns: pictures in a row.
        held: share of the variation of the training latents that the plane's two directions hold; 0 for a line.
    """

    latents: Floats
    images: Floats
    probability: Floats
    columns: int
    held: float = 0.0

    def sprite(self) -> bytes:
        """All pictures side by side as one grey PNG, white is ink."""
        rows = len(self.images) // self.columns
        sheet = self.images.reshape(rows, self.columns, 28, 28).swapaxes(1, 2).reshape(rows * 28, -1)
        return storage.png(storage.grey(sheet))

    def at(self, x: float, y: float = 0.0) -> Floats:
        """The latent at a place, ``(latent_size,)``.

        Args:
            x: pictures from the left, between two of them too.
            y: pictures from the top.
        """
        rows = len(self.latents) // self.columns
        grid = self.latents.reshape(rows, self.columns, -1)
        numbers = np.arange(grid.shape[2])
        places = np.broadcast_arrays(y, x, numbers)
        between: Floats = map_coordinates(grid, places, order=1, mode="nearest")
        return between


def fresh(scorer: Scorer, seed: int, n: int = FRESH) -> Drawn:
    """Digits drawn from latents of the prior, the same for the same seed."""
    return draw(scorer, scorer.fresh_latents(n, seed).numpy(), columns=8)


def typical(scorer: Scorer, n: int = 8) -> Floats:
    """Latents of digits that differ from one another as the training digits do, ``(n, latent_size)``.

    One training digit's latent for each of n clusters, the one nearest to its middle; the largest cluster first.
    """
    latents = scorer.latents.numpy()
    clusters = KMeans(min(n, len(latents)), n_init=1, random_state=_SEED).fit(latents)
    order = np.argsort(-np.bincount(clusters.labels_), kind="stable")
    rows = [np.square(latents - clusters.cluster_centers_[i]).sum(axis=1).argmin() for i in order]
    chosen: Floats = latents[rows]
    return chosen


def plane(scorer: Scorer, through: Floats, directions: tuple[int, int] = (0, 1)) -> Drawn:
    """The map through a latent along two principal directions of the training latents, bent to where those lie.

    The latent is in its middle: x grows to the right along the first direction, y downwards along the second. A flat
    map would lead out of the digits, into the fog between them, above all at its corners. So corners lie no further out
    than the middles of edges, and away from the middle a place is drawn towards the training latents around it.

    Args:
        scorer: whose generator draws.
        through: ``(latent_size,)``.
        directions: which principal components, from 0.
    """
    training = scorer.latents.numpy()
    pca = PCA(max(directions) + 1, svd_solver="full").fit(training)
    y, x = np.meshgrid(*[np.linspace(-1, 1, SIDE)] * 2, indexing="ij")  # (SIDE, SIDE) each
    # The square's elliptical image of the disc: (1, 1) comes to lie on the circle.
    on_disc = (x * np.sqrt(1 - y**2 / 2), y * np.sqrt(1 - x**2 / 2))
    flat = through + sum(
        REACH * np.sqrt(pca.explained_variance_[i]) * part[..., None] * pca.components_[i]
        for i, part in zip(directions, on_disc, strict=True)
    )  # (SIDE, SIDE, latent_size)
    flat = flat.reshape(SIDE * SIDE, -1)
    inwards = np.maximum(abs(x), abs(y)).reshape(-1, 1)
    latents = (1 - inwards) * flat + inwards * _where_latents_lie(flat, training)
    held = float(pca.explained_variance_ratio_[list(directions)].sum())
    return draw(scorer, latents, SIDE, held)


def _where_latents_lie(places: NDArray[np.floating], latents: Floats) -> NDArray[np.floating]:
    """The mean of the latents around each place ``(n, latent_size)``, the nearer the more (Nadaraya-Watson)."""
    squares = cdist(places, latents, "sqeuclidean")  # (n, m)
    near = np.sort(squares, axis=1)[:, [0, min(_AROUND, squares.shape[1]) - 1]]
    width = np.maximum(near[:, 1:] - near[:, :1], 1e-9)
    weights = np.exp(-3 * (squares - near[:, :1]) / width)
    mean: NDArray[np.floating] = weights @ latents / weights.sum(axis=1, keepdims=True)
    return mean


def walk(scorer: Scorer, start: Floats, end: Floats) -> Drawn:
    """The straight way from one latent to another, both ``(latent_size,)``."""
    share = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    return draw(scorer, start * (1 - share) + end * share, STEPS)


@torch.no_grad()
def draw(scorer: Scorer, latents: NDArray[np.floating], columns: int, held: float = 0.0) -> Drawn:
    """Decode latents ``(n, latent_size)`` and ask the discriminator."""
    given = torch.from_numpy(np.ascontiguousarray(latents, dtype=np.float32))
    images = scorer.decode(given)
    logits = torch.cat([scorer.networks.discriminator(chunk.unsqueeze(1)) for chunk in images.split(256)])
    return Drawn(given.numpy(), images.numpy(), torch.sigmoid(logits).numpy(), columns, held)


def flagged(detector: Detector, digit: str, seed: int, point: OperatingPoint) -> NDArray[np.bool_]:
    """Which of the ``FRESH`` digits that one generator draws the whole detector calls anomalies.

    A generator that has learnt little draws what is no digit, and its own detector says so.
    """
    drawn = fresh(detector.scorers_[digit], seed)
    return detector.inspect(drawn.images).class_id(point) == ANOMALY


def say_prior(scorer: Scorer) -> str:
    """What fresh latents are drawn from, in words."""
    components = len(scorer.prior.weights)
    return f"from a mixture of {components:,} Gaussians over {scorer.settings.latent_size} numbers"


def locate(detector: Detector, image: Floats) -> tuple[str, Floats]:
    """Where in the latent space the reconstruction of an ink image lies.

    Args:
        detector: of one digit or several.
        image: ``(28, 28)``.

    Returns:
        the digit whose generator draws it, and the latent ``(latent_size,)`` that does.
    """
    scored = multi_digit.score(detector.scorers_, detector.state_.standards, as_images(image[None]))
    assert scored.seen is not None
    digit, reconstruction = str(scored.digits[0]), scored.seen.reconstruction
    scorer = detector.scorers_[digit]
    latent = optimised(scorer.networks.generator, scorer.encode(reconstruction), torch.from_numpy(reconstruction))
    return digit, latent[0].numpy()


def to_text(latent: Floats) -> str:
    """A latent for a link: steps of 1/4096 as 16-bit numbers, base64 without padding."""
    steps = np.clip(np.round(latent / _STEP), -32768, 32767).astype("<i2")
    return base64.urlsafe_b64encode(steps.tobytes()).decode().rstrip("=")


def from_text(text: str, size: int) -> Floats:
    """Read a link's latent, ``(size,)``.

    Raises:
        OddDigitError: it is not a latent of that many numbers.
    """
    try:
        steps = np.frombuffer(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True), "<i2")
        if len(steps) != size:
            raise ValueError(f"{len(steps)} numbers")
    except ValueError as error:
        raise OddDigitError(f"The link's place on the map ({error}) is not of this model.") from error
    return (steps * np.float32(_STEP)).astype(np.float32)
