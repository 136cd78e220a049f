"""The input end for pictures that go on as they came, to models that prepare them."""

from typing import Any
from typing import ClassVar

from capszoo.kinds import ImageShape
from capszoo.kinds import Size2D
from capszoo.kinds import checked
from capszoo.models.inputs.image_input import ImageInput
from capszoo.models.kinds import Policy


class UnscaledImageInput(ImageInput):
    """Pictures as the input of a model that is made of models.

        pictures - [resize, crop] - features

    Args:
        image_shape: `(height, width, channels)` of the pictures that the models see.
        resize: `(height, width)` to which pictures of any size are brought; the part of
            `image_shape` is then cut out of them. Defaults to `None`: pictures come in
            `image_shape`, and others are refused.
        dtype: Dtype or policy of the model. Defaults to `None`, Keras' global policy.

    Attributes:
        inputs: The symbolic pictures, as they come.
        prepared: The symbolic pictures in `image_shape`.
        features: The same, on the scale on which they came.
        target: The symbolic pictures, rescaled to between 0 and 1.

    Raises:
        ValueError: If a shape is not as said above.

    Example:

    >>> pictures = capszoo.models.inputs.UnscaledImageInput((28, 28, 1), resize=(28, 28))
    >>> pictures.inputs.shape, pictures.features.shape
    ((None, None, None, 1), (None, 28, 28, 1))
    """

    unprepared: ClassVar[dict[str, Any]] = {"resize": None}

    @checked
    def __init__(
        self,
        image_shape: ImageShape,
        resize: Size2D | None = None,
        dtype: Policy | None = None,
    ):
        super().__init__(image_shape, resize=resize, dtype=dtype)
        self.features = self.prepared
