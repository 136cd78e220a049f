"""A decoder of learnt templates: each part draws its own, where its pose takes it."""

import keras
import numpy as np
from keras import ops

from capszoo.ops import mean_picture
from capszoo.ops import place_templates
from capszoo.ops import safe_log
from capszoo.ops import widen
from capszoo.validation import check_image_shape
from capszoo.validation import check_positive_int
from capszoo.validation import check_size


@keras.saving.register_keras_serializable(package="capszoo")
class TemplateDecoder(keras.layers.Layer):
    """Draws pictures of parts, each a template of its own that is placed, coloured and weighed.

    A part has a template of values between 0 and 1 and of logits, how much the part has a say at
    each of them; both are moved to the picture by its place. The colour, by which values are
    multiplied, is computed from its special features by a layer of hidden units, the same for all
    parts. A part has a say as far as its template reaches and as it is present; behind all of them
    lies a background of one learnt colour and logit.

    Args:
        image_shape: `(height, width, channels)` of the pictures.
        template_size: `(rows, columns)` of the templates, or one number. Defaults to `11`.
        colour_units: Hidden units of the colours. Defaults to `32`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        places: Affine maps from templates to pictures, `(batch, parts, 2, 3)`.
        presence: How present each part is, `(batch, parts)`.
        features: Its special features, `(batch, parts, feature_dim)`.

    Output shape:
        The picture that is to be seen, the mean of what was drawn by who is likely to draw each
        pixel, `(batch, height, width, channels)`; what was drawn,
        `(batch, parts + 1, height, width, channels)`, between 0 and 1; and the logits,
        `(batch, parts + 1, height, width, 1)`. All are float32, and the background stands last.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> decoder = capszoo.layers.TemplateDecoder((28, 28, 1))
    >>> places = capszoo.ops.affine_of_pose(np.zeros((2, 5, 6), "float32"))
    >>> seen, drawn, logits = decoder(places, np.ones((2, 5)), np.ones((2, 5, 3), "float32"))
    >>> tuple(seen.shape), tuple(drawn.shape), tuple(logits.shape)
    ((2, 28, 28, 1), (2, 6, 28, 28, 1), (2, 6, 28, 28, 1))

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    def __init__(self, image_shape, template_size=11, colour_units=32, **kwargs):
        image_shape = check_image_shape(image_shape)
        template_size = check_size("template_size", template_size, rank=2)
        colour_units = check_positive_int("colour_units", colour_units)
        super().__init__(**kwargs)
        self.image_shape = image_shape
        self.template_size = template_size
        self.colour_units = colour_units
        dense = {"dtype": self.dtype_policy}
        self.hidden = keras.layers.Dense(colour_units, activation="relu", name="hidden", **dense)
        self.colour = keras.layers.Dense(
            image_shape[-1], activation="sigmoid", name="colour", **dense
        )

    def build(self, places_shape, presence_shape=None, features_shape=None):
        parts, channels = places_shape[1], self.image_shape[-1]
        rows, columns = self.template_size
        self.templates = self.add_weight(
            shape=(parts, rows, columns, channels), initializer=_unlike, name="templates"
        )
        self.alphas = self.add_weight(
            shape=(parts, rows, columns, 1), initializer="zeros", name="alphas"
        )
        self.background = self.add_weight(
            shape=(channels,),
            initializer=keras.initializers.Constant(-3.0),
            name="background",
        )
        self.background_logit = self.add_weight(
            shape=(), initializer="zeros", name="background_logit"
        )
        self.hidden.build(features_shape)
        self.colour.build((*features_shape[:-1], self.colour_units))

    def values(self):
        """The values of the templates, `(parts, rows, columns, channels)`, between 0 and 1."""
        return ops.sigmoid(widen(ops.convert_to_tensor(self.templates)))

    def call(self, places, presence, features):
        alphas = widen(ops.convert_to_tensor(self.alphas))
        templates = ops.concatenate([self.values(), alphas], axis=-1)
        drawn, reached = place_templates(templates, places, self.image_shape[:2])
        colour = widen(self.colour(self.hidden(features)))[:, :, None, None]
        presence = widen(presence)[:, :, None, None, None]
        logits = drawn[..., -1:] + safe_log(reached) + safe_log(presence)
        shape = (ops.shape(logits)[0], 1, *self.image_shape[:2])
        background = ops.sigmoid(widen(ops.convert_to_tensor(self.background)))
        behind = ops.broadcast_to(background, (*shape, self.image_shape[-1]))
        of_background = widen(ops.convert_to_tensor(self.background_logit))
        of_background = ops.broadcast_to(of_background, (*shape, 1))
        drawn = ops.concatenate([drawn[..., :-1] * colour, behind], axis=1)
        logits = ops.concatenate([logits, of_background], axis=1)
        return mean_picture(drawn, logits), drawn, logits

    def compute_output_spec(self, places, presence, features):
        shapes = self.compute_output_shape(places.shape)
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)

    def compute_output_shape(self, places_shape, presence_shape=None, features_shape=None):
        batch, parts = places_shape[:2]
        shape = (batch, parts + 1, *self.image_shape[:2])
        return (batch, *self.image_shape), (*shape, self.image_shape[-1]), (*shape, 1)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "template_size": self.template_size,
            "colour_units": self.colour_units,
        }


def _unlike(shape, dtype=None):
    """Templates that are orthogonal to each other, as far as there are so many, from 0 to 1."""
    parts, size = shape[0], int(np.prod(shape[1:]))
    drawn = keras.random.normal((max(parts, size), size), dtype="float32")
    rows = ops.transpose(ops.qr(drawn)[0]) if parts <= size else drawn
    rows = rows[:parts]
    least = ops.min(rows, axis=1, keepdims=True)
    rows = (rows - least) / (ops.max(rows, axis=1, keepdims=True) - least)
    return ops.cast(ops.reshape(rows, shape), dtype or "float32")
