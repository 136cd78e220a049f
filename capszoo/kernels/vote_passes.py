"""What a pass over the votes of dense capsules can do, without all of them in memory."""

from typing import Any
from typing import Protocol


class VotePasses(Protocol):
    """The steps of routing that go over all votes; each makes them anew and forgets them."""

    leaky: bool

    def sum_votes(self, children, kernel) -> Any:
        """Sums all votes over the children.

        Args:
            children: Tensor of shape `(batch, children, child_dim)`.
            kernel: Tensor of shape `(children, child_dim, parents, pose_dim)`.

        Returns:
            Tensor of shape `(batch, parents, pose_dim)`, in float32.
        """

    def iterate_vjp(self, children, kernel, sum_gradient, logits, *logits_gradient) -> tuple:
        """Computes the gradients of what an iteration began with.

        Args:
            children: As in `sum_votes`.
            kernel: As in `sum_votes`.
            sum_gradient: Gradient of the sum of votes, `(batch, parents, pose_dim)`.
            logits: The logits that the iteration made, `(batch, children, parents)`.
            *logits_gradient: None, or a gradient of them that is there already.

        Returns:
            The gradient of the poses and that of the logits.
        """

    def votes_vjp(self, children, kernel, couplings, coefficients) -> tuple:
        """Computes the gradients of children and kernel from that of the votes.

        The gradient of a vote is the sum of pairs, coefficient times direction.

        Args:
            children: As in `sum_votes`.
            kernel: As in `sum_votes`.
            couplings: List of pairs whose coefficient is a coupling: its logits, of shape
                `(batch, children, parents)`, and a direction, `(batch, parents, pose_dim)`.
            coefficients: List of further pairs: a tensor of shape `(batch, children, parents)`,
                or with 1 for some of them, and a direction.

        Returns:
            The two gradients, of the shapes of children and kernel.
        """


class DynamicVotePasses(VotePasses, Protocol):
    """The passes of dynamic routing."""

    def iterate(self, children, kernel, poses, *logits) -> tuple:
        """Turns children to the parents that their votes agree with.

        Args:
            children: As in `sum_votes`.
            kernel: As in `sum_votes`.
            poses: Tensor of shape `(batch, parents, pose_dim)`: what votes are compared with.
            *logits: None, or one tensor of shape `(batch, children, parents)`, the logits so
                far.

        Returns:
            The sum of the votes by the new coupling, `(batch, parents, pose_dim)`, and the new
            logits.
        """


class AttentionVotePasses(VotePasses, Protocol):
    """The passes of self-attention routing."""

    def attend(self, children, kernel, poses, coupling_bias) -> tuple:
        """Does what an iteration of dynamic routing does, with a bias added to the coupling.

        Args:
            children: As in `sum_votes`.
            kernel: As in `sum_votes`.
            poses: Tensor of shape `(batch, parents, pose_dim)`: what votes are compared with.
            coupling_bias: Tensor of shape `(1, children, parents)`.

        Returns:
            The sum of the votes by the coupling, and the logits `(batch, children, parents)`.
        """
