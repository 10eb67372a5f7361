"""Ink images: any picture, drawn, scanned or photographed, brought to MNIST's 28 x 28 geometry.

``read`` is the door: picture in, one ink image for each shape in it out.
"""

from core.ink.read import INK_VERSION, Ink, are_ink_images, is_ink_image, read

__all__ = ["INK_VERSION", "Ink", "are_ink_images", "is_ink_image", "read"]
