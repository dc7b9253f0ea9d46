"""The checkerboard of transposed convolutions, against upsampling and then convolving: a picture and numbers.

    python -m benchmarks.studies.checkerboard

Odena, Dumoulin, Olah, Deconvolution and checkerboard artifacts, 2016: where the kernel is not a multiple of the stride,
as 3 at stride 2, the outputs get unequal numbers of contributions; where it is, as 2 or 4, each place in the pattern
still has weights of its own. Upsampling first and convolving then treats all places alike. Four decoders that enlarge
eight times in three stages paint a constant with their first weights. Then, behind three convolutions of stride 2, they
learn in some hundred steps to give drawn cells back, and what they give is shown with its spectrum.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import data, nn, ops, optim
from minigrad.graph import Graph, Input
from minigrad.train import fit

from ..common import described, machine, new_figure, positive, table, write_text, write_whole

CHANNELS, SIDE = (12, 24, 48), 48
INITS = 20                      # decoders whose first weights are looked at
NEAR = 3                        # bins on each side that a frequency is compared with
CUT = 8                         # pixels at the borders that are left out: there padding makes patterns of its own
Enlarge = Callable[[int, int], nn.Module]


def transposed(kernel: int) -> Enlarge:
    """Enlarge twice by a transposed convolution of stride 2; what a kernel of 3 or 4 paints beyond that is cut off."""
    def make(c: int, k: int) -> nn.Module:
        return nn.ConvTranspose2d(c, k, kernel, stride=2, padding=(kernel - 1) // 2, output_padding=kernel % 2)
    return make


def resized(c: int, k: int) -> nn.Module:
    """Each pixel shown 2 x 2 times, and a 3 x 3 convolution over it, mirrored at the borders."""
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(c, k, 3, padding=1, padding_mode="reflect"))


WAYS: dict[str, Enlarge] = {"transposed, kernel 3": transposed(3), "transposed, kernel 2": transposed(2),
                            "transposed, kernel 4": transposed(4), "upsample, convolve 3": resized}


def decoded(h: Any, enlarge: Enlarge) -> Any:
    """(n, 48, h, w) -> (n, 1, 8h, 8w): three stages with ReLU, and a 1 x 1 convolution, which mixes no pixels."""
    for i, (c, k) in enumerate(zip(CHANNELS[::-1], (*CHANNELS[1::-1], CHANNELS[0]), strict=True)):
        h = ops.relu(enlarge(c, k)(h, name=f"enlarge{i + 1}"))
    return nn.Conv2d(CHANNELS[0], 1, 1)(h, name="out")


def decoder(enlarge: Enlarge) -> Graph:
    x = Input((CHANNELS[-1], None, None), name="maps")
    return Graph(x, decoded(x, enlarge))


def autoencoder(enlarge: Enlarge) -> Graph:
    """Images (n, 1, 48, 48) through maps (n, 48, 6, 6), by convolutions of stride 2, and back."""
    x = Input((1, SIDE, SIDE), name="image")
    h = x
    for i, (c, k) in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False)):
        h = ops.relu(nn.Conv2d(c, k, 3, stride=2, padding=1)(h, name=f"halve{i + 1}"))
    return Graph(x, decoded(h, enlarge))


def pattern(images: np.ndarray) -> float:
    """The energy of images (n, h, w) at period 2, along rows, columns or both, relative to that of frequencies near."""
    energy = np.mean([spectrum(image) for image in images], 0)              # period 2 is in row 0, and in column 0
    h, w = energy.shape
    return float(np.mean([about(energy, row, column) for row, column in ((0, 0), (0, w // 2), (h // 2, 0))]))


def about(energy: np.ndarray, row: int, column: int) -> float:
    """The energy at a frequency over the mean of those around it, beyond the window's own width of 1 bin."""
    rows, columns = [np.arange(place - NEAR, place + NEAR + 1) for place in (row, column)]
    patch = energy.take(rows, 0, mode="wrap").take(columns, 1, mode="wrap")
    far = np.maximum(abs(rows - row)[:, None], abs(columns - column)) > 1
    return float(patch[NEAR, NEAR] / max(patch[far].mean(), 1e-30))


def phases(images: np.ndarray) -> float:
    """How far apart the means of the four places of a 2 x 2 pattern are in images (n, h, w): their deviation."""
    inside = images[:, CUT:-CUT, CUT:-CUT]
    return float(np.std([inside[:, i::2, j::2].mean() for i in (0, 1) for j in (0, 1)]))


def trained(enlarge: Enlarge, images: np.ndarray, steps: int, seed: int) -> tuple[Graph, float]:
    """An autoencoder of images (n, 1, h, w), and its last loss."""
    mg.manual_seed(seed)
    model = autoencoder(enlarge)
    history = fit(model, (images, images), loss="mse", batch_size=8, epochs=max(steps // (len(images) // 8), 1),
                  seed=seed, schedule="cosine", optimizer=lambda parameters: optim.Adam(parameters, lr=3e-3))
    return model, history[-1]["train_loss"]


def constants(enlarge: Enlarge, seed: int) -> np.ndarray:
    """A constant, (INITS, 48, 48), as decoders with so many first weights paint it."""
    mg.manual_seed(seed)
    ones = np.ones((1, CHANNELS[-1], SIDE // 8, SIDE // 8), np.float32)
    return np.concatenate([painted(decoder(enlarge), ones) for _ in range(INITS)])


def drawn(n: int, seed: int) -> np.ndarray:
    """Drawn cells (n, 1, 48, 48), in 0..1."""
    return data.cells(n=n, size=SIDE, seed=seed).train.inputs.astype(np.float32) / 255


def painted(model: Graph, images: np.ndarray) -> np.ndarray:
    """What a model makes of images or maps, (n, h, w)."""
    with mg.no_grad():
        return model.eval()(mg.tensor(images)).numpy()[:, 0]


def main(argv: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m benchmarks.studies.checkerboard", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=positive, default=300, metavar="N", help="of training each decoder (300)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the numbers to FILE.txt, a picture to FILE.png")
    options = parser.parse_args(argv)
    train, test = drawn(64, options.seed), drawn(64, options.seed + 1)
    rows, columns = [], []
    for name, enlarge in WAYS.items():
        first = constants(enlarge, options.seed)
        model, loss = trained(enlarge, train, options.steps, options.seed)
        answers = painted(model, test)
        rows.append({"decoder": name, "constant": float(np.mean([phases(x[None]) / abs(x).mean() for x in first])),
                     "restored": phases(answers - test[:, 0]) / float(test.std()), "pattern": pattern(answers),
                     "loss": loss})
        columns.append((name, first[0], test[0, 0], answers[0], np.mean([spectrum(x) for x in answers], 0)))
    facts = {**machine(), "command": f"python -m benchmarks.studies.checkerboard --steps {options.steps} --seed "
                                     f"{options.seed}"}
    text = f"{described(facts)}\n\n{explained(rows)}"
    print(text)
    if options.out is not None:
        write_text(options.out.with_suffix(".txt"), text)
        write_whole(options.out.with_suffix(".png"), lambda path: picture(columns, rows).savefig(path, format="png",
                                                                                                 dpi=110))
    return 0


def explained(rows: list[dict[str, Any]]) -> str:
    text = table(rows, {"decoder": "", "constant": ".2%", "restored": ".2%", "pattern": ".1f", "loss": ".5f"})
    return f"""{text}

constant  a constant painted with first weights, on average of {INITS}: how far apart the means of the four places of
          the 2 x 2 pattern are (their standard deviation), relative to the mean
restored  the same of what is restored less the truth, relative to the contrast of the truth
pattern   energy of what is restored at period 2, over that of frequencies nearby (1: no pattern)
loss      mean squared error in training"""


def picture(columns: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
            rows: Sequence[dict[str, Any]]) -> Any:
    """A column for each decoder: a constant, restored cells, their spectrum; the cells themselves on the left."""
    figure = new_figure(11.5, 7.6)
    figure.suptitle("The checkerboard of transposed convolutions: three stages, stride 2")
    grid = figure.subplots(3, len(columns) + 1)
    for axes in grid.ravel():
        axes.set_axis_off()
    grid[1, 0].imshow(columns[0][2], cmap="gray", interpolation="nearest", vmin=0, vmax=1)
    grid[1, 0].set_title("drawn cells", fontsize=10)
    for (name, first, _, answer, energy), row, line in zip(columns, rows, grid[:, 1:].T, strict=True):
        centre, spread = np.median(first), max(np.ptp(first[CUT:-CUT, CUT:-CUT]), 0.02)
        line[0].imshow(first, cmap="gray", interpolation="nearest", vmin=centre - spread, vmax=centre + spread)
        line[0].set_title(f"{name}\na constant, first weights", fontsize=10)
        line[1].imshow(answer, cmap="gray", interpolation="nearest", vmin=0, vmax=1)
        line[1].set_title(f"restored, trained:\nplaces differ by {row['restored']:.1%}", fontsize=10)
        line[2].imshow(np.log10(energy + 1e-6), cmap="magma", vmin=-4, vmax=2)
        line[2].set_title(f"spectrum (log): period 2,\nat its edges, {row['pattern']:.1f} times more", fontsize=10)
    return figure


def spectrum(image: np.ndarray) -> np.ndarray:
    """Energies of the inside of an image, frequency 0 in the middle, period 2 in the first row and column."""
    inside = image[CUT:-CUT, CUT:-CUT]
    window = np.outer(np.hanning(len(inside)), np.hanning(len(inside)))             # cut edges make no frequencies
    return abs(np.fft.fftshift(np.fft.fft2((inside - inside.mean()) * window))) ** 2


if __name__ == "__main__":
    raise SystemExit(main())
