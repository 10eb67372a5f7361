"""Ink is kept bit for bit, and in a quarter of the room wherever that loses nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.ink import storage

SHAPE = (2, storage.SIDE, storage.SIDE)


@given(arrays(np.float32, SHAPE, elements=st.floats(0, 1, width=32)))
def test_any_ink_comes_back_bit_for_bit(images: np.ndarray) -> None:
    back = np.stack([storage.from_bytes(data) for data in storage.to_bytes(images)])

    np.testing.assert_array_equal(back, images)


def test_ink_in_whole_steps_takes_a_byte_a_pixel_also_beside_ink_that_is_not() -> None:
    whole = np.arange(784, dtype=np.float32).reshape(28, 28) % 256 / np.float32(255)
    between = np.full((28, 28), 0.3, np.float32)

    assert [len(data) for data in storage.to_bytes([whole, between, whole])] == [784, 3136, 784]


def test_values_beyond_ink_are_kept_as_they_are() -> None:
    odd = np.full((28, 28), -0.25, np.float32)
    odd[0, 0] = 1.75

    np.testing.assert_array_equal(storage.from_bytes(storage.to_bytes([odd])[0]), odd)


def test_no_images_are_no_bytes() -> None:
    assert storage.to_bytes([]) == []
