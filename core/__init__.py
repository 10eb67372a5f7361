"""Odd Digit Out: a GAN learns what normal handwritten digits look like and tells how odd another one is."""
