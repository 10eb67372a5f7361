"""Fully connected networks: no convolutions, half the time."""

from torch import Tensor, nn
from torch.nn import functional as F

from core.gan.features import pooled
from core.gan.networks import ORIENTATIONS, Architecture, Discriminator, Networks, register


class DenseEncoder(nn.Sequential):
    """Fully connected: images (n, 1, 28, 28) -> latents (n, latent_size)."""

    def __init__(self, latent_size: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 256), nn.LeakyReLU(0.1), nn.Linear(256, latent_size))


class DenseGenerator(nn.Sequential):
    """Fully connected: latents (n, latent_size) -> images (n, 1, 28, 28) in 0..1."""

    def __init__(self, latent_size: int) -> None:
        grey = nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))
        super().__init__(nn.Linear(latent_size, 256), nn.ReLU(), nn.Linear(256, 784), *grey)


class DenseDiscriminator(Discriminator):
    """Fully connected over pooled edge directions."""

    def __init__(self, views: int) -> None:
        super().__init__(views)
        self.first = nn.Linear(views * ORIENTATIONS * 7 * 7, 128)
        self.dropout = nn.Dropout(0.3)
        self.logit = nn.Linear(128, 1)

    def judge(self, seen: Tensor) -> Tensor:
        """What ``directions_seen`` makes of images, (n, views * 8, 14, 14) -> logits (n,)."""
        x = pooled(seen, cells=7).flatten(1)  # (n, 1176)
        x = F.leaky_relu_(self.first(x), 0.1)  # (n, 128)
        return self.logit(self.dropout(x)).squeeze(1)


register(
    Architecture(
        name="dense",
        words="no convolutions, half the time",
        build=lambda size, views: Networks(DenseEncoder(size), DenseGenerator(size), DenseDiscriminator(views)),
        cost=7.0,
    )
)
