"""A training that is killed with SIGKILL, also while it writes, goes on as if nothing had happened: kill_driver.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).with_name("kill_driver.py")
THOROUGH = os.environ.get("MINIGRAD_HYPOTHESIS_PROFILE") == "thorough"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forks, and Windows has none")


def killed(folder: Path, kills: int, *forgotten: str) -> dict:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run([sys.executable, DRIVER, folder, str(kills), "0", *forgotten], capture_output=True, text=True,
                          env={**os.environ, **one_thread}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_fifty_kills_change_nothing(tmp_path):
    result = killed(tmp_path, 500 if THOROUGH else 50)
    assert result["differ"] == [] and result["kills"] >= 50 and result["runs"] >= 3
    assert set(result["deaths"]) == {"anywhere", "half written", "before fsync", "after fsync", "before replace",
                                     "after replace"}


@pytest.mark.parametrize("part", ["generators", "scores"])
def test_a_checkpoint_that_forgets_is_found_out(tmp_path, part):
    assert killed(tmp_path, 6, part)["differ"]
