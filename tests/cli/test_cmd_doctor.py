"""``circuitviz doctor``: what it finds here, and what it says of faults that are made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from circuitviz.__main__ import main
from circuitviz.cli import cmd_doctor, qt_libraries

TORCH = "import json; print(json.dumps({'version': '9', 'devices': ['cpu']}))"


@pytest.fixture(autouse=True)
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own without the seconds that torch takes to import; nothing of this machine's Qt."""
    qt = "import json; print(json.dumps({'version': '6', 'platform': 'offscreen', 'settings': __file__}))"
    monkeypatch.setattr(cmd_doctor, "TORCH_PROBE", TORCH)
    monkeypatch.setattr(cmd_doctor, "QT_PROBE", qt.replace("__file__", repr(__file__)))


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = main(["doctor", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert data["works"] is (code == 0)
    return code, {check["name"]: check for check in data["checks"]}


def test_every_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    _, checks = doctor(capsys)
    assert {"Python", "torch", "Qt", "devices", "folder of data", "folder of cache", "extra cluster"} <= set(
        checks
    )
    assert checks["devices"]["found"] == "cpu; torch 9"
    assert checks["Qt"]["status"] == "ok"


def test_a_probe_that_fails_gives_status_1_and_its_last_line(capsys, monkeypatch) -> None:
    monkeypatch.setattr(cmd_doctor, "TORCH_PROBE", "raise OSError('libtorch is cut off')")
    code, checks = doctor(capsys)
    assert code == 1 and checks["devices"]["status"] == "failed"
    assert (
        "libtorch is cut off" in checks["devices"]["found"] and "pip install" in checks["devices"]["advice"]
    )


def test_a_process_that_is_ended_is_a_failure_of_qt(capsys, monkeypatch) -> None:
    monkeypatch.setattr(cmd_doctor, "QT_PROBE", "import os; os._exit(6)")
    code, checks = doctor(capsys)
    assert code == 1 and "status 6" in checks["Qt"]["found"]


def test_a_missing_library_is_named_with_its_package(capsys, monkeypatch) -> None:
    monkeypatch.setitem(qt_libraries.LIBRARIES, "libnowhere.so.7", "libnowhere7")
    monkeypatch.setattr(cmd_doctor.sys, "platform", "linux")
    _, checks = doctor(capsys)
    assert checks["Qt libraries"]["status"] == "warning"  # Qt starts without it
    assert "libnowhere.so.7" in checks["Qt libraries"]["found"]
    assert "libnowhere7" in checks["Qt libraries"]["advice"]


def test_packages_too_old_or_missing_fail_but_extras_do_not(capsys, monkeypatch) -> None:
    lines = ["numpy>=9999", "nowhere-to-be-found>=2", 'nowhere-extra>=1; extra == "cluster"']
    monkeypatch.setattr(cmd_doctor, "requires", lambda name: lines)
    code, checks = doctor(capsys)
    assert code == 1
    assert checks["numpy"]["status"] == checks["nowhere-to-be-found"]["status"] == "failed"
    assert "numpy>=9999" in checks["numpy"]["advice"]
    assert checks["extra cluster"]["status"] == "ok" and "nowhere-extra" in checks["extra cluster"]["found"]
    assert "circuitviz[cluster]" in checks["extra cluster"]["advice"]


def test_a_file_in_the_place_of_a_folder_fails(capsys, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cmd_doctor, "user_cache_folder", lambda: tmp_path / "file" / "circuitviz")
    monkeypatch.setattr(cmd_doctor, "user_data_folder", lambda: tmp_path / "new" / "circuitviz")
    code, checks = doctor(capsys)
    assert code == 1 and checks["folder of cache"]["status"] == "failed"
    assert str(tmp_path / "file") in checks["folder of cache"]["advice"]
    assert checks["folder of data"]["status"] == "ok" and list(tmp_path.iterdir()) == [tmp_path / "file"]
