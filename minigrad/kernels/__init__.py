"""Hand-tuned forwards and backwards on arrays, one package per array library. They are only about speed: take this
folder away and everything still works, slower. Each is held to the definition of its op (minigrad/ops/) by the tests.

A kernel's arrays may lie in memory as it likes, what it returns is always fresh, and what it is given it does not
change.
"""
