"""The way from one latent to another that keeps their length."""

import numpy as np


def arc(first: np.ndarray, last: np.ndarray, steps: int) -> np.ndarray:
    """Goes from one vector to another, turning by the same angle at each step.

    Args:
        first: Array `(size,)`.
        last: Another.
        steps: How many vectors, with those at both ends.

    Returns:
        Array `(steps, size)`; on a straight line where there is no angle between them.

    Example:

    >>> capszoo.models.arc.arc(np.array([1.0, 0.0]), np.array([0.0, 1.0]), 3).round(3).tolist()
    [[1.0, 0.0], [0.707, 0.707], [0.0, 1.0]]
    """
    share = np.linspace(0, 1, steps)[:, None]
    lengths = np.linalg.norm(first) * np.linalg.norm(last)
    angle = np.arccos(np.clip(first @ last / max(lengths, 1e-12), -1, 1))
    if np.sin(angle) < 1e-6:
        return (1 - share) * first + share * last
    way = np.sin((1 - share) * angle) * first + np.sin(share * angle) * last
    return way / np.sin(angle)
