"""The votes that the golden vectors of the routings were computed from."""

import numpy as np

# (batch, parents, children, pose_dim): votes of three children for two parents.
VOTES = np.array(
    [[[[1, 0], [0.8, 0.2], [0.9, -0.1]], [[0, 1], [0.1, -0.5], [-0.6, 0.4]]]], "float32"
)
