"""Some classes of a data set, and a few examples of each."""

from __future__ import annotations

import numpy as np
import pytest
from trainings import bars

from minigrad.data import Arrays, DataError, Dataset, Subset, TrainTest, of_classes, per_class, split
from minigrad.train.parts import ALL, Choice

NAMES = ("cat", "dog", "frog", "horse")


def numbered(n: int = 20) -> list:
    """The same examples as a Dataset, as Arrays, and as a data set that gives one at a time; each is its number."""
    images = np.arange(n, dtype=np.float32).reshape(n, 1, 1, 1)
    labels = np.random.default_rng(0).permutation(np.arange(n, dtype=np.int64) % 4)
    arrays = Arrays(images, labels, classes=NAMES)
    one_by_one = Subset(arrays, np.arange(n))
    one_by_one.takes_indices = False
    one_by_one.data.takes_indices = False
    return [Dataset("pets", images, labels, NAMES), Arrays(images, labels, name="pets", classes=NAMES), one_by_one]


@pytest.mark.parametrize("data", numbered(), ids=["Dataset", "Arrays", "Subset"])
def test_classes_are_numbered_as_they_are_named(data):
    chosen = of_classes(data, ["horse", "cat"])
    assert chosen.classes == ("horse", "cat") and len(chosen) == len(chosen.labels) == 10
    places = [int(image.item()) for image, _ in chosen]
    old = np.array([3, 0])
    assert places == sorted(places)                         # in the order that they have
    assert [old[label] for _, label in chosen] == [data.labels[i] for i in places]
    assert [label for _, label in chosen] == list(chosen.labels)


def test_a_dataset_stays_one():
    """So that its mean and std are known."""
    data = bars(9)
    chosen = of_classes(data, ["2"])
    assert isinstance(chosen, Dataset) and (chosen.mean, chosen.std) == (data.mean, data.std)
    np.testing.assert_array_equal(chosen.images, data.images[data.labels == 2])


def test_whole_batches_at_once():
    chosen = of_classes(numbered()[1], ["dog", "frog"])
    images, labels = chosen[np.array([0, 3, 7])]
    assert images.shape == (3, 1, 1, 1) and list(labels) == list(chosen.labels[[0, 3, 7]])


def test_parts_of_chosen_classes():
    train, held_out = split(of_classes(numbered(40)[2], ["frog", "dog"]), 0.25, seed=1)
    assert len(train) == 15 and len(held_out) == 5 and train.classes == ("frog", "dog")
    assert {int(label) for _, label in held_out} == {0, 1}


@pytest.mark.parametrize("data", numbered(), ids=["Dataset", "Arrays", "Subset"])
def test_so_many_of_each_class(data):
    few = per_class(data, 2, seed=3)
    assert list(np.bincount(few.labels)) == [2, 2, 2, 2] and few.classes == NAMES
    places = [int(image.item()) for image, _ in few]
    assert places == sorted(set(places)) and [int(label) for _, label in few] == [data.labels[i] for i in places]
    assert places == [int(image.item()) for image, _ in per_class(data, 2, seed=3)]
    assert places != [int(image.item()) for image, _ in per_class(data, 2, seed=4)]
    assert set(places) < {int(image.item()) for image, _ in per_class(data, 3, seed=3)}


@pytest.mark.parametrize(("act", "message"), [
    (lambda data: of_classes(data, ["dgo"]), "pets: has no class 'dgo': did you mean dog?"),
    (lambda data: of_classes(data, ["zzz"]), "pets: has no class 'zzz': there are cat, dog, frog, horse"),
    (lambda data: of_classes(data, ["dog", "cat", "dog"]), "each once, dog twice came"),
    (lambda data: of_classes(data, []), "the names of some classes, each once, none came"),
    (lambda data: per_class(data, 6), "expected 6 examples of each class, there are 5 of cat"),
    (lambda data: per_class(data, 0), "a whole number from 1 on, 0 came"),
])
def test_errors(act, message):
    with pytest.raises(DataError, match=message.replace("?", r"\?")):
        act(numbered()[0])


def test_a_choice_for_a_run():
    """Few training images; all of the other parts."""
    data = numbered(40)[0]
    found = TrainTest(data, data.subset(slice(0, 20)), data.subset(slice(20, 40)))
    assert ALL.of(found).train is data and ALL.said == {}
    chosen = Choice(("frog", "cat"), 3, seed=5).of(found)
    assert list(np.bincount(chosen.train.labels)) == [3, 3] and chosen.test.classes == ("frog", "cat")
    assert len(chosen.test) == (found.test.labels % 2 == 0).sum() and len(chosen.validation) == 20 - len(chosen.test)
    assert Choice(("frog", "cat"), 3).said == {"chosen_classes": ("frog", "cat"), "per_class": 3}
