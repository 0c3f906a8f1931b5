"""Callbacks: the ones that come with the library, and own ones."""

import csv
import io
import sys

import numpy as np
import pytest

import pyneural as keras
from pyneural import callbacks, layers
from pyneural.utils.progbar import Progbar, format_value

X = np.linspace(-1, 1, 24, dtype="float32").reshape(12, 2)
Y = X.sum(1)


def model_of(rate=0.1):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def fit(model, *given, **options):
    return model.fit(X, Y, **{"batch_size": 4, "verbose": 0, "shuffle": False, "callbacks": list(given), **options})


class Recorder(callbacks.Callback):
    """Writes down every call."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __getattribute__(self, name):
        if name.startswith("on_"):
            return lambda *args, **kwargs: self.calls.append(
                (name, args[0] if args and isinstance(args[0], int) else None)
            )
        return super().__getattribute__(name)


def test_order_of_calls():
    class Both(callbacks.Callback):
        calls = []  # noqa: RUF012

        def on_train_begin(self, logs=None):
            self.calls.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            self.calls.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch, logs=None):
            self.calls.append(f"batch {batch}")

        def on_train_batch_end(self, batch, logs=None):
            assert set(logs) == {"loss"}
            self.calls.append(f"end {batch}")

        def on_test_begin(self, logs=None):
            self.calls.append("test")

        def on_test_end(self, logs=None):
            self.calls.append("test end")

        def on_epoch_end(self, epoch, logs=None):
            assert set(logs) == {"loss", "val_loss"}
            self.calls.append(f"epoch end {epoch}")

        def on_train_end(self, logs=None):
            self.calls.append("finish")

    callback = Both()
    fit(model_of(), callback, validation_data=(X, Y), batch_size=6)
    batches = ["batch 0", "end 0", "batch 1", "end 1"]
    expected = ["begin", "epoch 0", *batches, "test", "test end", "epoch end 0", "finish"]
    assert callback.calls == expected
    assert callback.params["epochs"] == 1
    assert callback.params["steps"] == 2


def test_same_weights_with_and_without_batch_callbacks():
    class Idle(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    plain, watched = model_of(), model_of()
    assert fit(plain, epochs=3).history == fit(watched, Idle(), epochs=3).history
    np.testing.assert_array_equal(plain.get_weights()[0], watched.get_weights()[0])


def test_stop_training_within_an_epoch():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = model_of()
    assert fit(model, Stop(), epochs=5).epoch == [0]
    assert int(model.optimizer.iterations.numpy()) == 2


def test_early_stopping_restores_the_best_weights():
    model = model_of(1.2)  # too fast: the loss rises
    stopping = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    history = fit(model, stopping, epochs=20)
    assert len(history.epoch) == stopping.stopped_epoch + 1 < 20
    losses = history.history["loss"]
    assert stopping.best == min(losses)
    assert stopping.stopped_epoch == int(np.argmin(losses)) + 2


@pytest.mark.parametrize(
    ("monitor", "maximised"), [("val_loss", False), ("val_accuracy", True), ("auc", True), ("mae", False)]
)
def test_direction_of_metrics(monitor, maximised):
    assert callbacks.EarlyStopping(monitor).maximises is maximised


def test_unknown_direction_and_missing_metric():
    with pytest.raises(ValueError, match="Pass `mode='max'`"):
        assert callbacks.EarlyStopping("own").maximises is None
    with pytest.warns(UserWarning, match="conditioned on metric `val_loss` which is not available"):
        fit(model_of(), callbacks.EarlyStopping())


def test_reduce_on_plateau_and_scheduler():
    model = model_of(0.5)
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=1e9, min_lr=0.2)
    history = fit(model, plateau, epochs=6)
    np.testing.assert_allclose(history.history["learning_rate"], [0.5, 0.5, 0.5, 0.25, 0.25, 0.2], rtol=1e-6)
    scheduler = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    history = fit(model_of(0.4), scheduler, epochs=3)
    np.testing.assert_allclose(history.history["learning_rate"], [0.4, 0.2, 0.1], rtol=1e-6)


def test_checkpoints(tmp_path):
    model = model_of(1.2)
    each = callbacks.ModelCheckpoint(tmp_path / "{epoch:02d}.weights.h5", save_weights_only=True)
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss", save_best_only=True)
    history = fit(model, each, best, epochs=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "01.weights.h5",
        "02.weights.h5",
        "03.weights.h5",
        "best.keras",
    ]
    loaded = keras.models.load_model(tmp_path / "best.keras")
    epoch = int(np.argmin(history.history["loss"])) + 1
    model.load_weights(tmp_path / f"{epoch:02d}.weights.h5")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
    with pytest.raises(ValueError, match=r"must end in `.weights.h5`"):
        callbacks.ModelCheckpoint("a.keras", save_weights_only=True)


def test_checkpoint_every_few_batches(tmp_path):
    path = tmp_path / "{epoch}-{batch}.weights.h5"
    fit(model_of(), callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=2), epochs=2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1-2.weights.h5", "2-1.weights.h5", "2-3.weights.h5"]


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    fit(model_of(), callbacks.CSVLogger(path), epochs=2, validation_data=(X, Y), validation_freq=2)
    fit(model_of(), callbacks.CSVLogger(path, append=True), validation_data=(X, Y), validation_freq=2)
    with open(path) as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert rows[0]["val_loss"] == "NA"
    assert float(rows[1]["val_loss"]) < float(rows[0]["loss"])


def test_terminate_on_nan(capsys):
    history = fit(model_of(1e30), callbacks.TerminateOnNaN(), epochs=3)
    assert "Invalid loss, terminating training" in capsys.readouterr().out
    assert np.isnan(history.history["loss"]).tolist() == [True]
    with pytest.raises(RuntimeError, match="NaN or Inf loss"):
        fit(model_of(1e30), callbacks.TerminateOnNaN(raise_error=True), epochs=3)


def test_lambda_and_history():
    seen = []
    history = fit(
        model_of(),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs["loss"]))),
        epochs=2,
    )
    assert [loss for _, loss in seen] == history.history["loss"]
    assert history.model.history is history
    assert callbacks.CallbackList([callbacks.History()], add_history=True).history is not None


def test_test_and_predict_hooks():
    recorder = Recorder()
    model = model_of()
    model.evaluate(X, Y, batch_size=6, verbose=0, callbacks=[recorder])
    model.predict(X, batch_size=6, verbose=0, callbacks=[recorder])
    names = [name for name, _ in recorder.calls]
    assert names.count("on_predict_begin") == names.count("on_test_end") == 1


def test_lines_without_a_terminal(capsys):
    fit(model_of(), epochs=2, verbose=1, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("Epoch 1/2 - 3/3 - 0s - ")
    assert " - loss: " in lines[0]
    assert " - val_loss: " in lines[0]
    fit(model_of(), verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="`verbose` must be"):
        fit(model_of(), verbose=7)


def test_bar_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    fit(model_of(), epochs=2, verbose="auto")
    shown = terminal.getvalue()
    assert shown.count("\n") == 2
    bar, *_, last = shown.split("\n")[1].lstrip("\r").split("\r")
    assert bar.startswith("Epoch 2/2:   0%|")
    assert "| 0/3 [00:00<?" in bar
    assert last.startswith("Epoch 2/2 - 3/3 - 0s - ")
    assert " - loss: " in last


@pytest.mark.parametrize("columns", [0, 40, 80, 200])
def test_bar_fits_the_terminal(columns, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = Progbar(100, label="Epoch 1/2", interval=0.0)
    bar.update(50, [("accuracy", 0.5), ("loss", 1.25)])
    drawn = terminal.getvalue().split("\r")[-1]
    assert len(drawn) <= (columns or 80)
    assert drawn.startswith("Epoch 1/2:  50%|")
    if columns != 40:
        assert "accuracy=0.5000, loss=1.2500]" in drawn


def test_progbar(capsys):
    bar = Progbar(3, verbose=2)
    for step in range(1, 4):
        bar.update(step, [("loss", 1 / step)])
    assert capsys.readouterr().out.count("loss: 0.3333") == 1
    assert [format_value(v) for v in (0.5, 1e-5, 0.0, 12345678.0)] == ["0.5000", "1.0000e-05", "0.0000", "1.2346e+07"]


@pytest.mark.parametrize("wrong", ["EarlyStopping", callbacks.EarlyStopping, 3])
def test_what_is_no_callback_is_an_error(wrong):
    with pytest.raises(TypeError, match="`callbacks` must hold `Callback` objects"):
        callbacks.CallbackList([wrong])
