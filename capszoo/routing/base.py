"""What every routing algorithm is: a layer that combines votes into parent capsules."""

import inspect

import keras

from capszoo.kinds import MOST_ITERATIONS
from capszoo.validation import check_positive_int


class Routing(keras.layers.Layer):
    """Combines the votes of child capsules into the poses of their parents.

    A capsule layer makes votes, its routing combines them; every routing works in every layer.
    A subclass implements `call`, and `build` where it has weights; it declares what
    it needs of the layer by class attributes.

    Attributes:
        votes_per_child: How many votes a child gives each parent. Defaults to `1`.
        explicit_activations: Whether parents and children carry an activation beside their
            pose. If not, a capsule's activation is the length of its pose. Defaults to `False`.
        needs_lengths: Whether the routing is to be given the children's lengths as
            activations. Defaults to `False`.
        needs_poses: Whether the routing's `call` takes `poses`, those of the children before they
            are transformed. Defaults to `False`.
        tunable_arguments: Which of its arguments a search space may name beside `routing`.
            Defaults to none.
        largest_pose: The largest number of a pose that the routing computes with; capsule layers
            take larger ones for it. Defaults to `1e15`.
        competes_across_positions: Whether the routing's `call` takes `windows`, a
            `capszoo.ops.Windows`, where several positions see the same child.
            Defaults to `False`.

    Call arguments:
        votes: Tensor of shape `(batch, *spatial, parents, children, pose_dim)`.
        activations: Tensor of shape `(batch, *spatial, children)` where the routing has
            explicit activations, else `None`. Defaults to `None`.
        mask: Boolean tensor of shape `(batch, *spatial, children)`, true where there is a child:
            the others give nothing and count for nothing. Defaults to `None`, all are there.
        return_coupling: Whether the couplings are returned too. Defaults to `False`.
        poses: Tensor of shape `(batch, *spatial, children, child_dim)`, only where the routing
            needs poses. Defaults to `None`.
        training: Whether the layer is in training, where `call` takes it: of a routing that keeps
            statistics. Defaults to `None`.

    Input shape:
        `(batch, *spatial, parents, children, pose_dim)`.

    Output shape:
        Poses `(batch, *spatial, parents, pose_dim)`; where the routing has explicit
        activations, the pair of poses and activations `(batch, *spatial, parents)`. With
        `return_coupling=True` a tuple of these and the coupling
        `(batch, *spatial, parents, children)`.
    """

    votes_per_child = 1
    explicit_activations = False
    needs_lengths = False
    needs_poses = False
    largest_pose = 1e15
    competes_across_positions = False
    tunable_arguments: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # Who overrides `call` alone is to be called, not the kernels of what was before.
        if "call" in vars(cls):
            for name in ("select_kernel", "route"):
                if name not in vars(cls):
                    setattr(cls, name, getattr(Routing, name))

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, votes, activations=None, mask=None, return_coupling=False):
        raise NotImplementedError(f"{type(self).__name__} must implement `call`.")

    def select_kernel(self, votes, activations=None, **arguments):
        """Asks for a faster way to do what `call` does, of `capszoo.kernels`.

        By itself a routing has none. One that has some asks its door here.

        Args:
            votes: `capszoo.ops.LazyVotes`.
            activations: As in `call`. Defaults to `None`.
            **arguments: Other arguments of `call`.

        Returns:
            A function without arguments that gives what `call` does; `None` where there is none.
        """
        return None

    def route(self, votes, activations=None, training=None, **arguments):
        """Combines votes that are not made yet: what capsule layers call.

        Args:
            votes: `capszoo.ops.LazyVotes`.
            activations: As in `call`. Defaults to `None`.
            training: Whether the layer is in training; for a routing whose `call` takes it.
                Defaults to `None`.
            **arguments: Other arguments of `call`.

        Returns:
            As `call`.

        Raises:
            ValueError: If there is a mask and `call` takes none.
        """
        taken = inspect.signature(self.call).parameters
        if "training" in taken:
            arguments["training"] = training
        if arguments.get("mask") is None:
            arguments.pop("mask", None)
        elif "mask" not in taken:
            raise ValueError(
                f"{type(self).__name__} cannot leave out missing children: its `call` takes no "
                "`mask`."
            )
        kernel = self.select_kernel(votes, activations, **arguments)
        if kernel is not None:
            return kernel()
        tensors = {"activations": activations, "poses": arguments.pop("poses", None)}
        tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}

        def combine(votes, *values):
            return self(votes, **dict(zip(tensors, values, strict=True)), **arguments)

        return votes.given_to(combine, *tensors.values())

    def refuse_activations(self, activations):
        """Raises `ValueError` if activations are given to a routing that has no use for them."""
        if activations is not None:
            raise ValueError(
                f"{type(self).__name__} has no explicit activations: a capsule's activation is "
                "the length of its pose. Received: activations of shape "
                f"{tuple(activations.shape)}"
            )

    def compute_output_shape(self, votes_shape, activations_shape=None):
        *outer, parents, _, pose_dim = votes_shape
        poses = (*outer, parents, pose_dim)
        return (poses, (*outer, parents)) if self.explicit_activations else poses

    def compute_mask(self, inputs, previous_mask=None):
        return None  # parents are all there

    def compute_output_spec(
        self,
        votes,
        activations=None,
        mask=None,
        return_coupling=False,
        poses=None,
        training=None,
    ):
        def spec(shape):
            return keras.KerasTensor(shape, dtype=self.compute_dtype)

        shapes = self.compute_output_shape(votes.shape)
        outputs = tuple(map(spec, shapes)) if self.explicit_activations else (spec(shapes),)
        if return_coupling:
            *outer, children, _ = votes.shape
            outputs += (spec((*outer, children // self.votes_per_child)),)
        return outputs if len(outputs) > 1 else outputs[0]


class IterativeRouting(Routing):
    """A routing that repeats its step a fixed number of times.

    Args:
        iterations: How many times the parents are computed. `1` means once, with uniform
            couplings; at most 100. Defaults to `3`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `iterations` is not such a positive integer.
    """

    tunable_arguments: tuple[str, ...] = ("iterations",)

    def __init__(self, iterations=3, **kwargs):
        iterations = check_positive_int("iterations", iterations, MOST_ITERATIONS)
        super().__init__(**kwargs)
        self.iterations = iterations

    def get_config(self):
        return {**super().get_config(), "iterations": self.iterations}
