"""Studies: what trained networks can do, over several seeds: python -m benchmarks.studies.<name> --help."""
