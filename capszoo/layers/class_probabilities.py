"""How probable each class is at a position, by the lengths of class capsules."""

import keras
from keras import ops

# Lengths lie between 0 and 1: a softmax of them as they are could never be sure. With this scale
# a class that is longer by 0.8, the distance of the margins of the margin loss, than two others
# has the probability 0.9993.
_SCALE = 10.0


@keras.saving.register_keras_serializable(package="capszoo")
class ClassProbabilities(keras.layers.Layer):
    """Makes probabilities that sum to one of the lengths of class capsules.

    One capsule stands for the foreground: with `l` its length, the probabilities of background
    and foreground are `[1 - l, l]`. Of several, one for each class, they are

        softmax(10 * lengths)

    where the scale lets them become sure: lengths lie between 0 and 1, and without it the surest
    probability of three classes would be 0.58.

    Args:
        **kwargs: Arguments of `keras.layers.Layer`.

    Input shape:
        `(batch, *spatial, capsules)`, lengths; longer ones than 1 count as 1.

    Output shape:
        `(batch, *spatial, classes)`, with two classes where there is one capsule.

    Example:

    >>> lengths = np.array([[0.9, 0.1, 0.1]], "float32")
    >>> probabilities = capszoo.layers.ClassProbabilities()(lengths)[0]
    >>> [round(float(one), 4) for one in probabilities]
    [0.9993, 0.0003, 0.0003]
    >>> [round(float(one), 4) for one in capszoo.layers.ClassProbabilities()(lengths[:, :1])[0]]
    [0.1, 0.9]
    """

    def call(self, inputs):
        lengths = ops.clip(inputs, 0.0, 1.0)
        if inputs.shape[-1] == 1:
            return ops.concatenate([1.0 - lengths, lengths], axis=-1)
        return ops.softmax(_SCALE * lengths, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], max(input_shape[-1], 2))
