"""Whatever is asked of the command that cannot be done ends with one clear line and a status other than 0.

The words of a row may name things of WORLD: {run} a finished run, {cut} a file that was cut off, and so on.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import contents, on, refused, write_mnist

import minigrad as mg
from minigrad import cli

HUGE = "1" + "0" * 30
LONG = "a" * 300


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> dict[str, str]:
    """Name -> path, of everything that a row may be about. Nothing in it is ever changed."""
    place = tmp_path_factory.mktemp("world")
    files = write_mnist(place / "mnist")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minigrad.train.job.draw", lambda *args: None)
        assert cli.main(on(files, "--out", str(place / "run"), "--quiet")) == 0
    return {"mnist": str(files), **runs(place), **loose_files(place)}


def runs(place: Path) -> dict[str, str]:
    """Copies of the run, each with one thing wrong."""
    def copy(name: str, **changes: Any) -> Path:
        folder = shutil.copytree(place / "run", place / name)
        record = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**record, **changes}))
        return folder

    (copy("stopped", status="stopped") / "weights.safetensors").unlink()
    (copy("no_json") / "run.json").write_text("{")
    (copy("bare") / "run.json").unlink()
    cut(copy("cut_run") / "weights.safetensors")
    mg.save(mg.models.lenet5(num_classes=7), copy("other_weights") / "weights.safetensors")
    copy("foreign", made_by="somebody else")
    copy("no_settings", settings=None)
    begun = copy("begun", status="stopped", reason="interrupted")
    (begun / "weights.safetensors").unlink()
    (begun / "last.safetensors").write_bytes(b"no checkpoint")
    copy("no_seed", seed="three")
    copy("no_classes", data={"name": "mnist", "classes": [1, 2]})
    copy("bad_reads", data={"name": "mnist", "classes": list("0123456789"), "root": None, "image": [1, 32, 32],
                            "reads": [1, 0, "x"], "mean": 0.0, "std": 1.0})
    copy("no_such_data", data={"name": "minst", "classes": list("0123456789"), "root": None})
    return {name: str(place / name) for name in (
        "run", "stopped", "no_json", "bare", "cut_run", "other_weights", "foreign", "no_settings", "no_seed",
        "no_classes", "no_such_data", "begun", "bad_reads")}


def loose_files(place: Path) -> dict[str, str]:
    (place / "letter.txt").write_text("dear aunt")
    (place / "letter.png").write_text("dear aunt")
    (place / "empty").mkdir()
    (place / "folder.png").mkdir()
    (place / "nothing.png").write_bytes(b"")
    mg.save(mg.models.lenet5(), place / "weights.safetensors")
    shutil.copy(place / "weights.safetensors", place / "cut.safetensors")
    cut(place / "cut.safetensors")
    mg.save(mg.nn.Linear(2, 2), place / "linear.safetensors")
    (place / "cifar").mkdir()
    for file in (*[f"data_batch_{i}.bin" for i in range(1, 6)], "test_batch.bin"):
        (place / "cifar" / file).write_bytes(b"".join([bytes([label]) + bytes(3072) for label in range(10)] * 2))
    (place / "cifar" / "batches.meta.txt").write_text("\n".join([f"kind{i}" for i in range(10)]))
    full = place / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    found = {"letter": "letter.txt", "not_png": "letter.png", "empty": "empty", "folder_png": "folder.png",
             "nothing": "nothing.png", "weights": "weights.safetensors", "cut": "cut.safetensors",
             "linear": "linear.safetensors", "cifar": "cifar", "full": "full", "nowhere": "nowhere"}
    try:
        from PIL import Image
    except ImportError:
        return {name: str(place / file) for name, file in found.items()}
    Image.fromarray(np.zeros((28, 28), np.uint8)).save(place / "image.png")
    Image.fromarray(np.full((90, 90), 255, np.uint8)).save(place / "blank.png")
    cut(Path(shutil.copy(place / "image.png", place / "cut.png")))
    for folder, image in (("gap", "day/0.png"), ("stray", "sun.png"), ("broken", "night/0.png")):
        for name in ("day", "night"):
            (place / folder / name).mkdir(parents=True)
        shutil.copy(place / "image.png", place / folder / image)
    for name in ("day", "night"):
        shutil.copy(place / "image.png", place / "stray" / name / "0.png")
        (place / "two" / name).mkdir(parents=True)
        shutil.copy(place / "image.png", place / "two" / name / "0.png")
        for i in range(9):
            shutil.copy(place / ("letter.png" if name == "day" else "image.png"), place / "broken" / name / f"{i}.png")
    return {name: str(place / file) for name, file in {
        **found, "gap_png": "gap", "stray_png": "stray", "broken_png": "broken", "two_png": "two",
        "image": "image.png", "blank": "blank.png", "cut_png": "cut.png"}.items()}


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * 2 // 3])


# words, what the one line has to say, status
NAMES: list[tuple[list[str], str, int]] = [
    (["trian", "lenet5"], "unknown command 'trian': did you mean train?", 2),
    (["xyz"], "unknown command 'xyz': there are models, summary, draw,", 2),
    (["Train", "lenet5"], "unknown command 'Train': did you mean train?", 2),
    (["--verison"], "unknown option '--verison': ", 2),
    (["help", "trian"], "unknown command 'trian': did you mean train?", 2),
    (["train"], "MODEL", 2),
    (["train", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["train", "xyz"], "unknown model 'xyz': there are alexnet", 2),
    (["step", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["models", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["summary", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["draw", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["bench", "lenet4"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["summary", "LeNet5"], "unknown model 'LeNet5': did you mean lenet5?", 2),
    (["summary", ""], "unknown model ''", 2),
    (["models", "lenet5", "alexnet"], "'alexnet' is one argument too many (see minigrad models --help)", 2),
    (["train", "lenet5", "--epochs", "1", "2"], "'2' is one argument too many", 2),
    (["models", "--jsn"], "unknown option --jsn: did you mean --json? (see minigrad models --help)", 2),
    (["train", "lenet5", "--epoch", "3"], "unknown option --epoch: did you mean --epochs?", 2),
    (["train", "lenet5", "--epochs=3", "--learning-rate=0.1"], "unknown option --learning-rate: ", 2),
    (["bench", "-n", "3"], "unknown option -n: there are --", 2),
    (["step", "lenet5", "--into", "conv3d"], "cannot step into 'conv3d': did you mean conv2d?", 2),
    (["step", "lenet5", "--into", "exp"], "cannot step into 'exp': it is a primitive", 2),
    (["step", "lenet5", "--into", "xyz"], "cannot step into 'xyz': conv2d, linear, softmax and", 2),
    (["step", "lenet5", "--data", "mnist"], "--data: unknown source 'mnist': there are digits, random", 2),
    (["step", "lenet5", "--data", "digit"], "--data: unknown source 'digit': did you mean digits?", 2),
    (["train", "lenet5", "--data", "minst"], "--data: unknown data set 'minst': did you mean mnist?", 2),
    (["evaluate", "{run}", "--data", "minst"], "--data: unknown data set 'minst': did you mean mnist?", 2),
    (["evaluate", "{run}", "--part", "tset"], "--part: unknown part 'tset': did you mean test?", 2),
    (["predict", "{run}", "{image}", "--invert", "maybe"], "--invert: unknown word 'maybe': there are auto,", 2),
]
NUMBERS: list[tuple[list[str], str, int]] = [
    *[(["train", "lenet5", "--epochs", n], f"--epochs: expected a positive whole number, at most 1,000,000,000, '{n}",
       2)
      for n in ("0", "-1", "2.5", "nan", "inf", "many", "", HUGE)],
    (["train", "lenet5", "--epochs"], "--epochs: expected one argument", 2),
    (["train", "lenet5", "--batch-size", "2.5"], "--batch-size: expected a positive whole number", 2),
    (["train", "lenet5", "--batch-size", "0"], "--batch-size: expected a positive whole number", 2),
    *[(["train", "lenet5", "--lr", x], f"--lr: expected a positive number, '{x}' came", 2)
      for x in ("0", "-1", "nan", "inf", "1e999", "fast")],
    *[(["train", "lenet5", "--seed", n], f"--seed: expected 0 or a positive whole number, '{n}' came", 2)
      for n in ("-1", "1.5", "nan", HUGE)],
    (["train", "lenet5", "--seed", "9" * 5000], "--seed: expected 0 or a positive whole number, '999", 2),
    (["step", "lenet5", "--seed", "-1"], "--seed: expected 0 or a positive whole number", 2),
    (["step", "lenet5", "--batch-size", "0"], "--batch-size: expected a positive whole number", 2),
    (["bench", "--steps", "0"], "--steps: expected a positive whole number", 2),
    (["bench", "--batch-size", HUGE], "--batch-size: expected a positive whole number", 2),
    (["bench", "--threads", "-2"], "--threads: expected a positive whole number", 2),
    (["predict", "{run}", "{image}", "--top", "0"], "--top: expected a positive whole number", 2),
    *[(["summary", "lenet5", "--input", x], f"--input: expected positive sizes as 3x224x224, '{x}' came", 2)
      for x in ("3x", "0x3x3", "axbxc", "3x-1x2", "3 x 4.5 x 3")],
    (["summary", "lenet5", "--input", "1x32x32", "--input", "3"], "this graph has 1 inputs (image), 2 shapes came", 2),
    (["bench", "--input", "1x20x20"], "--input: c5: conv2d: a window of 5", 2),
    (["step", "lenet5", "--input", "3x32x32"], "--input: c1: conv2d: weight expects 1 input channels, x has 3", 2),
]
DEVICES: list[tuple[list[str], str, int]] = [
    *[([*words, "--device", "tpu"], "--device: expected cpu, cuda or cuda:NUMBER, 'tpu' came", 2) for words in (
        ["train", "lenet5"], ["bench"], ["evaluate", "{run}"], ["predict", "{run}", "{image}"])],
    (["train", "lenet5", "--device", "cuda:x"], "--device: expected cpu, cuda or cuda:NUMBER, 'cuda:x' came", 2),
]
FILES: list[tuple[list[str], str, int]] = [
    (["train", "lenet5", "--data", "mnist", "--root", "{nowhere}"], "nowhere: expected a folder with train-images", 2),
    (["train", "lenet5", "--data", "mnist", "--root", "{letter}"], "letter.txt: expected a folder with train-", 2),
    (["train", "lenet5", "--data", "mnist", "--root", "{empty}"], "train-images-idx3-ubyte", 2),
    (["train", "lenet5", "--data", "mnist", "--root", ""], "--root: expected a name, '' came", 2),
    (["train", "lenet5", "--data", "mnist", "--root", LONG], "aaa: expected a folder with train-images", 2),
    (["train", "lenet5", "--data", "folder"], "--data folder needs --root: the folder or zip file", 2),
    (["train", "lenet5", "--data", "folder", "--root", "{nowhere}"], "nowhere: expected a folder or a zip file", 2),
    (["train", "lenet5", "--data", "folder", "--root", "{letter}"], "letter.txt: expected a zip file", 2),
    (["train", "lenet5", "--data", "folder", "--root", "{empty}"], "empty", 2),
    (["train", "lenet5", "--data", "folder", "--root", "{full}"], "full", 2),
    (["train", "vgg11", "--data", "folder", "--root", "{gap_png}"], "gap/night: expected the images of a class", 2),
    (["train", "vgg11", "--data", "folder", "--root", "{stray_png}"], "1 image lies outside of any (sun.png)", 2),
    (["train", "vgg11", "--data", "folder", "--root", "{broken_png}"], "broken/day/", 2),
    (["train", "vgg11", "--data", "folder", "--root", "{two_png}"], "two: 2 images are too few to split off a test", 2),
    (["train", "unet", "--data", "digits"], "--data digits has a class for each image: unet marks every pixel and", 2),
    (["train", "unet_paper", "--data", "folder", "--root", "{gap_png}"], "unet_paper marks every pixel", 2),
    (["train", "lenet5_paper", "--width", "0.5"], "--width 0.5: lenet5_paper has the maps that its paper's tables", 2),
    *[(["train", "vgg11", "--width", x], f"--width: expected a number above 0, at most 10, '{x}' came", 2)
      for x in ("0", "-1", "nan", "1e9", "wide")],
    (["train", "--resume", "{begun}", "--width", "2"], "contradicted by --width 2.0 (it has None)", 2),
    (["evaluate", "{bad_reads}"], "run.json: is damaged: expected data.reads to be three positive sizes", 2),
    (["predict", "{bad_reads}", "{image}"], "run.json: is damaged: expected data.reads to be three positive", 2),
    (["train", "lenet5", "--data", "cifar10", "--root", "{empty}"], "cifar-10-binary.tar.gz", 2),
    (["train", "lenet5", "--data", "masks", "--root", "{empty}"], "--data masks has a class for every pixel: ", 2),
    (["train", "unet", "--data", "masks", "--root", "{empty}"], "empty: expected one folder of images (image,", 2),
    (["train", "lenet5", "--optimizer", "sdg"], "--optimizer: unknown optimizer 'sdg': did you mean sgd?", 2),
    (["train", "lenet5", "--augment", "crop"], "--augment: unknown augmentation 'crop': did you mean crop-flip?", 2),
    (["train", "lenet5", "--workers", "-1"], "--workers: expected a whole number from 0 to 256, '-1' came", 2),
    (["train", "lenet5", "--workers", "9999"], "--workers: expected a whole number from 0 to 256", 2),
    (["train", "lenet5", "--patience", "0"], "--patience: expected a positive whole number", 2),
    (["train", "lenet5", "--weight-decay", "-1"], "--weight-decay: expected 0 or a positive number, '-1' came", 2),
    (["train", "--resume", "{nowhere}"], "nowhere: is no run folder, it has no run.json", 2),
    (["train", "--resume", "{letter}"], "letter.txt/run.json: cannot be read (Not a directory)", 2),
    (["train", "--resume", "{no_json}"], "run.json: is damaged, it holds no JSON", 2),
    (["train", "--resume", "{run}"], "run: the run has finished, there is nothing to resume", 2),
    (["train", "--resume", "{run}", "--epochs", "5"], "run: the run has finished, there is nothing to resume", 2),
    (["train", "--resume", "{stopped}"], "its run ended before its first checkpoint (last.safetensors)", 2),
    (["train", "--resume", ""], "--resume: expected a name, '' came", 2),
    (["train", "lenet5", "--out", ""], "--out: expected a name, '' came", 2),
    (["train", "lenet5", "--out", "a\0b"], "--out: expected a name", 2),
    (["train", "lenet5", "--out", LONG], "aaa: cannot be written (", 2),
    (["train", "lenet5", "--out", "{letter}"], "letter.txt: is no folder: name another", 2),
    (["train", "lenet5", "--out", "{full}"], "full: is not empty and holds no earlier run of minigrad", 2),
    (["train", "lenet5", "--out", "{letter}/run"], "cannot be created, for ", 2),
    (["evaluate", "lenet5"], "lenet5 is a model that nobody has trained yet: minigrad train lenet5", 2),
    (["evaluate", "{nowhere}"], "nowhere: there is no such run folder or file", 2),
    (["evaluate", "{run}s"], "runs: there is no such run folder or file: did you mean ", 2),
    (["evaluate", "{empty}"], "empty: is no run folder, it has no run.json", 2),
    (["evaluate", "{bare}"], "bare: is no run folder, it has no run.json", 2),
    (["evaluate", "{no_json}"], "run.json: is damaged, it holds no JSON", 2),
    (["evaluate", "{foreign}"], "run.json: was not made by minigrad", 2),
    (["evaluate", "{no_settings}"], "run.json: is damaged: expected settings.model (str), it is missing", 2),
    (["evaluate", "{no_seed}"], 'run.json: is damaged: expected seed (int), "three" came', 2),
    (["evaluate", "{no_classes}"], "run.json: is damaged: expected data.classes to be a list of names", 2),
    (["evaluate", "{no_such_data}"], "names the data set 'minst', which minigrad has not: did you mean mnist?", 2),
    (["evaluate", "{stopped}"], "stopped: has no weights.safetensors: the run was stopped before its end", 2),
    (["evaluate", "{cut_run}"], "weights.safetensors: expected a safetensors file", 2),
    (["evaluate", "{other_weights}"], "the model knows 7 classes, mnist test has 10", 2),
    (["evaluate", "{letter}"], "letter.txt: expected a safetensors file", 2),
    (["evaluate", "{nothing}"], "nothing.png: expected a safetensors file", 2),
    (["evaluate", "/dev/null"], "/dev/null: is neither a file nor a folder", 2),
    (["evaluate", "a\0b"], "there is no such run folder or file", 2),
    (["evaluate", LONG + ".safetensors"], "aaa", 2),
    (["evaluate", "{run}", "--data", "digits", "--part", "validation"], "--part validation is what a run", 2),
    (["evaluate", "{run}", "--data", "digits", "--root", "{mnist}"], "digits", 2),
    (["evaluate", "{run}", "--root", "{nowhere}"], "nowhere: expected a folder with train-images", 2),
    (["evaluate", "{run}", "--out", "{letter}"], "letter.txt: is a file, name a folder for the pictures", 2),
    (["evaluate", "{run}", "--out", "{letter}/look"], "look: cannot be made (", 2),
    (["summary", "{letter}"], "letter.txt: expected a safetensors file", 2),
    (["summary", "{cut}"], "cut.safetensors: expected a safetensors file", 2),
    (["summary", "./lenet5"], "./lenet5: there is no such run folder or file", 2),
    (["draw", "lenet5", "a.pdf"], "a.pdf: expected a file that ends in .svg, .html, .png", 2),
    (["draw", "lenet5", "{empty}/no/a.svg"], "a.svg: the drawing cannot be written (No such file or directory)", 2),
    (["draw", "lenet5", "{letter}/a.svg"], "a.svg: the drawing cannot be written (Not a directory)", 2),
    (["draw", "lenet5", ""], "OUT.svg: expected a name, '' came", 2),
    (["draw", "lenet5", "--collapse", "layer1"], "draw: collapse has 'layer1', no block is called that", 2),
    (["draw", "lenet5", "--depth", "0"], "--depth: expected a positive whole number", 2),
    (["draw", "lenet5", "--direction", "up"], "--direction: unknown direction 'up': there are down, right", 2),
    (["models", "--plot", "zoo.pdf"], "--plot zoo.pdf: expected a file that ends in .png or .svg", 2),
    (["models", "--plot", "{empty}/no/zoo.png"], "zoo.png: cannot be written (No such file or directory)", 2),
    (["models", "--plot", "{folder_png}"], "folder.png: is a folder, expected a file to write", 2),
    (["models", "--plot"], "--plot: expected one argument", 2),
    (["models", "lenet5", "--plot", "zoo.png"], "--plot draws all models, lenet5 came: minigrad draw lenet5 is", 2),
    (["draw", "{cut}"], "cut.safetensors: expected a safetensors file", 2),
    (["bench", "{stopped}"], "stopped: has no weights.safetensors", 2),
    (["step", "lenet5", "--weights", ""], "--weights: expected a name, '' came", 2),
    (["step", "lenet5", "--weights", "nowhere"], "nowhere: the weights cannot be read (No such file", 2),
    (["step", "lenet5", "--weights", "."], ".: this folder has no graph.json and no weights.safetensors", 2),
    (["step", "lenet5", "--weights", "{cut}"], "cut.safetensors: expected a safetensors file", 2),
    (["step", "lenet5", "--weights", "{linear}"], "linear.safetensors: holds no weights of lenet5", 2),
    (["predict"], "the following arguments are required: RUN, IMAGE", 2),
    (["predict", "{run}"], "the following arguments are required: IMAGE", 2),
    (["predict", "lenet5", "{image}"], "lenet5 is a model that nobody has trained yet", 2),
    (["predict", "{run}", "{nowhere}"], "nowhere: there is no such file", 2),
    (["predict", "{run}", "{not_png}"], "letter.png: is no image that Pillow can read", 2),
    (["predict", "{run}", "{nothing}"], "nothing.png: is no image that Pillow can read", 2),
    (["predict", "{run}", "{cut_png}"], "cut.png: is damaged (", 2),
    (["predict", "{run}", "{blank}"], "blank.png: is blank: nothing is drawn on its ground", 2),
    (["predict", "{run}", "{empty}"], "empty: is a folder without images", 2),
    (["predict", "{run}", "{folder_png}"], "folder.png: is a folder without images", 2),
    (["predict", "{run}", "/dev/null"], "/dev/null: is no plain file", 2),
    (["predict", "{run}", "a\0b"], "cannot be read", 2),
    (["predict", "{run}", LONG], "aaa", 2),
]
CONTRADICTIONS: list[tuple[list[str], str, int]] = [
    (["summary", "lenet5", "--csv", "--json"], "--json: not allowed with argument --csv", 2),
    (["draw", "lenet5", "a.svg", "--out", "b.svg"], "a.svg and --out b.svg: name one file", 2),
    (["draw", "lenet5", "-", "--json"], "--json and the picture cannot both be on standard output", 2),
    (["summary", "lenet5", "--csv", "--markdown"], "--markdown: not allowed with argument --csv", 2),
    (["train", "lenet5", "--data", "digits", "--root", "{mnist}"], "mnist: --data digits takes no folder: 1,797", 2),
    (["train", "lenet5", "--root", "{mnist}"], "--data digits takes no folder", 2),
    (["train", "lenet5", "--download"], "--download: --data digits is not fetched: 1,797 handwritten digits", 2),
    (["train", "lenet5", "--data", "folder", "--root", "x", "--download"], "--download: --data folder is not", 2),
    (["train", "--resume", "{begun}", "--lr", "0.3"], "contradicted by --lr 0.3 (it has 0.05): a run goes on as it", 2),
    (["train", "--resume", "{begun}", "--seed", "3", "--data", "digits", "--optimizer", "adam", "--batch-size", "7"],
     "contradicted by --batch-size 7 (it has 32), --optimizer adam (it has sgd), --data digits (it has mnist), --seed 3"
     " (it has 0)", 2),
    (["train", "lenet4", "--resume", "{begun}"], "contradicted by MODEL lenet4 (it has lenet5)", 2),
    (["train", "--resume", "{begun}", "--out", "else"], "contradicted by --out else (it goes on where it is)", 2),
]
FINETUNE: list[tuple[list[str], str, int]] = [
    (["finetune"], "the following arguments are required: RUN, or --resume RUN (see minigrad finetune --help)", 2),
    (["finetune", "lenet5"], "lenet5 is a model that nobody has trained yet", 2),
    (["finetune", "{nowhere}"], "nowhere: there is no such run folder or file", 2),
    (["finetune", "{cut_run}"], "weights.safetensors: expected a safetensors file", 2),
    (["finetune", "{linear}", "--data", "digits"], "linear.safetensors: holds weights without their model", 2),
    (["finetune", "{stopped}"], "stopped: has no weights.safetensors: the run was stopped before its end", 2),
    (["finetune", "{weights}"], "does not say what it was trained on: name the data with --data", 2),
    (["finetune", "lenet5", "--weights", "{linear}", "--data", "digits"], "linear.safetensors: holds no weights", 2),
    (["finetune", "lenet5", "--weights", "{cut}", "--data", "digits"], "cut.safetensors: expected a safetensors", 2),
    (["finetune", "lenet4", "--weights", "{weights}"], "unknown model 'lenet4': did you mean lenet5?", 2),
    (["finetune", "{run}", "--weights", "{weights}"], "has its own: --weights goes with the name of a model", 2),
    (["finetune", "unet", "--weights", "{weights}", "--data", "digits"], "weights.safetensors: holds no weights", 2),
    (["finetune", "{run}", "--cut", "tahn_3"], "--cut tahn_3: this graph has no node or block 'tahn_3': did you mean "
     "tanh_3", 2),
    (["finetune", "{run}", "--cut", "image"], "--cut image: nothing that", 2),
    (["finetune", "{run}", "--cut", ""], "--cut: expected a name, '' came", 2),
    (["finetune", "{run}", "--freeze", "c33"], "--freeze c33: this graph has no node or block 'c33': did you mean c3?",
     2),
    (["finetune", "{run}", "--cut", "s2", "--freeze", "c3"], "--freeze c3: this graph has no node or block 'c3'", 2),
    (["finetune", "{run}", "--freeze", "f7"], "--freeze f7: the new head lies before it, so nothing would learn", 2),
    (["finetune", "{run}", "--classes", "1,one"], "train: has no class 'one': there are 0, 1, 2", 2),
    (["finetune", "{run}", "--classes", "1,1"], "expected the names of some classes, each once, 1 twice came", 2),
    (["finetune", "{run}", "--classes", "1,"], "--classes: expected names with commas between them, as cat,dog", 2),
    (["finetune", "{run}", "--per-class", "99"], "expected 99 examples of each class, there are ", 2),
    (["finetune", "{run}", "--per-class", "0"], "--per-class: expected a positive whole number", 2),
    (["finetune", "{run}", "--data", "folder"], "--data folder needs --root", 2),
    (["finetune", "{run}", "--data", "cells"], "--data cells has a class for every pixel, and a new head gives one", 2),
    (["train", "unet", "--data", "cells", "--classes", "cell"], "every pixel: images cannot be chosen by their", 2),
    (["finetune", "{run}", "--data", "folder", "--root", "{gap_png}"], "gap/night: expected the images of a class", 2),
    (["finetune", "{run}", "--data", "folder", "--root", "{broken_png}"], "broken/day/", 2),
    (["finetune", "{run}", "--data", "cifar10", "--root", "{cifar}"], "the model reads 1 channel, the images of "
     "cifar10 have 3", 2),
    (["finetune", "{run}", "--out", "{run}"], "run: is the run that the network comes from: name another folder", 2),
    (["finetune", "{run}", "--out", "{full}"], "full: is not empty and holds no earlier run of minigrad", 2),
    (["finetune", "--resume", "{run}"], "was begun by minigrad train, and goes on with it: minigrad train --resume", 2),
    (["finetune", "--resume", "{nowhere}"], "nowhere: is no run folder, it has no run.json", 2),
    (["train", "lenet5", "--classes", "1,seven"], "has no class 'seven'", 2),
    (["train", "--resume", "{begun}", "--classes", "1,2"], "contradicted by --classes 1,2 (it has None)", 2),
]
ROWS = [*NAMES, *NUMBERS, *DEVICES, *FILES, *CONTRADICTIONS, *FINETUNE]


@pytest.mark.parametrize(("words", "message", "status"), ROWS, ids=[" ".join(words)[:60] for words, *_ in ROWS])
def test_one_line_and_a_status(world, tmp_path, monkeypatch, capsys, words, message, status):
    """On stderr, or with --json in the one document on stdout too; and nothing is left behind or changed."""
    if "{image}" in words or any(["_png" in word or "blank" in word for word in words]):
        pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    words = [word.format(**world) for word in words]
    before = contents(Path(world["mnist"]).parent)
    error = refused(words, capsys, status)
    assert message in error
    if "--csv" not in words:
        assert error[:60] == refused([*words, "--json"], capsys, status)[:60]
    assert list(tmp_path.iterdir()) == [] and contents(Path(world["mnist"]).parent) == before


def test_there_are_over_a_hundred_rows():
    assert len(ROWS) > 120


def test_arrays_that_do_not_fit_into_memory(monkeypatch, capsys):
    def allocate(*args):
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr(cli.load("bench"), "measured", allocate)
    assert "out of memory: Unable to allocate 7.28 TiB: try a smaller batch" in refused(["bench"], capsys, 1)


# --- libraries that are missing -------------------------------------------------------------------------------------

MISSING: list[tuple[str, list[str], str]] = [
    ("matplotlib", ["train", "lenet5"], "drawn with matplotlib, which is not installed"),
    ("threadpoolctl", ["train", "lenet5"], "with threadpoolctl, which is not installed"),
    ("sklearn.datasets", ["train", "lenet5"], "with scikit-learn, which is not installed"),
    ("sklearn.datasets", ["step", "lenet5", "--data", "digits"], "with scikit-learn, which is not installed"),
    ("sklearn.datasets", ["evaluate", "{run}", "--data", "digits"], "with scikit-learn, which is not installed"),
    ("matplotlib", ["evaluate", "{run}", "--out", "look"], "drawn with matplotlib, which is not installed"),
    ("PIL", ["predict", "{run}", "{image}"], "read with Pillow, which is not installed"),
    ("PIL", ["evaluate", "{run}", "--out", "look"], "Pillow, which is not installed"),
]


@pytest.mark.parametrize(("library", "words", "message"), MISSING, ids=[f"{x[0]} {x[1][0]}" for x in MISSING])
def test_a_missing_library(world, tmp_path, monkeypatch, capsys, library, words, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    error = refused([word.format(image="x.png", **{k: v for k, v in world.items() if k != "image"}) for word in words],
                    capsys)
    assert message in error and 'pip install "minigrad[demo]"' in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["models"], ["summary", "lenet5"], ["bench", "--steps", "1", "--batch-size", "1"],
                                   ["step", "lenet5", "--data", "random"], ["evaluate", "{run}"]])
def test_what_needs_no_library_goes_without(world, monkeypatch, capsys, words):
    for library in ("sklearn", "PIL", "matplotlib", "rich"):
        monkeypatch.setitem(sys.modules, library, None)
    assert cli.main([word.format(**world) for word in words]) == 0
    assert capsys.readouterr().err == ""
