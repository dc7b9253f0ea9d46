"""Windows: unfold and fold."""

import torch.nn.functional as F

TORCH = {
    "unfold": lambda x, kernel_size, stride=1, padding=0, dilation=1: F.unfold(
        x, kernel_size, dilation=dilation, padding=padding, stride=stride
    ),
    "fold": lambda x, output_size, kernel_size, stride=1, padding=0, dilation=1: F.fold(
        x, output_size, kernel_size, dilation=dilation, padding=padding, stride=stride
    ),
}
