"""The GAN: generator, encoder and discriminator, their losses, and the loop that trains them on normal digits only."""
