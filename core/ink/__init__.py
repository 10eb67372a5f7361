"""Ink images: any picture, drawn, scanned or photographed, brought to MNIST's 28 x 28 geometry.

``read`` is the door: picture in, one ink image for each shape in it out; ``read_many`` takes a folder or a list.
"""

from core.ink.geometry import are_ink_images, is_ink_image
from core.ink.many import Many, read_many
from core.ink.read import INK_VERSION, Ink, read

__all__ = ["INK_VERSION", "Ink", "Many", "are_ink_images", "is_ink_image", "read", "read_many"]
