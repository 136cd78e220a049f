"""What makes presence sparse, against golden vectors that the authors' code gave."""

import numpy as np
import pytest

from capszoo.losses import NoLoss
from capszoo.losses import presence_entropies
from capszoo.losses import presence_sparsity
from tests.layer_checks import evaluate
from tests.layer_checks import value_and_gradients

PRESENCE = np.array([[0.9, 0.1, 0.4, 0.2], [0.3, 0.8, 0.05, 0.6]], "float32")


def test_golden():
    found = evaluate(lambda a: presence_sparsity(a, 2), PRESENCE)
    # The second is given there with the sign in which it is taken from the loss.
    np.testing.assert_allclose(found, [0.11125, 0.098125], atol=1e-6)
    found = evaluate(presence_entropies, PRESENCE)
    np.testing.assert_allclose(found, [1.116093, 1.332507], atol=2e-6)


@pytest.mark.parametrize("function", [lambda a: presence_sparsity(a, 2), presence_entropies])
def test_nothing_present_has_finite_gradients(function):
    value, (gradient,) = value_and_gradients(
        lambda a: sum(function(a)), np.zeros((3, 4), "float32")
    )
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def test_no_loss():
    loss = NoLoss.from_config(NoLoss().get_config())
    assert float(loss(PRESENCE, PRESENCE + 1)) == 0
