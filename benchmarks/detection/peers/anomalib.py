"""anomalib's Ganomaly (Akcay et al., ACCV 2018): its networks, losses and settings, without Lightning around them."""

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.detection.peers.contract import Floats, Images, Method, quantile_threshold
from core.datasets.public import torchvision_datasets

if TYPE_CHECKING:
    from torch import Tensor


class Ganomaly:
    """Encoder, decoder and a second encoder; the distance between the two latents is the score.

    32x32 and six epochs; everything else as ``anomalib.models.Ganomaly`` has it, its pre-processing of grey images as
    three channels with ImageNet's mean and spread among it.
    """

    EPOCHS = 6
    BATCH = 32
    SIDE = 32
    MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def fit(self, images: Images, seed: int) -> None:
        """Train adversarially, in the order of anomalib's own training step."""
        import torch

        torchvision_datasets()  # makes torchvision importable beside a torch without CUDA, which anomalib needs
        from anomalib.models.image.ganomaly.loss import DiscriminatorLoss, GeneratorLoss
        from anomalib.models.image.ganomaly.torch_model import GanomalyModel

        torch.manual_seed(seed)
        self.model = GanomalyModel((self.SIDE, self.SIDE), num_input_channels=3, n_features=64, latent_vec_size=100)
        generator, discriminator = self.model.generator, self.model.discriminator
        makers, judge = (
            torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999)) for n in (generator, discriminator)
        )
        making, judging = GeneratorLoss(wadv=1, wcon=50, wenc=1), DiscriminatorLoss()
        given = self._prepared(images)
        self.model.train()
        for _ in range(self.EPOCHS):
            for batch in torch.randperm(len(given)).split(self.BATCH):
                if len(batch) < 2:
                    continue
                padded, fake, first, second = self.model(given[batch])
                real, _ = discriminator(padded)
                fooled, _ = discriminator(fake)
                loss = making(first, second, padded, fake, real, fooled)
                makers.zero_grad()
                loss.backward(retain_graph=True)
                makers.step()
                caught, _ = discriminator(fake.detach())
                loss = judging(real, caught)
                judge.zero_grad()
                loss.backward()
                judge.step()
        self.model.eval()
        self.threshold = quantile_threshold(self.score(images))  # anomalib's own needs labelled anomalies

    def score(self, images: Images) -> Floats:
        """Mean squared distance between the latents of the image and of its reconstruction."""
        import torch

        with torch.no_grad():
            parts = [self.model(part).pred_score for part in self._prepared(images).split(256)]
        return torch.cat(parts).numpy().astype(np.float64)

    def _prepared(self, images: Images) -> "Tensor":
        import torch
        from torch.nn import functional as F

        grey = torch.from_numpy(np.ascontiguousarray(images)).unsqueeze(1)  # (n, 1, 28, 28)
        large = F.interpolate(grey, (self.SIDE, self.SIDE), mode="bilinear", antialias=True)
        mean, spread = (torch.tensor(values)[:, None, None] for values in (self.MEAN, self.SPREAD))
        return (large.expand(-1, 3, -1, -1) - mean) / spread  # (n, 3, 32, 32)


METHODS = [Method("anomalib Ganomaly", "anomalib", Ganomaly)]
