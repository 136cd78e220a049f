"""From where a picture of smallNORB shows its toy: which views are familiar, which are novel."""

import numpy as np

from capszoo.data.splits import Examples

# In tens of degrees: 300, 320, 340, 0, 20, 40.
AZIMUTHS = (30, 32, 34, 0, 2, 4)
# The lowest three of nine: 30, 35, 40 degrees.
ELEVATIONS = (0, 1, 2)
# The first stands for no choice.
VIEWPOINTS = (
    "all",
    "familiar_azimuths",
    "novel_azimuths",
    "familiar_elevations",
    "novel_elevations",
)


def of_viewpoints(examples: Examples, viewpoints: str) -> Examples:
    """Takes the pictures from some viewpoints, as in the paper of EM routing.

    A network is trained on familiar views and tested on novel ones: azimuths of 300, 320, 340, 0,
    20 and 40 degrees against the twelve others, or elevations of 30, 35 and 40 degrees against the
    six others.

    Args:
        examples: Pictures with their `viewpoints`.
        viewpoints: One of `VIEWPOINTS`.

    Returns:
        The chosen `Examples`, in their order.

    Raises:
        ValueError: If the viewpoints of the pictures are not known.

    Reference:

    - [Hinton, Sabour, Frosst, 2018](https://openreview.net/forum?id=HJWLfGWRb)
    """
    if viewpoints == "all":
        return examples
    images, labels, instances, views = examples
    if views is None:
        raise ValueError("Expected pictures of which the viewpoints are known. Received: none")
    known, axis = viewpoints.split("_")
    if axis == "azimuths":
        familiar = np.isin(views[:, 1], AZIMUTHS)
    else:
        familiar = np.isin(views[:, 0], ELEVATIONS)
    chosen = familiar if known == "familiar" else ~familiar
    instances = None if instances is None else instances[chosen]
    return Examples(images[chosen], labels[chosen], instances, views[chosen])
