"""Gradients on PyTorch."""

import torch


def gradients_of_sum(function, tensor):
    """Gives the gradient of a function of one number."""
    tensor = tensor.detach().requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(function(tensor), tensor)
    return found
