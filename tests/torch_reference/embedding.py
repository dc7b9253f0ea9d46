"""Looking up rows, and the product of two inputs."""

import torch.nn.functional as F

TORCH = {
    "embedding": lambda x, weight, padding_idx=None, scale_grad_by_freq=False: F.embedding(
        x, weight, padding_idx, scale_grad_by_freq=scale_grad_by_freq),
    "bilinear": F.bilinear,
}
