"""Whole listings, as they are written for PyTorch.

A program takes the library and its nn, nn.functional and optim, and yields what is compared. Everything is float64.
"""

from .images import adversarial_networks, fine_tuning, residual_network, u_net, variational_autoencoder
from .words import embeddings, sequence_to_sequence, small_gpt

PROGRAMS = [residual_network, u_net, variational_autoencoder, adversarial_networks, sequence_to_sequence, small_gpt,
            fine_tuning, embeddings]
