"""Metadata and extras. The installed core is NumPy, and safetensors for weights; everything else is an extra."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
CUDA = {"cuda12": ["cupy-cuda12x"], "cuda13": ["cupy-cuda13x"]}
DEMO = ["matplotlib", "pillow", "rich", "scikit-learn", "threadpoolctl"]          # `minigrad train`
DRAW = ["resvg-py"]                                     # drawings of graphs as .png; .svg and .html need nothing
NOTEBOOKS = ["ipykernel", "nbclient", "nbformat"]       # the tests execute the notebooks from a clean kernel
TEST = ["hypothesis", "ml_dtypes", "pytest", "pytest-xdist", "setuptools", *NOTEBOOKS, *DEMO, *DRAW]
# Cross-checks against PyTorch, in the tests alone. Those of the models read torchvision's sources, which want no more
# than pip install --no-deps torchvision: an extra would bring the torch that torchvision was compiled for.
PARITY = ["torch"]
DEV = ["mypy", "pre-commit", "ruff"]


def version() -> str:
    """`__version__` of minigrad/__init__.py, read as text: importing it would need NumPy before NumPy is installed."""
    text = (HERE / "minigrad" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__\s*=\s*"([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise ValueError('setup.py: minigrad/__init__.py has no line __version__ = "..."')
    return found.group(1)


setup(
    name="minigrad",
    version=version(),
    description="A deep-learning engine to read in an evening: one tape, proven gradients, NumPy and CuPy",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="the minigrad authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    install_requires=["numpy>=2.0", "safetensors"],
    extras_require={
        **CUDA,
        "demo": DEMO,
        "draw": DRAW,
        "test": sorted(TEST),
        "parity": PARITY,
        "dev": DEV,
        "all": sorted({*DEMO, *TEST, *PARITY, *DEV}),               # but for CuPy, which must fit the driver
    },
    packages=find_packages(include=["minigrad", "minigrad.*"]),
    package_data={"minigrad": ["py.typed"], "minigrad.debug.page": ["script.js", "style.css"]},
    entry_points={"console_scripts": ["minigrad = minigrad.cli:main"]},
    zip_safe=False,
    classifiers=[
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3 :: Only",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
