"""The table of all architectures runs in a small setting, goes on where it was, and knows what is published."""

from __future__ import annotations

import pytest
from benchmark_runs import rows_of

from minigrad import models

pytestmark = pytest.mark.parity


def test_the_table_is_written_and_gone_on_with(benchmark, tmp_path, capsys, monkeypatch):
    table = benchmark("models_table")
    files = ["--csv", str(tmp_path / "m.csv"), "--out", str(tmp_path / "m.txt"), "--steps", "1", "--threads", "1"]
    table.main(["--models", "lenet5", *files])
    monkeypatch.setattr(table, "batch_size", lambda multiplications: 2)
    table.main(["--models", "resnet20_cifar", "lenet5", *files])
    assert (tmp_path / "m.txt").read_text(encoding="utf-8") in capsys.readouterr().out
    columns, rows = rows_of(tmp_path / "m.csv")
    assert columns == list(table.FORMATS)
    assert [(row["model"], row["batch"]) for row in rows] == [("lenet5", "32"), ("resnet20_cifar", "2")]
    for row in rows:
        assert float(row["scores"]) < 1e-4 and float(row["gradients"]) < 1e-6 and float(row["step_s"]) > 0
        assert row["file"] in ("lenet5.py", "resnet.py") and int(row["lines"]) > 100
    assert rows[0]["gradients_96"] == "" and float(rows[1]["gradients_96"]) < 1e-6


def test_what_is_published_is_known_of_all_and_as_the_cards_say(benchmark):
    known = benchmark("published").PUBLISHED
    from torch_models import TORCHVISION

    assert sorted([*known, *TORCHVISION]) == models.names()
    for name, figures in known.items():
        card, text = models.about(name), figures.parameters or ""
        if text.endswith(" M"):
            digits = len(text.removesuffix(" M").partition(".")[2])
            assert f"{card.parameters / 1e6:.{digits}f} M" == text
        elif text and "without" not in text:
            assert text == f"{card.parameters:,}"
        if figures.giga and not name.startswith("se_"):         # whose stride is elsewhere in the paper
            assert abs(card.multiplications / 1e9 - float(figures.giga)) < 0.1
