"""Sequences of different lengths: padded to one, or packed without gaps.

A padded batch is (t, n, ...) or, batch first, (n, t, ...), t the longest length. A packed one holds the first elements
of all sequences, then the second elements of those that have one, and so on; the longest sequence comes first:

    abc, x, de   ->   data adxbec, batch_sizes [3, 2, 1], sorted_indices [0, 2, 1]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy

from ... import ops
from ...backend import device_of, to_device
from ...tensor import Tensor, bare

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]


class Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(Fields):
    """Sequences of different lengths without padding; `pack_padded_sequence` and `pack_sequence` make them.

    data (total, ...): the elements, step by step   batch_sizes (t,): int64 on the CPU, how many sequences have a step
    sorted_indices (n,): which sequence is first, second, ... by length; unsorted_indices (n,): its inverse; both on the
    device of data, or None where the sequences came sorted.
    """

    __slots__ = ()

    def __new__(cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None,
                unsorted_indices: Any = None) -> PackedSequence:
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise TypeError("PackedSequence: expected data and batch_sizes, or a pair of them; use pack_sequence "
                                "or pack_padded_sequence to make one")
            data, batch_sizes = data
        if batch_sizes.device != "cpu":
            raise ValueError(f"PackedSequence: batch_sizes must be on the CPU, they are on {batch_sizes.device}")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, device: str) -> PackedSequence:
        """On a device; batch_sizes stay on the CPU."""
        indices = [None if x is None else x.to(device) for x in (self.sorted_indices, self.unsorted_indices)]
        return PackedSequence(self.data.to(device), self.batch_sizes, *indices)

    def cpu(self) -> PackedSequence:
        """to("cpu")"""
        return self.to("cpu")

    def cuda(self) -> PackedSequence:
        """to("cuda")"""
        return self.to("cuda")

    def astype(self, dtype: Any) -> PackedSequence:
        """With the data converted to a dtype."""
        return self._replace(data=self.data.astype(dtype))

    def double(self) -> PackedSequence:
        """With float64 data."""
        return self.astype("float64")

    def float(self) -> PackedSequence:
        """With float32 data."""
        return self.astype("float32")

    def half(self) -> PackedSequence:
        """With float16 data."""
        return self.astype("float16")

    def long(self) -> PackedSequence:
        """With int64 data."""
        return self.astype("int64")


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another, an int64 tensor (n,); None of None."""
    return None if permutation is None else ops.argsort(permutation)


# --- packing --------------------------------------------------------------------------------------------------

def pack_padded_sequence(input: Any, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """The elements of padded sequences without the padding.

    input (t, n, ...), or (n, t, ...) if batch_first   lengths (n,): ints, or a tensor of them on the CPU; from 1 to t
    enforce_sorted: the lengths must not increase; False sorts the sequences, and layers put their states back in order.
    Of a mask (n, t), true at the elements of each sequence and then false, the lengths are mask.sum(1).
    Raises ValueError for lengths that do not fit the input, or (enforce_sorted) are not sorted.
    """
    if len(input.shape) < 2:
        raise ValueError(f"pack_padded_sequence: expected {layout(batch_first)}, input has shape {input.shape}")
    if 0 in input.shape:
        raise ValueError(f"pack_padded_sequence: there is nothing to pack, input has shape {input.shape}")
    n, steps = input.shape[:2] if batch_first else input.shape[1::-1]
    lengths = checked_lengths(lengths, n, steps, enforce_sorted)
    order = numpy.arange(n) if enforce_sorted else numpy.argsort(-lengths, kind="stable")
    times, ranks = numpy.nonzero(numpy.arange(lengths.max())[:, None] < lengths[order])         # of every element
    rows = order[ranks] * steps + times if batch_first else times * n + order[ranks]
    flat = ops.reshape(input, (n * steps, *input.shape[2:]))
    data = ops.take(flat, beside(rows, input), 0)                                               # (total, ...)
    return PackedSequence(data, Tensor(numpy.bincount(times)), None if enforce_sorted else Tensor(beside(order, input)))


def checked_lengths(lengths: Any, n: int, steps: int, enforce_sorted: bool) -> numpy.ndarray:
    """The lengths of n sequences, each from 1 to `steps`, as an int64 array on the host."""
    lengths = host_ints("pack_padded_sequence: lengths", lengths)
    if lengths.shape != (n,):
        raise ValueError(f"pack_padded_sequence: expected a length for each of the {n} sequences of input, "
                         f"lengths of shape {lengths.shape} came")
    if lengths.min() < 1:
        raise ValueError(f"pack_padded_sequence: no sequence may be empty, lengths {lengths.tolist()} came")
    if lengths.max() > steps:
        raise ValueError(f"pack_padded_sequence: input has {steps} steps, a length of {lengths.max()} came; "
                         "batch_first says which axis they are on")
    if enforce_sorted and (lengths[1:] > lengths[:-1]).any():
        raise ValueError(f"pack_padded_sequence: lengths must not increase, {lengths.tolist()} came: "
                         "enforce_sorted=False sorts them")
    return lengths


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (length, ...), by falling length, or in any order if enforce_sorted is False."""
    sequences = listed("pack_sequence", sequences)
    return pack_padded_sequence(pad_sequence(sequences), [len(x) for x in sequences], enforce_sorted=enforce_sorted)


# --- padding --------------------------------------------------------------------------------------------------

def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Tensor, Tensor]:
    """What was packed, padded at the end of every sequence; and the lengths (n,), int64 on the CPU.

    The sequences are in the order in which they were packed. total_length: of the result, by default the longest.
    Raises ValueError for a total_length that is shorter.
    """
    data, sizes = sequence.data, host_ints("pad_packed_sequence: batch_sizes", sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(f"pad_packed_sequence: total_length {total_length} is less than the longest length, "
                         f"{len(sizes)}")
    present = numpy.arange(sizes[0]) < numpy.pad(sizes, (0, steps - len(sizes)))[:, None]       # (t, n)
    rows = numpy.where(present, present.cumsum().reshape(present.shape) - 1, 0)
    if sequence.unsorted_indices is not None:
        order = sequence.unsorted_indices.numpy()
        present, rows = present[:, order], rows[:, order]
    lengths = Tensor(present.sum(0))
    if batch_first:
        present, rows = present.T, rows.T
    mask = present.reshape(present.shape + (1,) * (len(data.shape) - 1))
    padded = ops.take(data, beside(rows, data), 0)                                              # (t, n, ...)
    return ops.where(beside(mask, data), padded, in_kind(padding_value, data)), lengths


def pad_sequence(sequences: Any, batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Tensor:
    """Sequences (length, ...) of different lengths as one tensor (t, n, ...), or (n, t, ...) if batch_first.

    padding_side: "right" pads at the end, "left" at the beginning. The first sequence has the dtype of the result.
    Raises ValueError for sequences that differ in more than their length.
    """
    sequences = listed("pad_sequence", sequences)
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', {padding_side!r} came")
    first = sequences[0]
    longest = max([len(x) for x in sequences])
    padded = []
    for x in sequences:
        missing = longest - len(x)
        widths = [(missing, 0) if padding_side == "left" else (0, missing)] + [(0, 0)] * (len(x.shape) - 1)
        x = x if x.dtype == first.dtype else ops.astype(x, first.dtype)
        padded.append(ops.pad(x, widths, constant_values=in_kind(padding_value, first)))
    return ops.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences (length, ...) of a padded batch (t, n, ...), or (n, t, ...) if batch_first, without the padding."""
    lengths = host_ints("unpad_sequence: lengths", lengths)
    n = padded_sequences.shape[0 if batch_first else 1]
    if lengths.shape != (n,):
        raise ValueError(f"unpad_sequence: expected a length for each of the {n} sequences of padded_sequences, "
                         f"lengths of shape {lengths.shape} came")
    ends = [slice(max(int(length), 0)) for length in lengths]
    return [padded_sequences[(i, end) if batch_first else (end, i)] for i, end in enumerate(ends)]


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences (length, ...) that were packed, in their order."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


# --- helpers --------------------------------------------------------------------------------------------------

def layout(batch_first: bool) -> str:
    return "(n, t, ...), for batch_first" if batch_first else "(t, n, ...)"


def host_ints(what: str, values: Any) -> numpy.ndarray:
    """Whole numbers, in a list or a tensor on the CPU, as an int64 array."""
    if isinstance(values, Tensor) and values.device != "cpu":
        raise TypeError(f"{what} must be on the CPU, they are on {values.device}: cpu() brings them there")
    array = numpy.asarray(bare(values))
    if array.size and array.dtype.kind not in "iub" and (array.dtype.kind != "f" or (array % 1).any()):
        raise TypeError(f"{what} must be whole numbers, {array.dtype} came")
    return array.astype("int64")


def listed(who: str, sequences: Any) -> list:
    """A list of sequences that differ in their length alone."""
    if not isinstance(sequences, Iterable):
        raise TypeError(f"{who}: expected a list of sequences, {type(sequences).__name__} came")
    sequences = list(sequences)
    if not sequences:
        raise ValueError(f"{who}: expected at least one sequence, an empty list came")
    for x in sequences:
        if not isinstance(x, Tensor):
            raise TypeError(f"{who}: expected tensors, {type(x).__name__} came")
    shapes = [x.shape for x in sequences]
    if not all([len(shape) and shape[1:] == shapes[0][1:] for shape in shapes]):
        raise ValueError(f"{who}: sequences must be (length, ...) and differ in their length alone, they are {shapes}")
    return sequences


def beside(array: numpy.ndarray, x: Any) -> Any:
    """An array on the device of x."""
    return to_device(array, device_of(bare(x)))


def in_kind(value: float, x: Any) -> Any:
    """A Python number of the kind that x holds."""
    return {"b": bool, "i": int, "u": int}.get(x.dtype.kind, float)(value)
