"""A counter of training steps: state of a model, but none of its weights."""

import keras


class StepCounter(keras.layers.Layer):
    """Counts training steps.

    The counter is saved with the model, yet files load and `set_weights` works whether the
    other side has it or not, and it is no parameter of the model.

    Attributes:
        step: The variable, an integer.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Where several devices share a batch they count the same steps.
        self.step = keras.Variable(
            0, dtype="int32", trainable=False, aggregation="only_first_replica", name="step"
        )
        self.built = True

    @property
    def weights(self):
        return []

    def save_own_variables(self, store):
        store["step"] = keras.ops.convert_to_numpy(self.step)

    def load_own_variables(self, store):
        if "step" in store.keys():  # noqa: SIM118 - an HDF5 store is no dict
            self.step.assign(store["step"])
