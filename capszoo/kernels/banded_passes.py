"""The equations of dynamic routing on votes whose positions come last, and their gradient.

Votes are `(children, maps, parents, pose_dim, places)`, logits and couplings `(children, maps,
parents, places)`, sums and poses `(maps, parents, pose_dim, places)`: whatever is summed over, a
step goes along the places, which lie next to each other.
"""

import keras
from keras import ops

from capszoo.ops import safe_norm
from capszoo.ops import squash as squash_by_kind
from capszoo.ops import squash_vjp
from capszoo.ops import uniform_coupling


def route_forward(votes, bias, iterations, leaky=False, squash="standard", agreement="dot"):
    """Computes what dynamic routing makes of votes.

    Args:
        votes: Tensor of shape `(children, maps, parents, pose_dim, places)`.
        bias: Tensor of shape `(parents, pose_dim, 1)`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`. Defaults to `False`.
        squash: As in `DynamicRouting`. Defaults to `"standard"`.
        agreement: As in `DynamicRouting`. Defaults to `"dot"`.

    Returns:
        Lists of tensors: for each iteration the sums before the squash, for each but the first the
        couplings, for each but the last what the logits grew by; and the lengths of the votes,
        `(children, maps, parents, places)`, where they are asked for, or `None`.
    """
    lengths = safe_norm(votes, axis=3) if agreement == "cosine" else None
    sums, couplings, growths = [], [], []
    logits = None
    for iteration in range(iterations):
        if logits is None:
            total = ops.sum(votes, axis=0) * uniform_coupling(votes.shape[2], leaky)
        else:
            couplings.append(_couple(logits, leaky))
            total = _sum_children(couplings[-1], votes)
        sums.append(total + bias)
        if iteration < iterations - 1:
            if lengths is None:
                agreed = _agreement(votes, squash_by_kind(sums[-1], axis=2, kind=squash))
            else:
                agreed = _agreement(votes, _direction(sums[-1])) / lengths
            growths.append(agreed)
            logits = agreed if logits is None else logits + agreed
    return sums, couplings, growths, lengths


def route_backward(
    votes, bias, upstream, iterations, leaky, squash, agreement, stop_gradient=False
):
    """Computes the gradients of votes and bias from that of the poses.

    With `b[t]` the logits of iteration `t`, `c[t]` the coupling, `s[t]` the sums, `v[t]` what is
    squashed of them and `d` for a gradient, from the last iteration to the first

        ds[t] = squash'(s[t]) dv[t]
        db[t] = db[t + 1] + c[t] * (votes . ds[t] - sum over parents of c[t] * (votes . ds[t]))
        dv[t - 1] = sum over children of db[t] * votes
        dvotes = sum over t of c[t] ds[t] + db[t] v[t - 1]

    Where logits grow by cosines `a = votes . u / |votes|`, with `u = s / |s|`, instead

        ds[t - 1] = (du - u (u . du)) / |s|,   du = sum over children of db[t] / |votes| * votes
        dvotes = sum over t of c[t] ds[t] + db[t] / |votes| * (u - a votes / |votes|)

    Args:
        votes: As in `route_forward`.
        bias: As in `route_forward`.
        upstream: Gradient of the poses, `(maps, parents, pose_dim, places)`.
        iterations: As in `DynamicRouting`.
        leaky: As in `DynamicRouting`.
        squash: As in `DynamicRouting`.
        agreement: As in `DynamicRouting`.
        stop_gradient: As in `DynamicRouting`. Defaults to `False`.

    Returns:
        The two gradients, of the shapes of votes and bias.
    """
    sums, couplings, growths, lengths = route_forward(
        votes, bias, iterations, leaky, squash, agreement
    )
    products: list = []
    logits_gradient, along_votes, bias_gradient = None, None, 0.0
    sum_gradient = squash_vjp(sums[-1], upstream, squash, axis=2)
    for iteration in reversed(range(iterations)):
        bias_gradient = bias_gradient + ops.sum(sum_gradient, axis=(0, -1))[..., None]
        seen = not stop_gradient or iteration == iterations - 1
        if iteration == 0:
            if seen:
                uniform = uniform_coupling(votes.shape[2], leaky)
                products.append((None, sum_gradient * uniform))
            break
        coupling = couplings[iteration - 1]
        if seen:
            products.append((coupling, sum_gradient))
        gradient = coupling * _agreement(votes, sum_gradient)
        gradient = gradient - coupling * ops.sum(gradient, axis=2, keepdims=True)
        logits_gradient = gradient if logits_gradient is None else logits_gradient + gradient
        before = sums[iteration - 1]
        if lengths is None:
            poses_gradient = _sum_children(logits_gradient, votes)
            sum_gradient = squash_vjp(before, poses_gradient, squash, axis=2)
            if not stop_gradient:
                poses = squash_by_kind(before, axis=2, kind=squash)
                products.append((logits_gradient, poses))
            continue
        scaled, direction = logits_gradient / lengths, _direction(before)
        direction_gradient = _sum_children(scaled, votes)
        across = direction_gradient - direction * ops.sum(
            direction * direction_gradient, axis=2, keepdims=True
        )
        sum_gradient = across / safe_norm(before, axis=2, keepdims=True)
        if not stop_gradient:
            products.append((scaled, direction))
            less = scaled * growths[iteration - 1] / lengths
            along_votes = less if along_votes is None else along_votes + less
    return _votes_gradient(votes, products, along_votes), bias_gradient


def _votes_gradient(votes, products, along_votes):
    """Sums outer products of coefficients and directions, less the votes' own share."""
    total = None if along_votes is None else -ops.expand_dims(along_votes, 3) * votes
    for coefficient, direction in products:
        if coefficient is None:
            # Sizes that are known only as it runs cannot be broadcast to.
            total = _add(total, direction + ops.zeros_like(votes))
        else:
            total = _add_product(total, ops.expand_dims(coefficient, 3), direction)
    return total


def _couple(logits, leaky):
    if leaky:
        logits = ops.concatenate([ops.zeros_like(logits[:, :, :1]), logits], axis=2)
    if logits.shape[2] == 1:
        return ops.ones_like(logits)
    return ops.softmax(logits, axis=2)[:, :, 1 if leaky else 0 :]


def _sum_children(weights, votes):
    total = None
    for child in range(votes.shape[0]):
        total = _add_product(total, ops.expand_dims(weights[child], 2), votes[child])
    return total


def _agreement(votes, poses):
    return ops.sum(votes * poses, axis=3)


def _direction(sums):
    return sums / safe_norm(sums, axis=2, keepdims=True)


def _add(total, more):
    return more if total is None else total + more


def _add_product(total, one, other):
    if total is None:
        return one * other
    if keras.backend.backend() == "torch":
        import torch

        return torch.addcmul(total, one, other)
    return total + one * other
