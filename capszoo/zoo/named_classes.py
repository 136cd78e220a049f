"""The classes that a preset may name: a list of what presets need, and nothing beside it.

A preset comes from anywhere. Keras' classes are called with what it says, and some of them read
files, load graphs or hold code: what is not on these lists is refused when the preset is read.
"""

import difflib
import inspect
from typing import Any

import keras

from capszoo import losses
from capszoo.data.augmentation import RandomAffine
from capszoo.data.augmentation import RandomIntensity
from capszoo.data.corruption import RandomBlur
from capszoo.data.corruption import RandomCutout
from capszoo.data.corruption import RandomPatchSwaps

# fmt: off
_AUGMENTATIONS = (
    "AugMix", "AutoContrast", "CenterCrop", "CutMix", "Equalization", "GaussianNoise", "MixUp",
    "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomCrop", "RandomElasticTransform", "RandomErasing", "RandomFlip",
    "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPerspective",
    "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness",
    "RandomShear", "RandomTranslation", "RandomZoom", "Rescaling", "Resizing", "Solarization",
)
# What decoders are made of.
_LAYERS = (
    "InputLayer", "Identity", "Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D",
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
    "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Activation", "ELU", "LeakyReLU",
    "PReLU", "ReLU", "Softmax", "BatchNormalization", "GroupNormalization",
    "LayerNormalization", "RMSNormalization", "UnitNormalization", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "Cropping1D",
    "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "Flatten", "Permute", "RepeatVector",
    "Reshape", "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply",
    "Subtract", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "Rescaling", "Resizing",
)
# fmt: on
_MODELS = ("Sequential", "Functional")
# What Keras writes into the config of a functional model, and is data alone.
_DATA = ("__keras_tensor__", "__numpy__", "__tensor__")
_BASES: tuple[type, ...] = (
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
    keras.dtype_policies.DTypePolicy,
)


def augmentations() -> dict[str, type]:
    """What training images may go through: layers of Keras, ours, and what is registered."""
    kerass = {name: getattr(keras.layers, name, None) for name in _AUGMENTATIONS}
    ours = {"RandomAffine": RandomAffine, "RandomIntensity": RandomIntensity}
    # A Keras of another version may lack some.
    return {**_registered(keras.layers.Layer), **{n: c for n, c in kerass.items() if c}, **ours}


def corruptions() -> dict[str, type]:
    """By what examples may be damaged that are to be restored."""
    ours = (RandomBlur, RandomCutout, RandomIntensity, RandomPatchSwaps)
    return {cls.__name__: cls for cls in ours}


def optimizers() -> dict[str, type]:
    """The optimizers and schedules of Keras, and those registered."""
    return {
        **_registered(keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule),
        **_subclasses(keras.optimizers, keras.optimizers.Optimizer),
        **schedules(),
    }


def schedules() -> dict[str, type]:
    """The learning rate schedules of Keras."""
    base = keras.optimizers.schedules.LearningRateSchedule
    return _subclasses(keras.optimizers.schedules, base)


def loss_classes() -> dict[str, type]:
    """The losses of Keras and ours, which win, with what they are made of; and those registered."""
    ours = {name: cls for name, cls in vars(losses).items() if inspect.isclass(cls)}
    base = keras.losses.Loss
    return {**_registered(base), **_subclasses(keras.losses, base), **ours}


def check_configs(key: str, value: Any) -> None:
    """Refuses what Keras would make of the configs in a part of a preset, unless it is listed.

    Args:
        key: Where the part stands, for the error: `"model"`.
        value: Plain data; every mapping with a `class_name` in it is a config.

    Raises:
        ValueError: If a config is of a class that presets may not name, or is none.

    Example:

    >>> dense = keras.saving.serialize_keras_object(keras.layers.Dense(2))
    >>> capszoo.zoo.named_classes.check_configs("model", {"decoder": dense})
    """
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            check_configs(f"{key}.{index}", item)
    elif isinstance(value, dict):
        if "class_name" in value:
            _check_config(key, value)
        for name, item in value.items():
            check_configs(f"{key}.{name}", item)


def _check_config(key, config):
    name, module = config["class_name"], config.get("module")
    registered_name = config.get("registered_name")
    custom = keras.saving.get_custom_objects()
    if name == "function":
        # Of Keras' own those that go by their name alone, such as "relu": none takes a path.
        function = str(config.get("config"))
        known = function in custom or (module == "builtins" and function in _activations())
    elif isinstance(registered_name, str) and registered_name in custom:
        known = True  # Keras looks there first.
    else:
        of_keras = module is None or str(module).split(".")[0] == "keras"
        known = of_keras and str(name) in {*_DATA, *_configurable(), *custom}
    if not known:
        near = difflib.get_close_matches(str(name), _configurable(), n=1)
        raise ValueError(
            f"{key}: a preset may not name the class {name!r}."
            f"{f' Did you mean {near[0]!r}?' if near else ''} Expected one of Keras' layers that "
            "decoders are made of, of its initializers, regularizers, constraints or dtype "
            "policies, or a class of this process registered by "
            "keras.saving.register_keras_serializable."
        )
    if "config" not in config:
        raise ValueError(
            f"{key}: expected the config of a class, with the keys class_name and config. "
            f"Received: {config!r}"
        )


def _configurable():
    """The classes of Keras whose configs a preset may hold."""
    classes = {name: getattr(keras.layers, name) for name in _LAYERS}
    classes |= {name: getattr(keras, name, keras.Model) for name in _MODELS}
    for namespace in (
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.dtype_policies,
        keras.quantizers,
    ):
        classes |= {
            name: cls
            for name, cls in vars(namespace).items()
            if inspect.isclass(cls) and (issubclass(cls, _BASES) or "Quantiz" in cls.__name__)
        }
    return classes


def _activations():
    """The names of Keras' activations."""
    others = ("deserialize", "get", "serialize")
    functions = {name for name, one in vars(keras.activations).items() if inspect.isfunction(one)}
    return functions.difference(others)


def _subclasses(namespace, base):
    """The public classes of a namespace that are made from a base, which is none by itself."""
    return {
        name: cls
        for name, cls in vars(namespace).items()
        if inspect.isclass(cls) and issubclass(cls, base) and cls is not base
    }


def _registered(*bases):
    """What a user registered in this process, by the name of its class."""
    classes = (cls for cls in keras.saving.get_custom_objects().values() if inspect.isclass(cls))
    return {cls.__name__: cls for cls in classes if issubclass(cls, bases)}
