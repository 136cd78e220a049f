"""What input ends of pictures and of volumes with masks have in common."""


def search_masks(values: dict, data: dict) -> dict:
    """Makes the data of a preset of what a search chose, and takes it out of the values.

    Args:
        values: Maps the names of hyper-parameters to their values: `rotation`, the largest angle
            in degrees, and `scale`, the largest share of growth, are augmentation.
        data: The `data:` there is, a dictionary.

    Returns:
        The data in the same form.
    """
    tuned = {name: values.pop(name) for name in ("rotation", "scale") if name in values}
    if not tuned:
        return data
    layers = list(data.get("augmentation", []))
    affine = next((one["RandomAffine"] or {} for one in layers if "RandomAffine" in one), {})
    others = [one for one in layers if "RandomAffine" not in one]
    moved = {**affine, **tuned}
    kept = {name: value for name, value in moved.items() if name not in tuned or value}
    return {**data, "augmentation": [*([{"RandomAffine": kept}] if kept else []), *others]}
