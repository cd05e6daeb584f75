"""From an array to a forecast of it, by the command line alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray
from PIL import Image as Pillow

from convlstm_perception.cli.main import main
from tests.support.fields import moving_stripes


def _netcdf(path: Path) -> Path:
    values = moving_stripes(120, 16)
    values[:, :2, :2] = np.nan
    times = np.datetime64("2020-01-01", "ns") + np.arange(120) * np.timedelta64(300, "s")
    axes = {"time": times, "lat": np.linspace(50, 51, 16), "lon": np.linspace(3, 4, 16)}
    field = xarray.DataArray(values, axes, tuple(axes), attrs={"units": "mm"})
    xarray.Dataset({"rain": field}).to_netcdf(path, engine="h5netcdf")
    return path


def test_train_beats_the_last_frame_and_predict_writes_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = _netcdf(tmp_path / "rain.nc"), tmp_path / "out"
    config = tmp_path / "config.toml"
    config.write_text('inputs = 4\ntargets = 3\nloss = "mse"\nhidden_channels = [16]\n')
    words = ["--config", str(config), "--steps", "150", "--learning-rate", "0.01", "--clip"]
    words += ["--kernel-size", "3", "--split", "0.6,0.2,0.2", "--validate-every", "75"]
    words += ["--thresholds", "5", "--accelerator", "cpu", "--output", str(out)]
    assert main(["forecast", "train", str(data), *words]) == 0
    printed = capsys.readouterr().out
    assert "last frame" in printed and "MSE (mm)²" in printed and f"{out}/best.ckpt" in printed
    scores = json.loads((out / "scores.json").read_text())
    assert scores["units"] == "mm" and scores["part"] == "test"
    learned, still = (scores["figures"][name] for name in ("ConvLSTM", "last frame"))
    assert learned["windows"] == still["windows"] == 18
    assert learned["mse"] < 0.5 * still["mse"]
    assert learned["thresholds"][0]["csi"] > still["thresholds"][0]["csi"]
    assert (out / "scores.png").stat().st_size > 1000

    checkpoint, past = str(out / "best.ckpt"), tmp_path / "past"
    assert main(["forecast", "predict", checkpoint, "--at", "100", "--output", str(past)]) == 0
    metrics = json.loads((past / "metrics.json").read_text())
    assert metrics["at"] == 100
    assert metrics["figures"]["ConvLSTM"]["mse"] < metrics["figures"]["last frame"]["mse"]
    forecast = np.load(past / "forecast.npy")
    truth = moving_stripes(120, 16)[100:103]
    error = np.nanmean((forecast - truth) ** 2)
    assert error == pytest.approx(metrics["figures"]["ConvLSTM"]["mse"], rel=1e-4)
    assert np.isnan(forecast[:, :2, :2]).all() and np.isfinite(forecast[:, 2:]).all()
    with Pillow.open(past / "forecast.gif") as gif:
        assert gif.n_frames == 4 + 3
    assert {"forecast.png", "metrics.png"} <= {path.name for path in past.iterdir()}

    future = tmp_path / "future"
    ahead = ["forecast", "predict", checkpoint, str(data), "--steps", "5", "--output", str(future)]
    assert main(ahead) == 0
    assert not (future / "metrics.json").exists()
    with xarray.open_dataset(future / "forecast.nc", engine="h5netcdf") as written:
        rain = written["rain"]
        assert rain.dims == ("time", "lat", "lon") and rain.attrs["units"] == "mm"
        assert rain.time.values[0] == np.datetime64("2020-01-01T10:00")
        assert rain.time.values[4] == np.datetime64("2020-01-01T10:20")
        np.testing.assert_array_equal(rain.values, np.load(future / "forecast.npy"))

    again = ["forecast", "evaluate", checkpoint, "--output", str(tmp_path), "--thresholds", "8"]
    assert main(again) == 0
    repeated = json.loads((tmp_path / "scores.json").read_text())["figures"]["ConvLSTM"]
    assert repeated["mse"] == pytest.approx(learned["mse"], rel=1e-6)
    assert repeated["thresholds"][0]["threshold"] == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], "data: no file or folder is named"),
        (["train", "none.npy"], "none.npy: no such file or folder"),
        (["train", "a.npy", "--config", "none.yaml"], "none.yaml: no such training configuration"),
        (["train", "a.npy", "--split", "0.5,0.5"], "three shares"),
        (["predict", "none.ckpt"], "none.ckpt: not a checkpoint"),
        (["evaluate", "none.ckpt"], "none.ckpt: not a checkpoint"),
    ],
)
def test_bad_input_is_refused(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.zeros((30, 8, 8)))
    assert main(["forecast", *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "required: train|evaluate|predict"),
        (["train", "--hidden-channels", "a,b"], "expected numbers with commas"),
        (["train", "--loss", "hinge"], "invalid choice"),
        (["predict", "a.ckpt", "--steps", "0"], "expected a whole number from 1"),
    ],
)
def test_bad_words_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["forecast", *words])
    assert message in capsys.readouterr().err
