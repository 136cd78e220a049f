"""Small weights files in the layouts of others, and what their own code would compute of them."""

import h5py
import numpy as np


def write_keras2(file, groups):
    """Writes an HDF5 file as Keras 2 does: top groups, variables and the lists of their names."""
    with h5py.File(file, "w") as opened:
        opened.attrs["layer_names"] = [name.encode() for name in groups]
        for name, variables in groups.items():
            group = opened.create_group(name)
            group.attrs["weight_names"] = [f"{path}:0".encode() for path in variables]
            for path, array in variables.items():
                group[f"{path}:0"] = array
    return file


def normal(rng, *shape, scale=0.3):
    return rng.normal(size=shape, scale=scale).astype("float32")


def efficient_groups(rng, batch_norm=False, convolutional_decoder=True):
    """Efficient-CapsNet for 16x16x2 images and 3 classes, with Keras' numbers past nine.

    16 -3x3-> 14 -3x3, step 2-> 6 -depthwise 6x6-> 1 position of 4 capsules of 2.
    """
    norm = "batch_normalization" if batch_norm else "instance_normalization"
    body = {}
    for layer, (channels, filters) in enumerate([(2, 5), (5, 8)]):
        # The alphabet puts conv2d_10 before conv2d_9: the order is that of the lists.
        body[f"conv2d_{layer + 9}/kernel"] = normal(rng, 3, 3, channels, filters)
        body[f"conv2d_{layer + 9}/bias"] = normal(rng, filters)
        body[f"{norm}_{layer + 9}/gamma"] = 1 + normal(rng, filters)
        body[f"{norm}_{layer + 9}/beta"] = normal(rng, filters)
    body["conv2d_11/kernel"] = normal(rng, 6, 6, 1, 8)
    body["conv2d_11/bias"] = normal(rng, 8)
    body["digit_caps/W"] = normal(rng, 3, 4, 2, 6, scale=1.0)
    body["digit_caps/b"] = normal(rng, 3, 4, 1)
    if batch_norm:  # Keras 2 lists what is not trained last
        for layer, filters in enumerate([5, 8]):
            body[f"{norm}_{layer + 9}/moving_mean"] = normal(rng, filters)
            body[f"{norm}_{layer + 9}/moving_variance"] = 1 + normal(rng, filters) ** 2
    generator = {}
    if convolutional_decoder:
        generator["dense/kernel"] = normal(rng, 18, 16)
        generator["dense/bias"] = normal(rng, 16)
        for layer, (channels, filters) in enumerate([(1, 3), (3, 4), (4, 4), (4, 2)]):
            generator[f"conv2d_{layer}/kernel"] = normal(rng, 3, 3, channels, filters)
            generator[f"conv2d_{layer}/bias"] = normal(rng, filters)
    else:
        for layer, (before, units) in enumerate([(18, 7), (7, 512)]):
            generator[f"dense_{layer}/kernel"] = normal(rng, before, units)
            generator[f"dense_{layer}/bias"] = normal(rng, units)
    return {"input_2": {}, "CapsNet": body, "mask": {}, "Generator": generator}


def efficient_scores(body, x, batch_norm=False):
    """The scores of one image, by loops over windows, capsules and classes."""
    norm = "batch_normalization" if batch_norm else "instance_normalization"
    x = x.astype("float64")
    for layer, step in ((9, 1), (10, 2)):
        x = loop_convolution(x, body[f"conv2d_{layer}/kernel"], step) + body[f"conv2d_{layer}/bias"]
        x = np.maximum(x, 0 if batch_norm else 0.3 * x)
        mean, variance = x.mean((0, 1)), x.var((0, 1))
        if batch_norm:
            mean = body[f"{norm}_{layer}/moving_mean"]
            variance = body[f"{norm}_{layer}/moving_variance"]
        x = body[f"{norm}_{layer}/gamma"] * (x - mean) / (variance + 0.001) ** 0.5
        x = x + body[f"{norm}_{layer}/beta"]
    kernel = body["conv2d_11/kernel"]
    primary = [(x[:, :, c] * kernel[:, :, 0, c]).sum() for c in range(8)] + body["conv2d_11/bias"]
    children = [xi_squash(capsule) for capsule in primary.reshape(4, 2)]
    votes = np.array(
        [[u @ w for u, w in zip(children, ws, strict=True)] for ws in body["digit_caps/W"]]
    )
    attention = np.array([(v @ v.T).sum(-1) for v in votes]) / 6**0.5
    coupling = np.exp(attention) / np.exp(attention).sum(0) + body["digit_caps/b"][..., 0]
    return [np.linalg.norm(xi_squash(c @ v)) for c, v in zip(coupling, votes, strict=True)]


def keras_capsnet_groups(rng, decoder=True):
    """A CapsNet for 12x12x1 images and 3 classes, as the scripts save it.

    12 -3x3-> 10 -3x3, step 2-> 4x4 positions of 2 types of capsules of 4: 32 children.
    """
    groups = {
        "conv1": {"conv1/kernel": normal(rng, 3, 3, 1, 6), "conv1/bias": normal(rng, 6)},
        "primarycap_conv2d": {
            "primarycap_conv2d/kernel": normal(rng, 3, 3, 6, 8),
            "primarycap_conv2d/bias": normal(rng, 8),
        },
        "primarycap_squash": {},
        "digitcaps": {"digitcaps/W": normal(rng, 3, 32, 5, 4, scale=0.5)},
    }
    if decoder:
        groups["decoder"] = {}
        for layer, (before, units) in enumerate([(15, 7), (7, 9), (9, 144)], start=1):
            groups["decoder"][f"dense_{layer}/kernel"] = normal(rng, before, units)
            groups["decoder"][f"dense_{layer}/bias"] = normal(rng, units)
    return groups


def keras_capsnet_scores(groups, x):
    """The scores of one image, by loops."""
    kernel, bias = groups["conv1"].values()
    x = np.maximum(loop_convolution(x.astype("float64"), kernel, 1) + bias, 0)
    kernel, bias = groups["primarycap_conv2d"].values()
    children = (loop_convolution(x, kernel, 2) + bias).reshape(-1, 4)
    children = np.array([sabour_squash(one) for one in children])
    transforms = groups["digitcaps"]["digitcaps/W"]
    votes = np.array([[w @ u for u, w in zip(children, ws, strict=True)] for ws in transforms])
    logits = np.zeros((3, 32))
    for _ in range(3):
        coupling = np.exp(logits) / np.exp(logits).sum(0)
        parents = [sabour_squash(c @ v) for c, v in zip(coupling, votes, strict=True)]
        logits = logits + np.array([v @ p for v, p in zip(votes, parents, strict=True)])
    return [np.linalg.norm(one) for one in parents]


def loop_convolution(x, kernel, step):
    size = kernel.shape[0]
    rows = range(0, x.shape[0] - size + 1, step)
    columns = range(0, x.shape[1] - size + 1, step)
    window = lambda row, column: x[row : row + size, column : column + size]  # noqa: E731
    return np.array(
        [[np.tensordot(window(row, column), kernel, 3) for column in columns] for row in rows]
    )


def xi_squash(x):
    norm = np.linalg.norm(x)
    return (1 - np.exp(-norm)) * x / norm


def sabour_squash(x):
    norm = np.linalg.norm(x)
    return norm / (1 + norm**2) * x
