"""The target codes of LeNet-5: digits as stylised drawings of 7x12 dots (LeCun et al. 1998, figure 3)."""

from __future__ import annotations

from typing import Any

import numpy

from .. import ops

DIGITS = """
..###..  ...##..  .#####.  #######  .##..##  #######  ..####.  #######  .#####.  .#####.
.##.##.  ..###..  ##...##  .....##  .##..##  ##.....  .##....  .....##  ##...##  ##..###
##...##  .####..  #....##  ....##.  ###..##  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  ....##.  ...##..  ##...##  .####..  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  ..###..  ..####.  ##...##  ..####.  ######.  ...##..  .#####.  ##..###
##...##  ...##..  .##....  .....##  ##..###  .....##  ###..##  ...##..  ##...##  .######
##...##  ...##..  ##.....  .....##  .######  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...##..  ##.....  .....##  .....##  .....##  ##...##  ..##...  ##...##  .....##
.##.##.  ...##..  ##.....  ##...##  .....##  ##...##  ###..##  ..##...  ##...##  ....##.
..###..  .######  #######  .#####.  .....##  .#####.  .#####.  ..##...  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def codes(num_classes: int = 10) -> Any:
    """(num_classes, 84) of +1 and -1: the ten digits, row by row; for another number of classes at random."""
    if num_classes == 10:
        rows = [line.split() for line in DIGITS.split("\n") if line]                    # 12 of 10 strings
        dots = [[1.0 if dot == "#" else -1.0 for row in rows for dot in row[digit]] for digit in range(10)]
        return ops.asarray(numpy.array(dots, "float32"))
    return ops.astype(ops.where(ops.rand(num_classes, 84) < 0.5, -1.0, 1.0), "float32")
