"""What a recipe names: its optimizer, its loss, its augmentation and its corruptions."""

from capszoo.zoo import named_classes
from capszoo.zoo.objects import make_object


def make_optimizer(spec, steps=None):
    """Makes the Keras optimizer, with its schedule, that a preset names.

    Args:
        spec: `{ClassName: {argument: value}}`.
        steps: How many steps the whole training has: over so many a cosine decay falls that does
            not name its own. Defaults to `None`, not known.

    Returns:
        The optimizer.

    Example:

    >>> decay = {"CosineDecay": {"initial_learning_rate": 0.01}}
    >>> spec = {"Adam": {"learning_rate": decay}}
    >>> adam = capszoo.training.recipe_objects.make_optimizer(spec, steps=90)
    >>> adam.get_config()["learning_rate"]["config"]["decay_steps"]
    90
    """
    for arguments in spec.values() if steps is not None else ():
        rate = arguments.get("learning_rate") if isinstance(arguments, dict) else None
        cosine = rate.get("CosineDecay") if isinstance(rate, dict) else None
        if isinstance(cosine, dict) and "decay_steps" not in cosine:
            rate = {"CosineDecay": {"decay_steps": steps, **cosine}}
            spec = {name: {**arguments, "learning_rate": rate} for name in spec}
    return make_object("optimizer", spec, named_classes.optimizers())


def make_loss(spec):
    """Makes the loss that a preset names; `None` stays: the family's own."""
    return None if spec is None else make_object("loss", spec, named_classes.loss_classes())


def make_augmentation(section):
    """Makes the Keras layers that training images go through."""
    classes = named_classes.augmentations()
    return [make_object("augmentation layer", spec, classes) for spec in section.augmentation]


def make_corruptions(section):
    """Makes what damages examples that are to be restored; of other tasks there is none."""
    classes = named_classes.corruptions()
    return [make_object("corruption", spec, classes) for spec in getattr(section, "corruption", ())]
