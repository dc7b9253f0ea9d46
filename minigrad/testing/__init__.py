"""Proofs of ops and of their gradients, for coursework and for this library's own table."""

from .cases import Case

__all__ = ["Case"]
