"""The examples that the models of a search are trained and measured on."""

from capszoo.models import get_family


def load_examples(family, base, data, data_dir=None):
    """Loads training and validation examples of a search, prepared, and says what models see.

    Args:
        family: Name of the family.
        base: The `capszoo.zoo.Preset` whose settings every model has, or `None`.
        data: Name or path of the data.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Returns:
        The shape of an example, two pairs of examples and labels, and what was added to the data
        of a family: the size to which pictures that differ in size are brought.

    Example:

    >>> load = capszoo.tuning.examples.load_examples
    >>> shape, (images, labels), validation, added = load("capsnet", None, "digits")
    >>> shape, len(images), added
    ((8, 8, 1), 1149, {})
    """
    content = {} if base is None or base.data is None else base.data.model_dump()
    if content.get("name") != str(data):
        content.pop("value_range", None)
    content["name"] = str(data)
    input_end, added = get_family(family).input_end, {}
    if base is None:
        _, added = input_end.fit(content)
        content |= added
    size = content.get("crop") or content.get("resize")
    shape = None if base is None or size else base.model.get(input_end.shape_argument)
    training, validation = (
        input_end.load(content, split, data_dir, shape, prepared=True)
        for split in ("train", "validation")
    )
    if input_end.loads_arrays:
        shape = (*(size or training[0].shape[1:-1]), training[0].shape[-1])
        return shape, training, validation, added
    # Every model of the search sees what one of them would have learnt to make of the examples.
    shape = tuple(shape or input_end.fit(content)[0])
    given = {} if base is None else base.model
    known = {name: given[name] for name in input_end.learnt if given.get(name) is not None}
    end = input_end(shape, **{**input_end.learn(training[0], shape), **known})
    training, validation = ((end.to_arrays(x), y) for x, y in (training, validation))
    return shape, training, validation, added
