"""Two-sample test: whether images lie about a detector's training digits on all sides, or all to one side of them."""

from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from core.gan.determinism import one_thread
from core.scoring.evidences import Images, describe
from core.scoring.memory_bank import MemoryBank, bank_features
from core.scoring.scorer import Scorer

TYPICAL = 512  # training digits that tell where the middle of all lies
_TYPICAL: WeakKeyDictionary[Scorer, Tensor] = WeakKeyDictionary()  # a tenth of a second a digit, and asked again


def aside(scorer: Scorer, images: Images) -> float:
    """How far images ``(n, 28, 28)`` lie to one side of a scorer's training digits: `rayleigh`, 0 .. n."""
    if scorer not in _TYPICAL:
        _TYPICAL[scorer] = typical(scorer)
    return rayleigh(directions(scorer.bank, describe(images), _TYPICAL[scorer]))


def rayleigh(directions: Tensor) -> float:
    """How far directions ``(n, c)`` of length 1 lie to one side: Rayleigh's n R^2, where R is the length of their mean.

    Mardia & Jupp, Directional Statistics, ch. 9. It is 1 on average where they lie on all sides, n where they are one.
    """
    return float(len(directions) * directions.mean(dim=0).square().sum())


def directions(bank: MemoryBank, features: Tensor, typical: Tensor) -> Tensor:
    """Which way described images ``(n, FEATURES)`` lie from typical ones, ``(n, c + FEATURES)``, of length 1.

    About half of it in the bank's components, standardised by the typical ones, and half in what no component holds.
    """
    others = bank.placed(typical)
    inside = (bank.placed(features) - others.mean(dim=0)) / others.std(dim=0).clamp_min(1e-9)
    centred = features * bank.weights - bank.mean
    outside = F.normalize(centred - centred @ bank.basis @ bank.basis.T, dim=1)
    return F.normalize(torch.cat((inside / inside.shape[1] ** 0.5, outside), dim=1), dim=1)


def typical(scorer: Scorer, kept: NDArray[np.bool_] | None = None) -> Tensor:
    """Drawings of the training digits, or of those ``(m,)`` that are kept, evenly, described ``(n, FEATURES)``.

    A bank's own points were chosen far apart, and tell neither the middle nor the spread.
    """
    latents = scorer.latents if kept is None else scorer.latents[torch.from_numpy(kept)]
    with one_thread():
        return bank_features(scorer.decode(latents[:: -(-len(latents) // TYPICAL)]))
