"""Capsules that share transforms, and the windows that give them children along a sequence."""

import numpy as np
import pytest
from keras import ops

import capszoo
from capszoo.layers import CapsuleWindows1D
from capszoo.layers import SharedCapsules
from capszoo.ops import LazyVotes
from tests.layer_checks import gradients
from tests.layer_checks import outputs_of
from tests.layer_checks import run_layer_test
from tests.layer_checks import to_numpy
from tests.layer_checks import value_and_gradients


@pytest.mark.parametrize("spatial", [(), (3,), (2, 3)])
def test_against_dense_capsules_of_one_transform(spatial, rng):
    """The same votes as of dense capsules whose children have equal transforms, at each place."""
    poses = rng.normal(size=(2, *spatial, 5, 4)).astype("float32")
    shared = SharedCapsules(3, 6)
    found, coupling = outputs_of(shared, poses, return_coupling=True)
    dense = capszoo.layers.DenseCapsules(3, 6)
    dense.build((None, 5, 4))
    dense.kernel.assign(np.repeat(to_numpy(shared.kernel)[None], 5, axis=0))
    expected, couplings = outputs_of(dense, poses.reshape(-1, 5, 4), return_coupling=True)
    np.testing.assert_allclose(found, expected.reshape(2, *spatial, 3, 6), atol=1e-5)
    np.testing.assert_allclose(coupling, couplings.reshape(2, *spatial, 3, 5), atol=1e-5)


@pytest.mark.parametrize("routing", capszoo.routing.names())
def test_every_routing(routing, rng):
    poses = rng.normal(size=(2, 3, 4, 4)).astype("float32")
    layer = SharedCapsules(3, 4, routing=routing, transform="matrix")
    first = outputs_of(layer, poses)
    order = [2, 0, 3, 1]
    again = outputs_of(layer, poses[:, :, order])
    first, again = (one[0] if isinstance(one, tuple) else one for one in (first, again))
    assert first.shape == (2, 3, 3, 4)
    learns_who_is_who = routing in ("self_routing", "star", "self_attention", "attention")
    if not learns_who_is_who:
        np.testing.assert_allclose(first, again, atol=1e-4)


@pytest.mark.parametrize(
    "routing",
    [
        {"iterations": 3, "squash": "text", "use_bias": False},
        {"iterations": 1},
        {"iterations": 2, "leaky": True, "stop_gradient": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [False, True])
def test_votes_that_are_never_made(routing, masked, rng):
    """The kernel of shared transforms gives what the equations give, and their gradients."""
    poses = rng.normal(size=(3, 2, 5, 4)).astype("float32")
    mask = rng.uniform(size=(3, 2, 5)) < 0.6 if masked else None
    layer = SharedCapsules(3, 6, routing={"name": "dynamic", **routing})
    layer.build(poses.shape)

    def routed(x, kernel):
        x = x if mask is None else x * ops.convert_to_tensor(mask[..., None].astype("float32"))
        make, geometry = layer.compute_votes, layer.compute_geometry(x.shape)
        votes = LazyVotes(x, kernel, geometry, make=make)
        found = layer.routing.route(votes, mask=mask, return_coupling=True)
        return ops.concatenate([ops.reshape(one, (-1,)) for one in found])

    arrays = poses, to_numpy(layer.kernel)
    found, slopes = value_and_gradients(routed, *arrays)
    with capszoo.kernels.disabled():
        expected, right = value_and_gradients(routed, *arrays)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    for one, other in zip(slopes, right, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_layers():
    arguments = {"num_capsules": 3, "pose_dim": 6}
    run_layer_test(SharedCapsules, arguments, (2, 5, 4), (2, 3, 6), weights=2)


def test_windows_by_hand(rng):
    poses = rng.normal(size=(2, 5, 3, 4)).astype("float32")
    mask = np.arange(5) < np.array([[5], [2]])
    for size, before in ((1, 0), (2, 0), (3, 1), (4, 1)):
        children, there = to_numpy(CapsuleWindows1D(size)(poses, mask=mask))
        assert children.shape == (2, 5, 3 * size, 4)
        for sample, place, offset in np.ndindex(2, 5, size):
            other = place + offset - before
            seen = children[sample, place, 3 * offset : 3 * offset + 3]
            inside = 0 <= other < 5
            np.testing.assert_array_equal(seen, poses[sample, other] if inside else 0 * seen)
            expected = inside and mask[sample, other] and mask[sample, place]
            assert (there[sample, place, 3 * offset : 3 * offset + 3] == expected).all()
    layer = CapsuleWindows1D.from_config(CapsuleWindows1D(3).get_config())
    assert layer.kernel_size == 3
    assert layer.compute_output_shape((None, 5, 3, 4)) == ((None, 5, 9, 4), (None, 5, 9))
    with pytest.raises(ValueError, match="kernel_size"):
        CapsuleWindows1D(0)


def test_gradients_at_zero():
    layer = SharedCapsules(3, 4)
    layer.build((2, 5, 4))
    found = gradients(layer, np.zeros((2, 5, 4)))
    assert np.isfinite(found[0]).all()
