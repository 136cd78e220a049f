"""The routing layer of 3D-UCaps in plain PyTorch, after its description, to compare with."""

import keras

from capszoo.routing import DynamicRouting


@keras.saving.register_keras_serializable(package="capszoo_benchmarks")
class UCaps3DRouting(DynamicRouting):
    """Dynamic routing by cosines as the code of 3D-UCaps has it, positions last, on PyTorch.

    Votes are `(batch, children, parents, pose_dim, positions)`. Gradients are PyTorch's own.

    Reference:

    - [Nguyen, Hua, Le, 2021](https://arxiv.org/abs/2203.08965), released code
    """

    def call(self, votes, activations=None, return_coupling=False):
        import torch

        # From `(batch, positions, parents, children, pose_dim)`.
        votes = votes.permute(0, 3, 2, 4, 1).contiguous()
        bias = self.bias[..., None]
        logits = votes.new_zeros((*votes.shape[:3], votes.shape[4]))
        for iteration in range(self.iterations):
            coupling = torch.softmax(logits, dim=2)
            total = (coupling[:, :, :, None] * votes).sum(dim=1) + bias
            if iteration < self.iterations - 1:
                logits = logits + torch.cosine_similarity(total[:, None], votes, dim=3, eps=1e-12)
        squared = total.square().sum(dim=2, keepdim=True)
        poses = squared / (1 + squared) * total / torch.sqrt(squared + 1e-12)
        return poses.permute(0, 3, 1, 2)
