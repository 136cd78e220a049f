"""The kinds of arguments that models alone have: routings, decoders, normalizations, policies."""

import functools
import re
from collections.abc import Sequence
from typing import Annotated
from typing import Any

import keras

from capszoo import kinds
from capszoo import routing as routings
from capszoo.data.tokens import LONGEST_WORD
from capszoo.data.tokens import MOST_WORDS
from capszoo.data.tokens import is_word
from capszoo.validation import check_number
from capszoo.validation import check_positive_int
from capszoo.validation import invalid_value_error
from capszoo.validation import shown


def check_routing(argument: str, value: Any) -> None:
    """Raises `ValueError` unless a routing can be made of `value`, as `capszoo.routing.get` does.

    Args:
        argument: Name of the argument.
        value: What was received.
    """
    try:
        # With a name: Keras would count one of its own up, in the paths of a model's variables.
        routings.get(value, name="checked")
    except Exception as error:
        # Whatever its arguments trip over: there is no telling what a config holds.
        message = str(error) if isinstance(error, (TypeError, ValueError)) else repr(error)
        raise ValueError(
            f"Argument `{argument}` is no routing: {message}"
            f"{'' if 'Received' in message else f' Received: {argument}={shown(value)}'}"
        ) from None


def check_decoder(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is what a decoder is made of.

    Args:
        argument: Name of the argument.
        value: What was received.
    """
    if isinstance(value, (tuple, list)):
        kinds.check_each(argument, value, check_positive_int)
    elif isinstance(value, dict):
        if not (isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict)):
            raise invalid_value_error(argument, "a config with class_name and config", value)
    elif not isinstance(value, keras.layers.Layer):
        allowed = "a sequence of hidden units, a Keras layer, its config or None"
        raise invalid_value_error(argument, allowed, value)


def check_normalization(argument: str, value: Any, name: str) -> None:
    """Raises `ValueError` unless `value` is a name, or a dictionary of the channels' moments.

    Args:
        argument: Name of the argument.
        value: What was received.
        name: What the normalization of each example by itself is called.
    """
    if isinstance(value, str) and value == name:
        return
    if not isinstance(value, dict) or set(value) != {"mean", "variance"}:
        allowed = f"None, {name!r} or a dict of 'mean' and 'variance'"
        raise invalid_value_error(argument, allowed, value)
    for key, least in (("mean", None), ("variance", 0)):
        numbers = value[key]
        for number in numbers if isinstance(numbers, (tuple, list)) else [numbers]:
            check_number(f"{argument}[{key!r}]", number, least)


def check_vocabulary(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a sequence of words, or a text of them, each once.

    Args:
        argument: Name of the argument.
        value: What was received.
    """
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, (tuple, list)) or not words or len(words) > MOST_WORDS:
        allowed = f"at least one word and at most {MOST_WORDS}, or None"
        raise invalid_value_error(argument, allowed, value)
    for word in words:
        if not isinstance(word, str) or not is_word(word):
            allowed = f"words in small letters, of at most {LONGEST_WORD}, without white space"
            raise invalid_value_error(argument, allowed, word)
    if len(set(words)) < len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise invalid_value_error(argument, "each word once", twice)


def check_preset_name(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` may name a preset of the zoo.

    No paths or addresses: a preset from elsewhere must not have others fetched.

    Args:
        argument: Name of the argument.
        value: What was received.
    """
    if not isinstance(value, str) or not re.fullmatch("[a-z0-9][a-z0-9_]*", value):
        raise invalid_value_error(argument, "the name of a preset", value)


def check_policy(argument: str, value: Any) -> None:
    """Raises `ValueError` unless `value` is a dtype or policy that Keras knows.

    Args:
        argument: Name of the argument.
        value: What was received.
    """
    try:
        compute_dtype = keras.dtype_policies.get(value).compute_dtype
    except Exception:
        compute_dtype = ""
    if "float" not in compute_dtype:
        allowed = "a dtype of floating point numbers, or a policy of Keras for such"
        raise invalid_value_error(argument, allowed, value)


RoutingLike = Annotated[str | dict | routings.Routing, check_routing]
Decoder = Annotated[Sequence[int] | dict | keras.layers.Layer, check_decoder]
ImageNormalization = Annotated[str | dict, functools.partial(check_normalization, name="per_image")]
SignalNormalization = Annotated[
    str | dict, functools.partial(check_normalization, name="per_signal")
]
ClipNormalization = Annotated[str | dict, functools.partial(check_normalization, name="per_clip")]
VolumeNormalization = Annotated[
    str | dict, functools.partial(check_normalization, name="per_volume")
]
Vocabulary = Annotated[str | Sequence[str], check_vocabulary]
PresetName = Annotated[str, check_preset_name]
Policy = Annotated[str | dict | keras.dtype_policies.DTypePolicy, check_policy]
