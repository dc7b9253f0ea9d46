"""Benchmarks of minigrad, run from the repository: python -m benchmarks.<name> --help."""
