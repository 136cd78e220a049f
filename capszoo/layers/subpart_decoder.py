"""A decoder of subparts that share a picture out: each pixel is of who is seen there."""

import keras
from keras import ops

from capszoo.layers.subpart_capsules import positions_of
from capszoo.ops import mean_picture
from capszoo.ops import safe_log
from capszoo.ops import widen
from capszoo.validation import check_image_shape
from capszoo.validation import check_number
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class SubpartDecoder(keras.layers.Layer):
    """Draws subparts where they are, and gives each pixel to those that are visible there.

    A subpart has a learnt shape, a template of logits, and a learnt appearance, a template of
    logits of values; features of the subpart change both, as sums of learnt templates:

        shape[n] = S[n] + sum_f z[n, f] D[n, f]
        appearance[n] = A[n] + sum_f z[n, f] E[n, f]

    Both are placed on the picture, interpolated bilinearly, and beyond the edges of the template
    its edge goes on. A pixel at `u` within the frame of the subpart, which reaches from -1 to 1, is
    its by

        visible[n] = softmax over subparts of shape[n](u) - steepness |u|^2 + log presence[n]

    so that every pixel belongs to somebody. An appearance of one row and column is one colour.

    Args:
        image_shape: `(height, width, channels)` of the pictures.
        shape_size: `(rows, columns)` of the templates of shapes, or one number. Defaults to `9`.
        appearance_size: That of appearances. Defaults to `1`.
        steepness: How fast a subpart loses its say away from its middle. Defaults to `2.0`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        places: Affine maps from templates to pictures that neither turn nor shear,
            `(batch, subparts, 2, 3)`.
        presence: How present each subpart is, `(batch, subparts)`.
        features: Its features, `(batch, subparts, feature_dim)`.

    Output shape:
        The picture that is to be seen `(batch, height, width, channels)`; what was drawn,
        `(batch, subparts, height, width, channels)`, between 0 and 1; and the logarithms of
        `visible`, `(batch, subparts, height, width, 1)`. All are float32.

    Raises:
        ValueError: If a size is not a positive integer or `steepness` negative.

    Example:

    >>> decoder = capszoo.layers.SubpartDecoder((16, 16, 1), shape_size=5)
    >>> places = np.tile(np.eye(2, 3, dtype="float32"), (2, 4, 1, 1))
    >>> seen, drawn, logits = decoder(places, np.ones((2, 4)), np.ones((2, 4, 3), "float32"))
    >>> tuple(seen.shape), tuple(drawn.shape), tuple(logits.shape)
    ((2, 16, 16, 1), (2, 4, 16, 16, 1), (2, 4, 16, 16, 1))

    Reference:

    - [Yu et al., 2022](https://arxiv.org/abs/2203.10699), after its abstract
    """

    def __init__(self, image_shape, shape_size=9, appearance_size=1, steepness=2.0, **kwargs):
        image_shape = check_image_shape(image_shape)
        shape_size = check_size("shape_size", shape_size, rank=2)
        appearance_size = check_size("appearance_size", appearance_size, rank=2)
        check_number("steepness", steepness, 0)
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.shape_size = shape_size
        self.appearance_size = appearance_size
        self.steepness = steepness

    def build(self, places_shape, presence_shape=None, features_shape=None):
        parts, features, channels = places_shape[1], features_shape[-1], self.image_shape[-1]
        small = keras.initializers.TruncatedNormal(stddev=0.1)

        def template(size, name, initializer, *more):
            return self.add_weight(shape=(parts, *more, *size), initializer=initializer, name=name)

        shape, appearance = (*self.shape_size, 1), (*self.appearance_size, channels)
        self.shapes = template(shape, "shapes", "zeros")
        self.shape_changes = template(shape, "shape_changes", small, features)
        self.appearances = template(appearance, "appearances", "zeros")
        self.appearance_changes = template(
            appearance, "appearance_changes", keras.initializers.TruncatedNormal(), features
        )

    def call(self, places, presence, features):
        places, features = widen(places), widen(features)
        shapes = _changed(self.shapes, self.shape_changes, features)
        appearances = _changed(self.appearances, self.appearance_changes, features)
        height, width = self.image_shape[:2]
        rows = self._within(places[..., 1, 1], places[..., 1, 2], height, axis=1)
        columns = self._within(places[..., 0, 0], places[..., 0, 2], width, axis=0)
        away = ops.square(rows)[..., :, None] + ops.square(columns)[..., None, :]
        logits = _placed(shapes, rows, columns) - self.steepness * away[..., None]
        logits = logits + safe_log(presence)[:, :, None, None, None]
        drawn = ops.sigmoid(_placed(appearances, rows, columns))
        logits = ops.log_softmax(logits, axis=1)
        return mean_picture(drawn, logits), drawn, logits

    def _within(self, scale, middle, count, axis):
        """Where the rows or columns of the picture lie within the frames of subparts."""
        size = (count, 1) if axis else (1, count)
        middles = ops.convert_to_tensor(positions_of(*size)[:, axis])
        return (middles - middle[..., None]) / scale[..., None]

    def compute_output_spec(self, places, presence, features):
        shapes = self.compute_output_shape(places.shape)
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)

    def compute_output_shape(self, places_shape, presence_shape=None, features_shape=None):
        shape = (*places_shape[:2], *self.image_shape[:2])
        picture = (places_shape[0], *self.image_shape)
        return picture, (*shape, self.image_shape[-1]), (*shape, 1)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "shape_size": self.shape_size,
            "appearance_size": self.appearance_size,
            "steepness": self.steepness,
        }


def _changed(templates, changes, features):
    """The templates of each picture, changed by the features of its subparts."""
    templates, changes = (widen(ops.convert_to_tensor(one)) for one in (templates, changes))
    parts, dim = changes.shape[:2]
    moved = ops.einsum("bnf,nft->bnt", features, ops.reshape(changes, (parts, dim, -1)))
    return ops.reshape(moved, (-1, *templates.shape)) + templates


def _placed(templates, rows, columns):
    """Draws templates `(batch, parts, rows, columns, channels)` at the rows and columns asked for.

    Interpolation is one product with the weights of rows and one with those of columns, as the
    places do not turn.
    """
    down = _weights(rows, templates.shape[2])
    across = _weights(columns, templates.shape[3])
    channels = [
        ops.matmul(ops.matmul(down, templates[..., channel]), ops.swapaxes(across, -1, -2))
        for channel in range(templates.shape[-1])
    ]
    return ops.stack(channels, axis=-1)


def _weights(where, count):
    """Weights `(..., pixels, count)` of the numbers of a template, linear between two of them."""
    number = ops.clip((where + 1) * count / 2 - 0.5, 0, count - 1)
    distances = ops.abs(number[..., None] - ops.arange(count, dtype="float32"))
    return ops.relu(1 - distances)
