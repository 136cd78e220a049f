"""Dynamic routing in NumPy loops."""

import numpy as np


def squash(x):
    n2 = (x**2).sum()
    return n2 / (1 + n2) * x / np.sqrt(n2)


def dynamic_routing(votes, iterations, bias, leaky):
    """One sample's poses and coupling, in loops; votes `(parents, children, pose)`."""
    parents, children, _ = votes.shape
    logits = np.zeros((parents, children))
    for _ in range(iterations):
        coupling = np.zeros((parents, children))
        for i in range(children):
            exponentials = np.exp(logits[:, i])
            coupling[:, i] = exponentials / (exponentials.sum() + (1 if leaky else 0))
        poses = np.array(
            [
                squash(sum(coupling[j, i] * votes[j, i] for i in range(children)) + bias[j])
                for j in range(parents)
            ]
        )
        for i in range(children):
            for j in range(parents):
                logits[j, i] += votes[j, i] @ poses[j]
    return poses, coupling
