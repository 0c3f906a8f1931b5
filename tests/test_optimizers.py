"""Optimizers and schedules: trajectories recorded from Keras 3.15 with the same variables and gradients."""

import numpy as np
import pytest

import pyneural as keras
from pyneural import ops, optimizers
from pyneural.optimizers import SGD, Adadelta, Adagrad, Adam, AdamW, RMSprop, schedules

# Values of both variables after each of four updates (and, with use_ema, after the averages took their place).
TRAJECTORIES = [
    (
        lambda: SGD(0.1),
        [
            [0.9, -1.9, 0.6, 0.3, 2.5],
            [0.8, -1.8149999, 0.71, 0.34, 2.0999999],
            [0.6999999, -1.7442499, 0.832, 0.372, 1.78],
            [0.5999999, -1.6870375, 0.9684, 0.3976, 1.5239999],
        ],
    ),
    (
        lambda: SGD(0.1, momentum=0.9),
        [
            [0.9, -1.9, 0.6, 0.3, 2.5],
            [0.71, -1.725, 0.8, 0.385, 1.65],
            [0.448, -1.50125, 1.12, 0.4845, 0.655],
            [0.1374, -1.2548125, 1.602, 0.57715, -0.2715001],
        ],
    ),
    (
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        [
            [0.81, -1.8099999, 0.69, 0.345, 2.05],
            [0.5561, -1.5760499, 1.0142, 0.4444, 1.056],
            [0.265831, -1.3262202, 1.5381759, 0.527088, 0.2291201],
            [-0.0348699, -1.0853047, 2.3727052, 0.5812057, -0.3120575],
        ],
    ),
    (
        lambda: Adam(0.1),
        [
            [0.900001, -1.900001, 0.599999, 0.3499987, 2.9000008],
            [0.8000022, -1.8007507, 0.7001326, 0.4457463, 2.8001289],
            [0.7000027, -1.7029823, 0.8004874, 0.5302054, 2.7004762],
            [0.6000038, -1.6076812, 0.9011431, 0.5931353, 2.6011417],
        ],
    ),
    (
        lambda: Adam(0.1, amsgrad=True),
        [
            [0.900001, -1.900001, 0.599999, 0.3499987, 2.9000008],
            [0.8000022, -1.8007507, 0.7001326, 0.4457463, 2.8001289],
            [0.7000027, -1.7029823, 0.8004874, 0.5302054, 2.7004762],
            [0.6000038, -1.6076812, 0.9011431, 0.5931353, 2.6011417],
        ],
    ),
    (
        lambda: AdamW(0.1, weight_decay=0.1),
        [
            [0.890001, -1.8800011, 0.594999, 0.3474987, 2.8700008],
            [0.7811297, -1.7620299, 0.6891795, 0.4399834, 2.7414765],
            [0.6733881, -1.6468925, 0.7826317, 0.5210844, 2.6145394],
            [0.566777, -1.535686, 0.8754362, 0.5816421, 2.4893112],
        ],
    ),
    (
        lambda: RMSprop(0.1),
        [
            [0.6837724, -1.6837723, 0.8162276, 0.5662271, 2.6837723],
            [0.482361, -1.48897, 1.0851034, 0.481178, 2.4695725],
            [0.3227848, -1.3529261, 1.3239331, 0.5065745, 2.2983615],
            [0.1846777, -1.2583172, 1.5415779, 0.4972278, 2.1522279],
        ],
    ),
    (
        lambda: RMSprop(0.1, momentum=0.5, centered=True),
        [
            [0.6666669, -1.6666669, 0.8333331, 0.5833326, 2.6666667],
            [0.2795991, -1.2857, 1.2989688, 0.6434661, 2.2631564],
            [-0.0537212, -0.9631382, 1.826138, 0.5104949, 1.8766085],
            [-0.295971, -0.7447782, 2.3783228, 0.431444, 1.5363641],
        ],
    ),
    (
        lambda: Adagrad(0.1),
        [
            [0.9046537, -1.9046538, 0.5953463, 0.3345154, 2.9001994],
            [0.8354795, -1.8415869, 0.6674274, 0.3833385, 2.8310151],
            [0.7774268, -1.7945275, 0.7274272, 0.4158835, 2.7752447],
            [0.725723, -1.7581975, 0.7795388, 0.4387289, 2.7274334],
        ],
    ),
    (
        lambda: Adadelta(0.1),
        [
            [0.9998586, -1.9998586, 0.5001414, 0.2501414, 2.9998586],
            [0.9997089, -1.999723, 0.5002772, 0.2502846, 2.9997153],
            [0.9995498, -1.999597, 0.5004033, 0.2504289, 2.9995708],
            [0.9993808, -1.9994829, 0.5005175, 0.2505742, 2.9994254],
        ],
    ),
    (
        lambda: SGD(0.1, clipnorm=0.5),
        [
            [0.9711325, -1.9711325, 0.5288675, 0.2549752, 2.9502482],
            [0.9394017, -1.9448988, 0.5572391, 0.2599504, 2.9004965],
            [0.9049293, -1.9215286, 0.5849064, 0.2649256, 2.8507447],
            [0.8678855, -1.9012144, 0.6116475, 0.2699008, 2.800993],
        ],
    ),
    (
        lambda: SGD(0.1, clipvalue=0.3),
        [
            [0.97, -1.97, 0.53, 0.28, 2.97],
            [0.9400001, -1.9400001, 0.5599999, 0.31, 2.9400001],
            [0.9100001, -1.9100001, 0.5899999, 0.34, 2.9100001],
            [0.8800001, -1.8800001, 0.6199999, 0.37, 2.8800001],
        ],
    ),
    (
        lambda: SGD(0.1, global_clipnorm=0.5),
        [
            [0.9905928, -1.9905928, 0.5094072, 0.2547036, 2.9529641],
            [0.9801264, -1.9820007, 0.518225, 0.2594118, 2.9058821],
            [0.9685771, -1.9742596, 0.5264109, 0.2641208, 2.8587918],
            [0.9559233, -1.9674056, 0.5339202, 0.2688265, 2.8117347],
        ],
    ),
    (
        lambda: SGD(0.1, use_ema=True, ema_momentum=0.5),
        [
            [0.9, -1.9, 0.6, 0.3, 2.5],
            [0.8, -1.8149999, 0.71, 0.34, 2.0999999],
            [0.6999999, -1.7442499, 0.832, 0.372, 1.78],
            [0.5999999, -1.6870375, 0.9684, 0.3976, 1.5239999],
            [0.6874999, -1.7439562, 0.85595, 0.3718, 1.7819999],
        ],
    ),
    (
        lambda: SGD(0.1, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
        [
            [0.9, -1.9, 0.6, 0.3, 2.5],
            [0.85, -1.8575, 0.655, 0.32, 2.3],
            [0.7449999, -1.7846249, 0.766, 0.356, 1.9399999],
            [0.719, -1.773228, 0.79985, 0.3614, 1.8859999],
            [0.719, -1.773228, 0.79985, 0.3614, 1.8859999],
        ],
    ),
    (
        lambda: SGD(0.1, weight_decay=0.2),
        [
            [0.88, -1.86, 0.59, 0.295, 2.4400001],
            [0.7644, -1.7398001, 0.6862, 0.3301, 2.0032001],
            [0.652672, -1.6380141, 0.789716, 0.357478, 1.6624961],
            [0.5443514, -1.5533531, 0.9018649, 0.3788329, 1.3967469],
        ],
    ),
    (
        lambda: SGD(schedules.ExponentialDecay(0.1, 2, 0.5)),
        [
            [0.9, -1.9, 0.6, 0.3, 2.5],
            [0.8292893, -1.8398958, 0.6777818, 0.3282843, 2.2171574],
            [0.7778249, -1.8038985, 0.7355599, 0.3454559, 2.0454416],
            [0.739718, -1.7826164, 0.7769653, 0.3563838, 1.9361624],
        ],
    ),
]
SCHEDULES = [
    (
        schedules.ExponentialDecay(0.1, 4, 0.5),
        [0.1, 0.0840896, 0.0707107, 0.0594604, 0.05, 0.0420448, 0.0353553, 0.0297302, 0.025, 0.0210224],
    ),
    (
        schedules.ExponentialDecay(0.1, 4, 0.5, staircase=True),
        [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025],
    ),
    (
        schedules.InverseTimeDecay(0.1, 4, 0.5),
        [0.1, 0.0888889, 0.08, 0.0727273, 0.0666667, 0.0615385, 0.0571429, 0.0533333, 0.05, 0.0470588],
    ),
    (
        schedules.PolynomialDecay(0.1, 6, 0.01, power=2.0),
        [0.1, 0.0725, 0.05, 0.0325, 0.02, 0.0125, 0.01, 0.01, 0.01, 0.01],
    ),
    (schedules.PolynomialDecay(0.1, 3, 0.01, cycle=True), [0.1, 0.07, 0.04, 0.01, 0.04, 0.025, 0.01, 0.03, 0.02, 0.01]),
    (schedules.PiecewiseConstantDecay([2, 5], [1.0, 0.5, 0.1]), [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1]),
    (
        schedules.CosineDecay(0.1, 6, alpha=0.1),
        [0.1, 0.0939711, 0.0775, 0.055, 0.0325, 0.0160289, 0.01, 0.01, 0.01, 0.01],
    ),
    (
        schedules.CosineDecay(0.0, 6, alpha=0.1, warmup_target=0.2, warmup_steps=3),
        [0.0, 0.0666667, 0.1333333, 0.2, 0.1879423, 0.155, 0.11, 0.065, 0.0320577, 0.02],
    ),
    (
        schedules.CosineDecayRestarts(0.1, 3, t_mul=2.0, m_mul=0.5, alpha=0.1),
        [0.1, 0.0775, 0.0325, 0.055, 0.0519856, 0.04375, 0.0325, 0.02125, 0.0130144, 0.0325],
    ),
    (
        schedules.CosineDecayRestarts(0.1, 3, t_mul=1.0, m_mul=0.9),
        [0.1, 0.075, 0.025, 0.09, 0.0675, 0.0225, 0.081, 0.06075, 0.02025, 0.0729],
    ),
]


def _variables():
    return [
        keras.Variable(np.array([1.0, -2.0, 0.5], "float32"), name="a"),
        keras.Variable(np.array([[0.25, 3.0]], "float32"), name="b"),
    ]


def _gradients(variables, step):
    a, b = (variable.numpy() for variable in variables)
    return [a * np.array([1, 0.5, -2], "float32") + np.float32(step * 0.1), b * 2 - 1]


def _state(variables):
    return np.concatenate([variable.numpy().ravel() for variable in variables])


def _tolerance(optimizer):
    if not isinstance(optimizer, Adam):
        return 1e-6
    # Keras computes 1 - beta_2^t in float32: at t = 1 that is off by up to 2^-24 / 0.001, the step by half of it.
    return 4 * 0.1 * 2**-24 / 0.001 / 2


@pytest.mark.parametrize(("make", "expected"), TRAJECTORIES)
@pytest.mark.parametrize("flat", [True, False])
def test_trajectory_is_that_of_keras(make, expected, flat):
    optimizer, variables = make(), _variables()
    optimizer._build(variables, flat=flat)
    for step, values in enumerate(expected[:4]):
        gradients = [keras.ops.convert_to_tensor(g) for g in _gradients(variables, step)]
        optimizer.apply_gradients(zip(gradients, variables))
        np.testing.assert_allclose(_state(variables), values, rtol=3e-6, atol=_tolerance(optimizer))
    if optimizer.use_ema:
        optimizer.finalize_variable_values(variables)
        np.testing.assert_allclose(_state(variables), expected[4], rtol=3e-6, atol=1e-6)
    assert int(optimizer.iterations.numpy()) == 4


@pytest.mark.parametrize(("schedule", "expected"), SCHEDULES)
def test_schedule_is_that_of_keras(schedule, expected):
    np.testing.assert_allclose([float(schedule(step)) for step in range(10)], expected, rtol=2e-6, atol=2e-8)
    copy = schedules.deserialize(schedules.serialize(schedule))
    assert type(copy) is type(schedule)
    assert copy.get_config() == schedule.get_config()


def _fit_losses(optimizer, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    x = np.arange(24, dtype="float32").reshape(8, 3) / 24
    y = x.sum(1) * 2
    return model, model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0, **options).history["loss"]


def test_schedule_runs_inside_the_traced_step():
    rates = [0.2, 0.1, 0.05]
    scheduled = SGD(schedules.PiecewiseConstantDecay([1, 3], rates))
    _, losses = _fit_losses(scheduled)
    by_hand = SGD(0.2)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(by_hand, "mse")
    x = np.arange(24, dtype="float32").reshape(8, 3) / 24
    for step in range(8):
        by_hand.learning_rate = rates[0 if step <= 1 else 1 if step <= 3 else 2]
        rows = slice(4 * (step % 2), 4 * (step % 2) + 4)
        last = model.train_on_batch(x[rows], x[rows].sum(1) * 2)
        if step % 2 == 0:
            first = last
    assert (first + last) / 2 == pytest.approx(losses[-1], rel=1e-5)


def test_learning_rate_changes_without_another_trace():
    model, _ = _fit_losses(SGD(0.1))
    plans = len(model._plans)
    model.optimizer.learning_rate = 0.0
    weights = model.get_weights()
    model.fit(np.ones((8, 3)), np.ones(8), batch_size=4, verbose=0)
    assert len(model._plans) == plans
    np.testing.assert_array_equal(model.get_weights()[0], weights[0])
    assert float(model.optimizer.learning_rate.numpy()) == 0.0


def test_two_optimizers_on_one_variable():
    variables = _variables()
    first, second = SGD(0.1), SGD(0.1)
    first.build(variables)
    second.build(variables)  # moves the variables into its own buffer
    gradients = [keras.ops.ones((3,)), keras.ops.ones((1, 2))]
    first.apply(gradients, variables)
    second.apply(gradients, variables)
    np.testing.assert_allclose(_state(variables), [0.8, -2.2, 0.3, 0.05, 2.8], rtol=1e-6)


def test_missing_gradients_leave_variables_alone():
    variables = _variables()
    optimizer = AdamW(0.1)
    optimizer.build(variables)
    with pytest.warns(UserWarning, match="Gradients do not exist for variables"):
        optimizer.apply([keras.ops.ones((3,)), None], variables)
    np.testing.assert_array_equal(variables[1].numpy(), [[0.25, 3.0]])
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.apply([None, None], variables)


def test_weight_decay_exclusion():
    variables = _variables()
    optimizer = SGD(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["b"])
    optimizer.apply([keras.ops.zeros((3,)), keras.ops.zeros((1, 2))], variables)
    np.testing.assert_allclose(_state(variables), [0.95, -1.9, 0.475, 0.25, 3.0], rtol=1e-6)
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["a"])


def test_own_optimizer_with_update_step():
    class Sign(optimizers.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.seen = self.add_optimizer_variables(variables, "seen")

        def update_step(self, gradient, variable, learning_rate):
            seen = self.seen[self._get_variable_index(variable)]
            self.assign_add(seen, keras.ops.absolute(gradient))
            self.assign_sub(variable, learning_rate * keras.ops.sign(gradient))

    model, losses = _fit_losses(Sign(0.05))
    assert losses[-1] < losses[0]
    assert float(model.optimizer.seen[0].numpy().sum()) > 0


def test_constraints_hold_after_each_step():
    layer = keras.layers.Dense(1, kernel_initializer="ones", kernel_constraint=keras.constraints.MaxNorm(0.5))
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(SGD(0.1), "mse")
    model.fit(np.ones((8, 3)), np.full(8, 5.0), verbose=0)
    assert np.linalg.norm(layer.kernel.numpy()) == pytest.approx(0.5, rel=1e-5)


def test_variables_are_in_the_order_of_keras():
    optimizer = Adam(amsgrad=True)
    optimizer.build(_variables())
    names = [variable.name for variable in optimizer.variables]
    assert names[:2] == ["iteration", "learning_rate"]
    endings = [name.split("_", 1)[1] for name in names[2:]]
    assert endings == ["momentum", "velocity", "momentum", "velocity", "velocity_hat", "velocity_hat"]


def test_errors():
    with pytest.raises(ValueError, match="Only one of `clipnorm`, `clipvalue` and `global_clipnorm`"):
        SGD(clipnorm=1.0, clipvalue=1.0)
    with pytest.raises(ValueError, match="`clipnorm` must be positive"):
        SGD(clipnorm=-1.0)
    with pytest.raises(TypeError, match="its learning rate is not settable"):
        SGD(schedules.ExponentialDecay(0.1, 2, 0.5)).learning_rate = 0.1
    with pytest.raises(ValueError, match="Could not interpret optimizer identifier"):
        optimizers.get("nonsense")
    optimizer = SGD()
    optimizer.build(_variables())
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([keras.ops.ones((3,))], [keras.Variable(np.ones(3, "float32"))])


def test_get_and_serialize():
    for cls in (Adadelta, Adagrad, Adam, AdamW, RMSprop, SGD):
        copy = optimizers.deserialize(optimizers.serialize(cls(0.25)))
        assert type(copy) is cls
        assert copy.get_config()["learning_rate"] == 0.25
        assert type(optimizers.get(cls.__name__.lower())) is cls
    nested = optimizers.deserialize(optimizers.serialize(SGD(schedules.CosineDecay(0.1, 5))))
    assert isinstance(nested._learning_rate, schedules.CosineDecay)


@pytest.mark.parametrize("cls", [optimizers.SGD, optimizers.Adam, optimizers.RMSprop, optimizers.Adagrad])
def test_common_options_by_position(cls):
    own = {
        "SGD": (0.9, True),
        "Adam": (0.8, 0.99, 1e-6, True),
        "RMSprop": (0.8, 0.1, 1e-6, True),
        "Adagrad": (0.2, 1e-6),
    }
    options = (0.01, None, 0.5, None, True, 0.9, 3, 2.0, 4, "mine")
    config = cls(0.1, *own[cls.__name__], *options).get_config()
    names = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum")
    names += ("ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps", "name")
    assert tuple(config[name] for name in names) == options


def test_adamw_takes_weight_decay_second():
    config = optimizers.AdamW(0.1, 0.02, 0.8, 0.99, 1e-6, True, None, 0.5).get_config()
    assert (config["weight_decay"], config["amsgrad"], config["clipvalue"]) == (0.02, True, 0.5)


def test_decay_is_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="`decay` is no longer supported"):
        optimizers.Adam(decay=0.1)


@pytest.mark.parametrize("make", [lambda **kw: optimizers.SGD(0.1, 0.9, **kw), lambda **kw: optimizers.Adam(0.1, **kw)])
def test_accumulated_gradients_make_the_steps_of_their_means(make):
    gradients = [np.array([1.0, -2.0], "float32") * k for k in (1, 3, -2, 4)]
    slow, fast = keras.Variable([1.0, 1.0]), keras.Variable([1.0, 1.0])
    accumulating, plain = make(gradient_accumulation_steps=2), make()
    for i, g in enumerate(gradients):
        before = slow.numpy().copy()
        accumulating.apply([ops.convert_to_tensor(g)], [slow])
        if i % 2:
            plain.apply([ops.convert_to_tensor((g + gradients[i - 1]) / 2)], [fast])
            np.testing.assert_allclose(slow.numpy(), fast.numpy(), rtol=1e-6)
        else:
            np.testing.assert_array_equal(slow.numpy(), before)
    assert int(accumulating.iterations) == 2


def test_accumulation_in_fit_is_that_of_keras():
    x = np.random.RandomState(0).rand(8, 2).astype("float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    model.compile(optimizers.SGD(0.1, gradient_accumulation_steps=2), "mse")
    twin.compile(optimizers.SGD(0.1), "mse")
    model.fit(x, x[:, :1], batch_size=2, shuffle=False, verbose=0)
    twin.fit(x, x[:, :1], batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], twin.get_weights()[0], rtol=1e-5)
    with pytest.raises(ValueError, match="must be an integer >= 2"):
        optimizers.SGD(gradient_accumulation_steps=1)
