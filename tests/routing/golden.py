"""The votes that the golden vectors of the routings were computed from."""

import numpy as np

# (batch, parents, children, pose_dim): votes of three children for two parents.
VOTES = np.array(
    [[[[1, 0], [0.8, 0.2], [0.9, -0.1]], [[0, 1], [0.1, -0.5], [-0.6, 0.4]]]], "float32"
)


def sequence(shape, factor=7, modulus=11, offset=5, scale=10):
    """The numbers that golden vectors were computed from: the same on every machine."""
    numbers = (factor * np.arange(np.prod(shape)) % modulus - offset) / scale
    return numbers.reshape(shape).astype("float32")
