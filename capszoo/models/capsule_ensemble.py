"""CapsuleEnsemble: several classifiers of pictures, whose scores are averaged."""

from collections.abc import Sequence
from typing import Annotated
from typing import ClassVar

import keras
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import ImageShape
from capszoo.losses import SoftmaxCrossentropy
from capszoo.models import arguments
from capszoo.models.capsule_model import preset_functions
from capszoo.models.inputs import ImageInput
from capszoo.models.inputs import UnscaledImageInput
from capszoo.models.kinds import check_preset_name
from capszoo.models.registry import get_family
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import invalid_value_error

# What of a member's config is the ensemble's to say.
_OWN = ("name", "dtype", "trainable")


def check_members(argument, value):
    """Raises `ValueError` unless `value` is two or more members, each of a form that is known."""
    if isinstance(value, (str, dict)) or not isinstance(value, Sequence) or len(value) < 2:
        raise invalid_value_error(argument, "a sequence of at least two members", value)
    for member in value:
        described = isinstance(member, dict) and isinstance(member.get("family"), str)
        if isinstance(member, str):
            check_preset_name(argument, member)
        elif not (described or isinstance(member, CapsuleClassifier)):
            allowed = "names of presets, models that classify, or their configs with a `family`"
            raise invalid_value_error(argument, allowed, member)
        if described:
            given = {key: one for key, one in _arguments(member).items() if key != "layer_changes"}
            for problem in arguments.problems(get_family(member["family"]), given).values():
                raise ValueError(f"{argument}: {problem}")


Members = Annotated[Sequence[str | dict | CapsuleClassifier], check_members]


@register_family("ensemble")
@keras.saving.register_keras_serializable(package="capszoo")
class CapsuleEnsemble(CapsuleClassifier):
    """Several networks that classify the same pictures, as one model.

        pictures - each member, with its own preparation - mean of their scores

    Members may be of any families and sizes. Each resizes, crops and normalizes the pictures as it
    does by itself, and leaves its decoder out. Scores that are logits become probabilities first.
    Saved, the ensemble holds their arguments and all their weights; a preset that names other
    presets takes theirs.

    In training each member learns by a loss of its own scores, on the same batches: `loss` is the
    mean of these. Members that learnt by the mean of their scores would lean on each other, and
    stop where the mean is right. `val_loss` and that of `evaluate` are of the mean of the scores.

    Args:
        members: At least two: names of presets, which come with their weights, models that
            classify pictures, whose weights are copied, or configs, dictionaries of a `family` and
            its arguments, which are built anew. Defaults to a new `CapsNet` and a new
            `EfficientCapsNet`.
        image_shape: `(height, width, channels)` of the pictures. Defaults to `(28, 28, 1)`.
        num_classes: How many classes there are, for every member. Defaults to `10`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.UnscaledImageInput`.

    Input shape:
        `(batch, height, width, channels)`, pixel values from 0 to 255.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, the mean of the members', from 0 to 1, and the
        members' own `(batch, members, num_classes)`; `predict` gives the scores.

    Raises:
        ValueError: If there are fewer than two members, or one does not classify such pictures.

    Example:

    >>> ensemble = capszoo.models.CapsuleEnsemble(
    ...     ["capsnet_digits", "efficient_capsnet_digits"], image_shape=(8, 8, 1)
    ... )
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> bool((ensemble.predict(images, verbose=0).argmax(-1) == labels).mean() > 0.98)
    True
    """

    input_end = UnscaledImageInput
    members_argument: ClassVar[str | None] = "members"
    # Of pixel values from 0 to 255, which each member rescales by itself.
    rescaling: ClassVar[float] = 1 / 255

    def __init__(
        self,
        members: Members = ({"family": "capsnet"}, {"family": "efficient_capsnet"}),
        image_shape: ImageShape = (28, 28, 1),
        num_classes: Count = 10,
        **kwargs,
    ):
        super().__init__(image_shape=image_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        members = []
        for number, given in enumerate(self.members, 1):
            # Members have layers of the same names. On PyTorch Keras keeps parameters by their
            # paths: of those that share one, all but the last would never have their gradient set
            # back to zero.
            with keras.name_scope(f"member_{number}"):
                members.append(self._made(given, dtype))
        for number, member in enumerate(members):
            self._check(f"members[{number}] ({member.name!r})", member)
        # Whatever they were given as: a saved ensemble needs neither presets nor models.
        arguments.keep(self, {"members": [_described(member) for member in members]})
        scores = [
            keras.Model(member.inputs, _probabilities(member), name=f"member_{number}")(features)
            for number, member in enumerate(members, 1)
        ]
        mean = keras.layers.Average(dtype="float32", name="scores")(scores)
        return mean, None, None, ops.stack(scores, axis=1)

    def further_outputs(self, input_end, outputs, ends, dtype):
        return {"member_scores": ends[0]}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if training:
            # Members take the place of examples: the mean over both is the mean of their losses.
            scores = ops.reshape(y_pred["member_scores"], (-1, self.num_classes))
            y_pred = {**y_pred, "scores": scores}
            y = ops.repeat(y, len(self.members), axis=0)
            if sample_weight is not None:
                sample_weight = ops.repeat(sample_weight, len(self.members), axis=0)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def _made(self, member, dtype):
        """Makes a member, with weights of its own."""
        if isinstance(member, str):
            return preset_functions["load"](member, num_classes=self.num_classes, dtype=dtype)
        described = member if isinstance(member, dict) else _described(member)
        config = _arguments(described)
        if member is described:
            config = {"image_shape": self.image_shape, **config, "num_classes": self.num_classes}
        made = get_family(described["family"]).from_config({**config, "dtype": dtype})
        if member is not described:
            _copy_weights(member, made)
        return made

    def _check(self, name, member):
        """Raises `ValueError` unless a member classifies such pictures."""
        if not isinstance(member, CapsuleClassifier) or not issubclass(
            member.input_end, ImageInput
        ):
            raise ValueError(
                f"Expected {name} to classify pictures. Received: the family {member.family!r}, "
                f"for the task {member.task!r} of {member.input_end.unit}"
            )
        height, width, channels = self.image_shape
        expected = (None, height, width, channels), self.num_classes
        given = member.input_shape, member.num_classes
        if member.resize is not None:
            expected = (None, None, None, channels), self.num_classes
        if given != expected:
            raise ValueError(
                f"Expected {name} to take pictures of the shape {self.image_shape} and to have "
                f"{self.num_classes} classes. Received: {given[0][1:]} and {given[1]}"
            )


def _probabilities(member):
    """The symbolic scores of a member, from 0 to 1."""
    scores = member.output["scores"]
    if isinstance(member.default_loss(), SoftmaxCrossentropy):  # they are logits
        activation = "softmax" if member.num_classes > 1 else "sigmoid"
        return keras.layers.Activation(activation, dtype="float32", name="probabilities")(scores)
    return scores


def _arguments(described):
    return {key: value for key, value in described.items() if key != "family"}


def _described(member):
    """Describes a member as a preset does: its family and its arguments, without a decoder."""
    config = {key: value for key, value in member.get_config().items() if key not in _OWN}
    return {"family": member.family, **config, "decoder": None}


def _copy_weights(source, target):
    """Copies the weights of all but the decoder, by the names of the layers that have them."""
    for layer in target.layers:
        layer.set_weights(source.get_layer(layer.name).get_weights())
