"""The dtypes of half precision that this machine has; NumPy has bfloat16 from another package."""

import numpy as np

HALVES = ["float16"]
try:
    import ml_dtypes
except ImportError:
    pass
else:
    HALVES.append(np.dtype(ml_dtypes.bfloat16))
