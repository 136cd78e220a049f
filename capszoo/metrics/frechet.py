"""The Fréchet distance of two sets of features."""

import numpy as np


def frechet_distance(features, others) -> float:
    """Measures how far two sets of features are from each other, each taken for a Gaussian.

    With the means `m` and covariances `C` of the two,

        |m1 - m2|**2 + trace(C1 + C2 - 2 (C1 C2)**0.5)

    Of features of a classifier this is how sets of generated pictures are compared with real ones;
    the number says something only beside others of the same classifier and the same number of
    pictures. That of the Inception network alone is called FID.

    Args:
        features: Array `(n, size)`.
        others: Array `(m, size)`.

    Returns:
        A number from 0, where mean and covariance are the same.

    Raises:
        ValueError: If the arrays are no rows of one size, or one has fewer than two rows.

    Example:

    >>> features = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 1.0]])
    >>> round(capszoo.metrics.frechet_distance(features, features + 1), 6)
    2.0

    Reference:

    - [Heusel et al., 2017](https://arxiv.org/abs/1706.08500)
    """
    sets = [np.asarray(one, "float64") for one in (features, others)]
    if any(one.ndim != 2 or len(one) < 2 for one in sets) or sets[0].shape[1] != sets[1].shape[1]:
        raise ValueError(
            "Expected two arrays of at least two rows of features, of one size. Received: arrays "
            f"of the shapes {sets[0].shape} and {sets[1].shape}"
        )
    means = [one.mean(axis=0) for one in sets]
    covariances = [np.atleast_2d(np.cov(one, rowvar=False)) for one in sets]
    # The trace of the root of C1 C2 is that of C1**0.5 C2 C1**0.5, which is symmetric and, unlike
    # the product, has real eigenvalues even where there are fewer rows than features.
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    eigenvalues = np.linalg.eigvalsh(root @ covariances[1] @ root)
    trace = np.trace(covariances[0] + covariances[1]) - 2 * np.sqrt(eigenvalues.clip(min=0)).sum()
    return float(max(np.sum((means[0] - means[1]) ** 2) + trace, 0.0))
