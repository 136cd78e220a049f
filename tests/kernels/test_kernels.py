"""Every kernel against its routing's equations. A new kernel joins by being behind a door."""

import keras
import numpy as np
import pytest
from keras import ops

from capszoo import kernels
from tests.kernels.cases import CASES
from tests.kernels.cases import PARENTS
from tests.kernels.cases import ask_only
from tests.kernels.cases import check_as_equations
from tests.kernels.cases import each_implementation
from tests.kernels.cases import gradients_of
from tests.kernels.cases import implementations
from tests.kernels.cases import tensors
from tests.layer_checks import compiled_on_jax
from tests.layer_checks import evaluate
from tests.layer_checks import to_numpy

ON_JAX = keras.backend.backend() == "jax"


def cases():
    for parameters in implementations():
        algorithm, implementation = parameters.values
        for case in CASES[algorithm]:
            name = f"{parameters.id}-{case}"
            yield pytest.param(algorithm, implementation, case, id=name)


def first_case(algorithm, implementation, monkeypatch, rng):
    """The first case, and its values, that an implementation supports here."""
    ask_only(monkeypatch, algorithm, implementation)
    for case in CASES[algorithm]:
        values = case.values(rng)
        if case.batch > 1 and case.has_kernel(tensors(values)):
            return case, values
    # This one says so itself: XLA fuses as well.
    elsewhere = implementation.__name__.endswith("whole_deepcaps")
    assert elsewhere or not ON_JAX, "no case for this kernel"
    pytest.skip("this kernel is for another backend")


@pytest.mark.parametrize(("algorithm", "implementation", "case"), list(cases()))
def test_as_equations(algorithm, implementation, case, rng, monkeypatch):
    """Values and gradients; the last tile of a case may be odd."""
    ask_only(monkeypatch, algorithm, implementation)
    values = case.values(rng)
    if not case.has_kernel(tensors(values)):
        pytest.skip("not what this kernel supports here")
    check_as_equations(case, values)


@each_implementation
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(algorithm, implementation, dtype, rng, monkeypatch):
    case, values = first_case(algorithm, implementation, monkeypatch, rng)
    exact = evaluate(case.joined, values)
    halved = tensors(values)
    for name in ("poses", "kernel", "activations", "offset"):
        if name in halved:
            halved[name] = ops.cast(halved[name], dtype)

    def outputs_and_joined(values):
        return case.outputs(values), ops.cast(case.joined(values), "float32")

    outputs, found = compiled_on_jax(outputs_and_joined)(halved)
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs} == {dtype}
    difference = to_numpy(found) - exact
    # A bfloat16 is rounded by up to 0.4 %, and where a processor lacks them sums are too.
    share = 2e-2 if dtype == "bfloat16" else 1e-2
    assert np.linalg.norm(difference) < share * np.linalg.norm(exact)


@each_implementation
@pytest.mark.parametrize("zero", ["some", "all"])
def test_children_that_are_not_there(algorithm, implementation, zero, rng, monkeypatch):
    """Finite gradients where children have no pose and no activation, and votes are alike."""
    case, values = first_case(algorithm, implementation, monkeypatch, rng)
    for name in {"poses", "activations"} & set(values):
        values[name][:, : None if zero == "all" else 3] = 0.0
    for name in {"bias", "offset"} & set(values):
        values[name] *= zero == "some"
    for gradient in gradients_of(case.joined, values).values():
        assert np.isfinite(gradient).all()


@each_implementation
def test_batches_of_any_size(algorithm, implementation, rng, monkeypatch):
    """Compiled for a size that is not known, or for several, with a last batch that is smaller."""
    case, _ = first_case(algorithm, implementation, monkeypatch, rng)
    inputs = keras.Input(case.sizes)
    outputs = case.make_layer()(inputs)
    if isinstance(outputs, list | tuple):
        # All of them: otherwise some weights of a routing would be without a gradient.
        outputs = keras.layers.Concatenate()([outputs[0], outputs[1][..., None]])
    model = keras.Model(inputs, outputs)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    data = rng.normal(size=(13, *case.sizes)).astype("float32")
    targets = rng.normal(size=(13, *model.output_shape[1:])).astype("float32") / 4
    history = model.fit(data, targets, batch_size=8, epochs=2, verbose=0, shuffle=False)
    assert history.history["loss"][1] < history.history["loss"][0]
    found = model.predict(data, batch_size=8, verbose=0)
    with kernels.disabled():
        expected = evaluate(model, data)
    assert found.shape == (13, *expected.shape[1:])
    assert PARENTS in found.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
