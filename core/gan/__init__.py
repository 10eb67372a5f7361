"""The GAN: generator, encoder and discriminator, their losses, and the loop that trains them on normal digits only."""

from core.gan import conv, dense  # each offers its architectures

__all__ = ["conv", "dense"]
