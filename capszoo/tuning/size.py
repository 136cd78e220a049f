"""How large a model would be, before any weight of it gets memory."""

import keras

from capszoo.models import get_family


class _Counted(Exception):
    """Carries a number of parameters out of a constructor."""


def count_parameters(family, arguments):
    """Counts the parameters of a model without giving its weights memory.

    Args:
        family: Name of the family.
        arguments: Arguments of its class.

    Returns:
        The number, that of `count_params()`.

    Raises:
        ValueError: If the model cannot be built.

    Example:

    >>> capszoo.tuning.size.count_parameters("capsnet", {"decoder": None})
    6804384
    """

    def stop(model, ends):
        raise _Counted(model.count_params())

    # The base class stores the ends of the graph once it is complete. In a stateless scope the
    # weights of the layers have a shape and no values until then.
    graph = type("Graph", (get_family(family),), {"_ends": property(fset=stop)})
    policy = keras.config.dtype_policy()
    try:
        with keras.StatelessScope(initialize_variables=False):
            graph(**arguments)
    except _Counted as counted:
        return counted.args[0]
    finally:
        # Keras remembers the weights, to give them values later.
        keras.utils.clear_session(free_memory=False)
        keras.config.set_dtype_policy(policy)
