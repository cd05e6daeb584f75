"""Forecasting the next frames of any (time, height, width[, channel]) array.

    from convlstm_perception import forecasting as fc

    # .npy, .npz, Zarr, NetCDF, HDF5, video, read lazily; or an array (T, C, H, W) in memory
    series = fc.open_series("radar/", reduce=4)
    series = [fc.MemorySeries(array)]
    shape = fc.WindowShape(inputs=10, targets=10)
    # train, validation, test, without leakage
    split = fc.split_windows(series, shape)
    # (10, C, H, W) both, NaN where missing
    inputs, truth = fc.read_window(series, split.test[0], shape)

    contenders = [fc.LastFrame(), fc.Advection()]
    figures = fc.score(series, split.test, shape, contenders, thresholds=[1.0])
    forecast = fc.Advection().forecast(inputs[None], steps=10)[0]
    shown = fc.ShownForecast(inputs, {"advection": forecast}, truth)
    fc.draw_sheet(shown, Path("sheet.png"))
    fc.write_gif(shown, Path("forecast.gif"))
    fc.draw_figures(figures, Path("figures.png"))

    config = fc.ForecastConfig(data=("radar/",), inputs=10, targets=10, minutes=20.0)
    trained = fc.TrainedForecaster.load(fc.train(config))  # or fc.train(config, data=...)
    fc.judge(trained).write(Path(config.output))

A forecaster of one's own is an object with a ``name`` and ``forecast(inputs, steps)``: see
:class:`FrameForecaster`. A file format of one's own is a function; see :func:`register`. Values
are float32 in the data's own units everywhere outside of the network, and NaN where one is missing.
"""

from convlstm_perception.forecasting.advection import Advection
from convlstm_perception.forecasting.animation import write_gif
from convlstm_perception.forecasting.checkpoint import TrainedForecaster
from convlstm_perception.forecasting.colouring import Colouring, fit_colouring
from convlstm_perception.forecasting.config import ForecastConfig
from convlstm_perception.forecasting.data import ForecastData, open_data
from convlstm_perception.forecasting.evaluation import figures_as_json, score
from convlstm_perception.forecasting.fields import FieldSeries, Labels, MemorySeries
from convlstm_perception.forecasting.forecasters import FrameForecaster, LastFrame
from convlstm_perception.forecasting.judgement import Judgement, judge
from convlstm_perception.forecasting.metrics import (
    ForecastFigures,
    ForecastScore,
    ThresholdFigures,
)
from convlstm_perception.forecasting.pictures import draw_figures, draw_sheet
from convlstm_perception.forecasting.prediction import Prediction, predict, write_prediction
from convlstm_perception.forecasting.readers import open_array, open_series, register
from convlstm_perception.forecasting.readers.base import Packing, StoredArray
from convlstm_perception.forecasting.run import train
from convlstm_perception.forecasting.scaling import ValueScaling, fit_scaling
from convlstm_perception.forecasting.shown import ShownForecast
from convlstm_perception.forecasting.windows import (
    Split,
    Window,
    WindowShape,
    read_window,
    split_windows,
)

__all__ = [
    "open_series",
    "open_array",
    "register",
    "StoredArray",
    "Packing",
    "FieldSeries",
    "MemorySeries",
    "Labels",
    "WindowShape",
    "Window",
    "Split",
    "split_windows",
    "read_window",
    "ValueScaling",
    "fit_scaling",
    "FrameForecaster",
    "LastFrame",
    "Advection",
    "ForecastConfig",
    "ForecastData",
    "open_data",
    "train",
    "TrainedForecaster",
    "judge",
    "Judgement",
    "predict",
    "Prediction",
    "write_prediction",
    "score",
    "figures_as_json",
    "ForecastScore",
    "ForecastFigures",
    "ThresholdFigures",
    "ShownForecast",
    "Colouring",
    "fit_colouring",
    "draw_sheet",
    "draw_figures",
    "write_gif",
]
