"""One call that checks what every layer must do, on public Keras API."""

import json

import keras
import numpy as np

ON_JAX = keras.backend.backend() == "jax"


def to_numpy(structure):
    """The structure's tensors and variables as NumPy arrays."""

    def convert(x):
        return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(x))

    return keras.tree.map_structure(convert, structure)


def compiled_on_jax(function):
    """The function of tensors or arrays, compiled as a whole on JAX, as models compile it.

    Called as it is, JAX compiles its operations one by one, which takes many times as long. The
    other backends compute it as it is.
    """
    if not ON_JAX:
        return lambda *values: function(
            *keras.tree.map_structure(keras.ops.convert_to_tensor, values)
        )
    import jax

    # Another function each time: what was compiled while kernels were on is not that of now.
    return jax.jit(lambda *values: function(*values))


def evaluate(function, *values):
    """The function's outputs at these arrays, as NumPy arrays; compiled on JAX."""
    return to_numpy(compiled_on_jax(function)(*values))


def outputs_of(layer, *inputs, **arguments):
    """The layer's outputs as NumPy arrays, as `evaluate` gives them; it is built first."""
    if not layer.built:
        layer.build(keras.tree.map_structure(np.shape, inputs[0]))
    return evaluate(lambda *inputs: layer(*inputs, **arguments), *inputs)


def value_and_gradients(function, *values):
    """The function's output, and the gradients of its sum with another weight for each number.

    Args:
        function: Function of as many tensors as there are values, of one output.
        *values: Arrays at which output and gradients are taken.

    Returns:
        A NumPy array, and a list of one for each value.
    """

    def weighted(output, shape):
        weights = np.random.default_rng(1).normal(size=shape).astype("float32")
        return output * keras.ops.convert_to_tensor(weights)

    if ON_JAX:
        import jax

        def total(*tensors):
            output = function(*tensors)
            return keras.ops.sum(weighted(output, output.shape)), output

        step = jax.jit(jax.grad(total, argnums=tuple(range(len(values))), has_aux=True))
        found, output = step(*map(keras.ops.convert_to_tensor, values))
        return to_numpy(output), to_numpy(list(found))
    output = evaluate(function, *values)
    return output, gradients(lambda *tensors: weighted(function(*tensors), output.shape), *values)


@keras.saving.register_keras_serializable(package="capszoo_tests")
class _Probe(keras.layers.Layer):
    def __init__(self, total, values, **kwargs):
        super().__init__(**kwargs)
        self.total = total
        self.values = values

    def build(self, input_shape):
        self.arguments = [
            self.add_weight(shape=value.shape, initializer=lambda *_, value=value, **__: value)
            for value in map(keras.ops.convert_to_tensor, self.values)
        ]

    def call(self, inputs):
        return self.total(*self.arguments) + 0.0 * inputs


def gradients(function, *values):
    """The gradients of the sum of a function's outputs, on any backend.

    On PyTorch one step of gradient descent with learning rate 1 changes a variable by minus its
    gradient. On TensorFlow with oneDNN such a step now and then changes a variable before all
    gradients have read it.

    Args:
        function: Function of as many tensors as there are values.
        *values: Arrays at which the gradient is taken.

    Returns:
        List of NumPy arrays, one for each value.
    """
    values = [np.asarray(value, "float32") for value in values]

    def total(*tensors):
        outputs = keras.tree.flatten(function(*tensors))
        return sum(keras.ops.sum(keras.ops.cast(output, "float32")) for output in outputs)

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Variables, not tensors: what is computed anew for a gradient sees no other outer one.
        variables = [keras.Variable(value) for value in values]

        @tf.function
        def step():
            with tf.GradientTape() as tape:
                result = total(*variables)
            zero = tf.UnconnectedGradients.ZERO
            return tape.gradient(result, [v.value for v in variables], unconnected_gradients=zero)

        return to_numpy(list(step()))
    if ON_JAX:
        import jax

        # In a third of the time that a step of training takes to compile.
        step = jax.jit(jax.grad(total, argnums=tuple(range(len(values)))))
        return to_numpy(list(step(*values)))
    probe = _Probe(total, values)
    model = keras.Sequential([keras.Input((1,)), probe])
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss=lambda y_true, y_pred: keras.ops.sum(y_pred, axis=-1),
    )
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    return [old - to_numpy(new) for old, new in zip(values, probe.arguments, strict=True)]


def compiled(layer, inputs):
    """The layer's output as a NumPy array, computed as in a compiled model."""
    return keras.Sequential([keras.Input(inputs.shape[1:]), layer]).predict_on_batch(inputs)


def run_layer_test(cls, arguments, input_shape, output_shape, weights, atol=1e-6):
    """Checks config, shapes, weight counts, symbolic and eager calls, training, precision.

    Args:
        cls: The layer's class.
        arguments: Its constructor's arguments.
        input_shape: Shape of one input, batch first.
        output_shape: Shape of the output it must have.
        weights: How many trainable weights it must have.
        atol: How far outputs of the same numbers may differ. Defaults to `1e-6`.

    Returns:
        The built layer and its output for random input, for further checks.
    """
    inputs = np.random.default_rng(0).normal(size=input_shape).astype("float32")

    # Config: through JSON and back, the same config.
    layer = cls(**arguments)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == layer.get_config()
    assert keras.saving.get_registered_name(cls) == f"capszoo>{cls.__name__}"
    assert isinstance(keras.layers.deserialize(config), cls)

    # Shapes, with the batch unknown and known; the computed one is the real one.
    assert tuple(layer.compute_output_shape(input_shape)) == tuple(output_shape)
    symbolic = layer(keras.KerasTensor((None, *input_shape[1:])))
    assert symbolic.shape == (None, *output_shape[1:])
    outputs = layer(inputs)
    assert tuple(outputs.shape) == tuple(output_shape)
    assert len(layer.trainable_weights) == weights
    assert len({weight.path for weight in layer.weights}) == len(layer.weights)

    # A sample does not depend on its batch mates; a batch of one works.
    outputs = to_numpy(outputs)
    assert np.isfinite(outputs).all()
    np.testing.assert_allclose(compiled(layer, inputs[:1]), outputs[:1], atol=10 * atol)

    # Weights carried over to a layer made of the config give the same output.
    again.build(input_shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(to_numpy(again(inputs)), outputs, atol=atol)

    # A compiled step of training changes every weight.
    if weights:
        model = keras.Sequential([keras.Input(input_shape[1:]), cls(**arguments)])
        model.compile(optimizer="sgd", loss="mse")
        before = model.get_weights()
        history = model.fit(inputs, outputs + 1.0, epochs=1, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        for old, new in zip(before, model.get_weights(), strict=True):
            assert not np.array_equal(old, new)

    # Frozen means frozen.
    layer.trainable = False
    assert not layer.trainable_weights

    # Low precision: variables in float32, finite outputs near the float32 ones.
    for policy in ("mixed_float16", "mixed_bfloat16"):
        low = cls(**arguments, dtype=policy)
        low.build(input_shape)
        low.set_weights(layer.get_weights())
        low_outputs = compiled(low, inputs)
        assert low_outputs.dtype.name == policy.removeprefix("mixed_")
        np.testing.assert_allclose(low_outputs.astype("float32"), outputs, rtol=0.1, atol=0.1)
    layer.trainable = True
    return layer, outputs
