"""Studies: what papers report of training, measured again with minigrad: python -m benchmarks.studies.<name> --help."""
