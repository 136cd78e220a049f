import numpy as np
import pytest

from capszoo.metrics import frechet_distance


def test_against_the_root_of_the_product(rng):
    scipy_linalg = pytest.importorskip("scipy.linalg")
    first, second = rng.normal(size=(50, 4)), 2 + rng.normal(size=(60, 4)) @ rng.normal(size=(4, 4))
    covariances = [np.cov(one, rowvar=False) for one in (first, second)]
    root = scipy_linalg.sqrtm(covariances[0] @ covariances[1])
    expected = np.sum((first.mean(0) - second.mean(0)) ** 2)
    expected += np.trace(covariances[0] + covariances[1] - 2 * np.real(root))
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_fewer_rows_than_features(rng):
    features = rng.normal(size=(5, 20))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features, features + 1) == pytest.approx(20, rel=1e-6)
    assert frechet_distance(np.zeros((3, 2)), np.zeros((3, 2))) == 0


@pytest.mark.parametrize("shapes", [((1, 2), (3, 2)), ((3, 1), (3, 2)), ((3,), (3,))])
def test_bad_arrays(shapes):
    with pytest.raises(ValueError, match="rows of features"):
        frechet_distance(*map(np.zeros, shapes))
