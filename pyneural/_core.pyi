# Written by `make stubs`.
"""
The engine of pyneural: tensors, variables, ops, traces and plans.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "EngineTypeError",
    "NotFiniteError",
    "Plan",
    "Tensor",
    "Trace",
    "Variable",
    "absolute",
    "adadelta_update",
    "adagrad_update",
    "adam_update",
    "add",
    "all",
    "all_finite",
    "any",
    "arccos",
    "arcsin",
    "arctan",
    "arctan2",
    "argmax",
    "argmin",
    "argsort",
    "average_pool2d",
    "batch_norm_train",
    "batch_normalization",
    "broadcast_to",
    "cast",
    "ceil",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "concatenate",
    "conv2d",
    "cos",
    "cosh",
    "count_nonzero",
    "cuda_devices",
    "cuda_problem",
    "cumsum",
    "current_device",
    "default_float",
    "depthwise_conv2d",
    "divide",
    "dropout",
    "elu",
    "equal",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "flatten_variables",
    "flip",
    "floor",
    "floor_divide",
    "gelu",
    "gradients",
    "greater",
    "greater_equal",
    "guard_finite",
    "hard_sigmoid",
    "hard_silu",
    "in_range",
    "is_tracing",
    "isfinite",
    "isinf",
    "isnan",
    "kept_memory",
    "layer_normalization",
    "leaky_relu",
    "less",
    "less_equal",
    "linear",
    "log",
    "log1p",
    "log_sigmoid",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsumexp",
    "matmul",
    "matmul_precision",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "measure_bandwidth",
    "measure_fma_peak",
    "measure_gpu_bandwidth",
    "measure_gpu_peak",
    "min",
    "minimum",
    "mish",
    "mod",
    "momentum_update",
    "multiply",
    "negative",
    "not_equal",
    "num_threads",
    "one_hot",
    "pack",
    "pack_like",
    "pad",
    "power",
    "prod",
    "producer_logits",
    "quota_cpus",
    "randint",
    "random_normal",
    "random_permutation",
    "random_uniform",
    "reciprocal",
    "release_kept_memory",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "resolve_device",
    "rmsprop_update",
    "round",
    "rsqrt",
    "selu",
    "set_current_device",
    "set_default_float",
    "set_matmul_precision",
    "set_num_threads",
    "set_work_per_thread",
    "sgd_update",
    "shuffle",
    "sigmoid",
    "sigmoid_cross_entropy",
    "sign",
    "silu",
    "simd_level",
    "simd_levels",
    "sin",
    "sinh",
    "slice",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
    "sort",
    "sparse_softmax_cross_entropy",
    "split",
    "sqrt",
    "square",
    "squared_difference",
    "squared_norm",
    "squeeze",
    "stack",
    "start_recording",
    "std",
    "stop_gradient",
    "stop_recording",
    "strided_slice",
    "subtract",
    "sum",
    "sum_to",
    "synchronize",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensor",
    "tile",
    "top_k",
    "transpose",
    "truncated_normal",
    "upsample2d",
    "var",
    "watch",
    "where",
]

class EngineTypeError(TypeError):
    pass

class NotFiniteError(ArithmeticError):
    pass

class Tensor:
    """
    An immutable array of numbers; in a trace, a symbol for one.
    """

    __array_priority__: typing.ClassVar[int] = 100
    __array_ufunc__ = None
    def __abs__(self) -> Tensor: ...
    def __add__(self, arg0: typing.Any) -> typing.Any: ...
    def __array__(self, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any: ...
    def __bool__(self) -> bool: ...
    def __dlpack__(self, **kwargs) -> typing.Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __eq__(self, arg0: typing.Any) -> typing.Any: ...
    def __float__(self) -> float: ...
    def __floordiv__(self, arg0: typing.Any) -> typing.Any: ...
    def __ge__(self, arg0: typing.Any) -> typing.Any: ...
    def __getitem__(self, arg0: typing.Any) -> Tensor: ...
    def __gt__(self, arg0: typing.Any) -> typing.Any: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> typing.Any: ...
    def __int__(self) -> int: ...
    def __iter__(self) -> collections.abc.Iterator: ...
    def __le__(self, arg0: typing.Any) -> typing.Any: ...
    def __len__(self) -> int: ...
    def __lt__(self, arg0: typing.Any) -> typing.Any: ...
    def __matmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __mod__(self, arg0: typing.Any) -> typing.Any: ...
    def __mul__(self, arg0: typing.Any) -> typing.Any: ...
    def __ne__(self, arg0: typing.Any) -> typing.Any: ...
    def __neg__(self) -> Tensor: ...
    def __pow__(self, arg0: typing.Any) -> typing.Any: ...
    def __radd__(self, arg0: typing.Any) -> typing.Any: ...
    def __repr__(self) -> str: ...
    def __rfloordiv__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmatmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmod__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __rpow__(self, arg0: typing.Any) -> typing.Any: ...
    def __rsub__(self, arg0: typing.Any) -> typing.Any: ...
    def __rtruediv__(self, arg0: typing.Any) -> typing.Any: ...
    def __sub__(self, arg0: typing.Any) -> typing.Any: ...
    def __truediv__(self, arg0: typing.Any) -> typing.Any: ...
    def item(self) -> typing.Any: ...
    def numpy(self) -> numpy.ndarray:
        """
        The values as a NumPy array.
        """
    @property
    def __cuda_array_interface__(self) -> dict: ...
    @property
    def device(self) -> str:
        """
        Where the values are: 'cpu' or 'cuda:<number>'.
        """
    @property
    def dtype(self) -> str: ...
    @property
    def is_symbolic(self) -> bool: ...
    @property
    def ndim(self) -> int: ...
    @property
    def shape(self) -> tuple: ...
    @property
    def size(self) -> int: ...

class Variable:
    """
    Memory that is read and assigned.
    """

    __array_priority__: typing.ClassVar[int] = 100
    __array_ufunc__ = None
    def __abs__(self: Tensor) -> Tensor: ...
    def __add__(self, arg0: typing.Any) -> typing.Any: ...
    def __array__(self: Tensor, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any: ...
    def __bool__(self: Tensor) -> bool: ...
    def __dlpack__(self: Tensor, **kwargs) -> typing.Any: ...
    def __dlpack_device__(self: Tensor) -> tuple[int, int]: ...
    def __eq__(self, arg0: typing.Any) -> typing.Any: ...
    def __float__(self: Tensor) -> float: ...
    def __floordiv__(self, arg0: typing.Any) -> typing.Any: ...
    def __ge__(self, arg0: typing.Any) -> typing.Any: ...
    def __getitem__(self: Tensor, arg0: typing.Any) -> Tensor: ...
    def __gt__(self, arg0: typing.Any) -> typing.Any: ...
    def __hash__(self) -> int: ...
    def __index__(self: Tensor) -> typing.Any: ...
    def __init__(self, initial: typing.Any, dtype: str | None = None) -> None: ...
    def __int__(self: Tensor) -> int: ...
    def __iter__(self) -> collections.abc.Iterator: ...
    def __le__(self, arg0: typing.Any) -> typing.Any: ...
    def __len__(self: Tensor) -> int: ...
    def __lt__(self, arg0: typing.Any) -> typing.Any: ...
    def __matmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __mod__(self, arg0: typing.Any) -> typing.Any: ...
    def __mul__(self, arg0: typing.Any) -> typing.Any: ...
    def __ne__(self, arg0: typing.Any) -> typing.Any: ...
    def __neg__(self: Tensor) -> Tensor: ...
    def __pow__(self, arg0: typing.Any) -> typing.Any: ...
    def __radd__(self, arg0: typing.Any) -> typing.Any: ...
    def __rfloordiv__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmatmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmod__(self, arg0: typing.Any) -> typing.Any: ...
    def __rmul__(self, arg0: typing.Any) -> typing.Any: ...
    def __rpow__(self, arg0: typing.Any) -> typing.Any: ...
    def __rsub__(self, arg0: typing.Any) -> typing.Any: ...
    def __rtruediv__(self, arg0: typing.Any) -> typing.Any: ...
    def __sub__(self, arg0: typing.Any) -> typing.Any: ...
    def __truediv__(self, arg0: typing.Any) -> typing.Any: ...
    def assign(self, arg0: typing.Any) -> typing.Any: ...
    def assign_add(self, arg0: typing.Any) -> typing.Any: ...
    def assign_sub(self, arg0: typing.Any) -> typing.Any: ...
    def item(self: Tensor) -> typing.Any: ...
    def move_to(self, device: str) -> None:
        """
        Moves the memory to a device; a window on a flat variable takes that, and so all its windows, along.
        """
    def numpy(self: Tensor) -> numpy.ndarray:
        """
        The values as a NumPy array.
        """
    @property
    def __cuda_array_interface__(self) -> dict: ...
    @property
    def device(self) -> str:
        """
        Where the values are: 'cpu' or 'cuda:<number>'.
        """
    @property
    def dtype(self) -> str: ...
    @property
    def ndim(self) -> int: ...
    @property
    def shape(self) -> tuple: ...
    @property
    def size(self) -> int: ...
    @property
    def value(self) -> Tensor: ...

class Plan:
    """
    A compiled trace: kernels in order, on one block of memory.
    """
    def describe(self) -> str:
        """
        The steps, one a line.
        """
    def profile(
        self, inputs: collections.abc.Sequence, repeats: typing.SupportsInt | typing.SupportsIndex = 100
    ) -> list:
        """
        [(step, median seconds, flops, bytes), ...] over some runs on these inputs. Effects take place.
        """
    def run(self, inputs: collections.abc.Sequence) -> list[Tensor]:
        """
        Runs once. Returns the outputs as tensors.
        """
    def run_batches(
        self,
        data: collections.abc.Sequence,
        order: typing.Any = None,
        first_row: typing.SupportsInt | typing.SupportsIndex = 0,
        batches: typing.SupportsInt | typing.SupportsIndex = 1,
        max_seconds: typing.SupportsFloat | typing.SupportsIndex = 0.0,
        outputs: typing.Any = None,
    ) -> int:
        """
        Runs up to `batches` batches of rows from arrays, starting at row `first_row` of `order` (an int64 array of row numbers; None: as they lie), until max_seconds are over (0: no limit). Writes outputs, one after the other, into the arrays of `outputs`. Returns how many batches ran. NotFiniteError has the failing one in `.batch`.
        """
    def time_rounds(
        self,
        inputs: collections.abc.Sequence,
        repeats: typing.SupportsInt | typing.SupportsIndex = 1,
        rounds: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> list[float]:
        """
        Seconds of one run for each of `rounds` rounds of `repeats` runs in a row, on these inputs; on a GPU by its own clock. Effects take place.
        """
    @property
    def device(self) -> str:
        """
        Where it runs: 'cpu' or 'cuda:<number>'.
        """
    @property
    def input_specs(self) -> list: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def output_specs(self) -> list: ...

class Trace:
    """
    Records ops on symbolic tensors, to be compiled into a Plan.
    """
    def __enter__(self) -> typing.Any: ...
    def __exit__(self, *args) -> None: ...
    def __init__(self) -> None: ...
    def compile(self, outputs: collections.abc.Sequence[Tensor]) -> Plan:
        """
        The plan of what was traced; assigned variables are its effects.
        """
    def input(self, shape: typing.Any, dtype: str = "float32") -> Tensor: ...

def absolute(x: Tensor) -> Tensor: ...
def adadelta_update(
    p: Tensor,
    g: Tensor,
    accumulated_grad: Tensor,
    accumulated_delta: Tensor,
    lr: Tensor,
    rho: typing.SupportsFloat | typing.SupportsIndex = 0.95,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> list[Tensor]: ...
def adagrad_update(
    p: Tensor,
    g: Tensor,
    accumulator: Tensor,
    lr: Tensor,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> list[Tensor]: ...
def adam_update(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    v: Tensor,
    v_hat: Tensor,
    lr: Tensor,
    step: Tensor,
    beta_1: typing.SupportsFloat | typing.SupportsIndex = 0.9,
    beta_2: typing.SupportsFloat | typing.SupportsIndex = 0.999,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> list[Tensor]: ...
def add(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def all(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Whether no element is zero.
    """

def all_finite(x: Tensor) -> Tensor: ...
def any(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Whether any element is not zero.
    """

def arccos(x: Tensor) -> Tensor: ...
def arcsin(x: Tensor) -> Tensor: ...
def arctan(x: Tensor) -> Tensor: ...
def arctan2(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def argmax(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex | None = None, keepdims: bool = False) -> Tensor:
    """
    int32 position of the first largest element.
    """

def argmin(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex | None = None, keepdims: bool = False) -> Tensor:
    """
    int32 position of the first smallest element.
    """

def argsort(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex = -1) -> Tensor:
    """
    int32 positions in stable ascending order, NaN last.
    """

def average_pool2d(
    x: Tensor,
    pool_size: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"],
    strides: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"]
    | None = None,
    padding: str = "valid",
) -> Tensor:
    """
    Mean of each window of NHWC images, padding excluded.
    """

def batch_norm_train(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    axis: typing.SupportsInt | typing.SupportsIndex = -1,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.001,
) -> list[Tensor]: ...
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: typing.SupportsInt | typing.SupportsIndex = -1,
    offset: Tensor = None,
    scale: Tensor = None,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.001,
) -> Tensor: ...
def broadcast_to(
    x: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> Tensor:
    """
    x repeated to a shape.
    """

def cast(x: Tensor, dtype: str) -> Tensor:
    """
    x converted to a dtype.
    """

def ceil(x: Tensor) -> Tensor: ...
def clip(x: Tensor, x_min: typing.Any, x_max: typing.Any) -> Tensor:
    """
    x limited to [x_min, x_max].
    """

def clip_by_global_norm(flat: Tensor, limit: typing.SupportsFloat | typing.SupportsIndex) -> Tensor: ...
def clip_by_norm(x: Tensor, squared_norm: Tensor, limit: typing.SupportsFloat | typing.SupportsIndex) -> Tensor: ...
def concatenate(xs: collections.abc.Sequence[Tensor], axis: typing.SupportsInt | typing.SupportsIndex = -1) -> Tensor:
    """
    Tensors joined along an axis.
    """

def conv2d(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor = None,
    strides: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"] = 1,
    padding: str = "valid",
    dilation_rate: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"] = 1,
    groups: typing.SupportsInt | typing.SupportsIndex = 1,
    activation: str = "linear",
) -> Tensor:
    """
    Convolution of NHWC images with an HWIO kernel; bias and activation are applied to the result.
    """

def cos(x: Tensor) -> Tensor: ...
def cosh(x: Tensor) -> Tensor: ...
def count_nonzero(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    How many elements are not zero.
    """

def cuda_devices() -> list:
    """
    The GPUs, a dict for each; empty if there are none.
    """

def cuda_problem() -> str:
    """
    Why `cuda_devices()` is empty, in one line.
    """

def cumsum(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex | None = None) -> Tensor:
    """
    Running sum along an axis.
    """

def current_device() -> str:
    """
    Where this thread makes tensors and variables: 'cpu' or 'cuda:<number>'.
    """

def default_float() -> str:
    """
    The dtype that Python floats become.
    """

def depthwise_conv2d(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor = None,
    strides: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"] = 1,
    padding: str = "valid",
    dilation_rate: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"] = 1,
    activation: str = "linear",
) -> Tensor:
    """
    Convolution of each channel of NHWC images with its own filters, kernel (rows, columns, channels, multiplier).
    """

def divide(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def dropout(x: Tensor, state: Tensor, rate: typing.SupportsFloat | typing.SupportsIndex) -> Tensor:
    """
    x with elements zeroed and the others scaled up.
    """

def elu(x: Tensor, alpha: typing.SupportsFloat | typing.SupportsIndex = 1.0) -> Tensor: ...
def equal(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def erf(x: Tensor) -> Tensor: ...
def exp(x: Tensor) -> Tensor: ...
def expand_dims(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> Tensor:
    """
    x with new axes of extent 1.
    """

def expm1(x: Tensor) -> Tensor: ...
def flatten_variables(variables: collections.abc.Sequence[Variable]) -> Variable:
    """
    One flat variable (64-byte aligned slots, zero padding); the given variables become windows on it.
    """

def flip(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
) -> Tensor:
    """
    x with the order of elements reversed along axes.
    """

def floor(x: Tensor) -> Tensor: ...
def floor_divide(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def gelu(x: Tensor, approximate: bool = True) -> Tensor: ...
def gradients(
    targets: collections.abc.Sequence[Tensor],
    sources: collections.abc.Sequence[Tensor],
    seeds: collections.abc.Sequence[Tensor] = [],
) -> list[Tensor]:
    """
    Gradients of the sum of the targets; None where a source has no influence.
    """

def greater(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def greater_equal(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def guard_finite(*args) -> Tensor: ...
def hard_sigmoid(x: Tensor) -> Tensor: ...
def hard_silu(x: Tensor) -> Tensor: ...
def in_range(
    x: Tensor, lo: typing.SupportsInt | typing.SupportsIndex, hi: typing.SupportsInt | typing.SupportsIndex
) -> Tensor: ...
def is_tracing() -> bool: ...
def isfinite(x: Tensor) -> Tensor: ...
def isinf(x: Tensor) -> Tensor: ...
def isnan(x: Tensor) -> Tensor: ...
def kept_memory() -> int:
    """
    Bytes of freed tensors that are kept for the next ones: 96 MB at most, or what was in use in the last seconds.
    """

def layer_normalization(
    x: Tensor,
    gamma: Tensor = None,
    beta: Tensor = None,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = -1,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 0.001,
) -> Tensor: ...
def leaky_relu(x: Tensor, negative_slope: typing.SupportsFloat | typing.SupportsIndex = 0.2) -> Tensor: ...
def less(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def less_equal(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def linear(x: Tensor, kernel: Tensor, bias: Tensor = None, activation: str = "linear") -> Tensor:
    """
    activation(x @ kernel + bias) over the last axis of x.
    """

def log(x: Tensor) -> Tensor: ...
def log1p(x: Tensor) -> Tensor: ...
def log_sigmoid(x: Tensor) -> Tensor: ...
def log_softmax(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex = -1) -> Tensor: ...
def logical_and(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def logical_not(x: Tensor) -> Tensor: ...
def logical_or(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def logsumexp(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    log(sum(exp(x))) over axes, without overflow.
    """

def matmul(a: Tensor, b: Tensor, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """
    Matrix product over the last two axes; leading axes broadcast, a vector is a row or a column.
    """

def matmul_precision() -> str:
    """
    What `set_matmul_precision` has set.
    """

def max(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Largest element over axes; NaN wins.
    """

def max_pool2d(
    x: Tensor,
    pool_size: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"],
    strides: typing.SupportsInt
    | typing.SupportsIndex
    | typing.Annotated[collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], "FixedSize(2)"]
    | None = None,
    padding: str = "valid",
) -> Tensor:
    """
    Largest element of each window of NHWC images; NaN wins.
    """

def maximum(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def mean(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Mean over axes.
    """

def measure_bandwidth(
    memory: numpy.typing.NDArray[numpy.float32],
    mode: str,
    seconds: typing.SupportsFloat | typing.SupportsIndex = 0.05,
    level: str | None = None,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> float:
    """
    Bytes per second of `threads` threads that each 'read' their part of a float32 array, or 'copy' its first half to its second (bytes read and written count; 'streaming': with stores that go past the caches). Best of several runs; the array's values are overwritten.
    """

def measure_fma_peak(
    seconds: typing.SupportsFloat | typing.SupportsIndex = 0.05,
    level: str | None = None,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> float:
    """
    Floating-point operations per second of `threads` threads at a SIMD level (None: the one in use), best of many short runs.
    """

def measure_gpu_bandwidth(
    device: str,
    bytes: typing.SupportsInt | typing.SupportsIndex,
    mode: str,
    seconds: typing.SupportsFloat | typing.SupportsIndex = 0.05,
) -> float:
    """
    Bytes per second of a GPU that reads so many bytes of its memory again and again ('read'), or copies the first half of them to the second ('copy': bytes read and written count). Best of several launches.
    """

def measure_gpu_peak(
    device: str, unit: str = "float32", seconds: typing.SupportsFloat | typing.SupportsIndex = 0.05
) -> float:
    """
    Floating-point operations per second of a GPU: 'float32', or its tensor cores through mma.sync in 'tf32' or 'bf16'. Best of several launches.
    """

def min(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Smallest element over axes; NaN wins.
    """

def minimum(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def mish(x: Tensor) -> Tensor: ...
def mod(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def momentum_update(
    p: Tensor,
    g: Tensor,
    m: Tensor,
    lr: Tensor,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.9,
    nesterov: bool = False,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> list[Tensor]: ...
def multiply(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def negative(x: Tensor) -> Tensor: ...
def not_equal(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def num_threads() -> int:
    """
    How many threads a kernel may use.
    """

def one_hot(
    x: Tensor,
    num_classes: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex = -1,
    dtype: str = "float32",
) -> Tensor:
    """
    Ones where the class stands; all zeros for a class outside [0, num_classes).
    """

def pack(
    xs: collections.abc.Sequence[Tensor],
    offsets: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    total_bytes: typing.SupportsInt | typing.SupportsIndex,
) -> Tensor:
    """
    Tensors at byte offsets of one flat tensor.
    """

def pack_like(flat: Variable, parts: collections.abc.Sequence[Tensor]) -> Tensor:
    """
    Lays tensors out as the windows of a flat variable.
    """

def pad(
    x: Tensor,
    pad_width: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[
        typing.SupportsInt | typing.SupportsIndex | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    ],
    mode: str = "constant",
    value: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> Tensor:
    """
    x with a border.
    """

def power(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def prod(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Product over axes.
    """

def producer_logits(x: Tensor) -> typing.Any:
    """
    ('softmax' | 'sigmoid', logits) if that op made x in this trace or recording, else None.
    """

def quota_cpus(groups_file: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup") -> float:
    """
    How many CPUs the control groups of this process grant; 0 for no limit.
    """

def randint(
    state: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    low: typing.SupportsInt | typing.SupportsIndex,
    high: typing.SupportsInt | typing.SupportsIndex,
    dtype: str = "int32",
) -> Tensor:
    """
    Uniform integers in [low, high).
    """

def random_normal(
    state: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    mean: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    stddev: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    dtype: str = "float32",
) -> Tensor:
    """
    Normally distributed.
    """

def random_permutation(state: Tensor, count: typing.SupportsInt | typing.SupportsIndex) -> Tensor:
    """
    0 ... count - 1 in random order.
    """

def random_uniform(
    state: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    minval: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    maxval: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    dtype: str = "float32",
) -> Tensor:
    """
    Uniform in [minval, maxval).
    """

def reciprocal(x: Tensor) -> Tensor: ...
def release_kept_memory() -> None:
    """
    Gives the memory of freed tensors back to the system.
    """

def relu(
    x: Tensor,
    negative_slope: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    max_value: typing.SupportsFloat | typing.SupportsIndex | None = None,
    threshold: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> Tensor: ...
def relu6(x: Tensor) -> Tensor: ...
def repeat(
    x: Tensor,
    repeats: typing.SupportsInt | typing.SupportsIndex,
    axis: typing.SupportsInt | typing.SupportsIndex | None = None,
) -> Tensor:
    """
    Each element repeated.
    """

def reshape(
    x: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> Tensor:
    """
    x with another shape; one extent may be -1.
    """

def resolve_device(device: str) -> str:
    """
    The full name of a device; errors as of `set_current_device`.
    """

def rmsprop_update(
    p: Tensor,
    g: Tensor,
    v: Tensor,
    m: Tensor,
    mean: Tensor,
    lr: Tensor,
    rho: typing.SupportsFloat | typing.SupportsIndex = 0.9,
    momentum: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    epsilon: typing.SupportsFloat | typing.SupportsIndex = 1e-07,
    weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> list[Tensor]: ...
def round(x: Tensor) -> Tensor: ...
def rsqrt(x: Tensor) -> Tensor: ...
def selu(x: Tensor) -> Tensor: ...
def set_current_device(device: str) -> None:
    """
    'cpu', 'cuda', 'cuda:<number>' or 'auto'. RuntimeError with the reason if there is no such device.
    """

def set_default_float(dtype: str) -> None:
    """
    Sets the dtype that Python floats become.
    """

def set_matmul_precision(precision: str) -> None:
    """
    Sets what GPUs round operands of float32 matrix products and convolutions to: 'float32' (not at all), 'tf32' or 'bf16'. Ops take it over when they are applied or traced. RuntimeError if a GPU is too old for it.
    """

def set_num_threads(count: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Sets how many threads a kernel may use (1 to 256).
    """

def set_work_per_thread(flops: typing.SupportsFloat | typing.SupportsIndex) -> None:
    """
    Work below which a kernel does not use one more thread (default 5e5 flops); tests lower it.
    """

def sgd_update(
    p: Tensor, g: Tensor, lr: Tensor, weight_decay: typing.SupportsFloat | typing.SupportsIndex = 0.0
) -> Tensor: ...
def shuffle(state: Tensor, x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex = 0) -> Tensor:
    """
    x with an axis in random order.
    """

def sigmoid(x: Tensor) -> Tensor: ...
def sigmoid_cross_entropy(targets: Tensor, logits: Tensor) -> Tensor: ...
def sign(x: Tensor) -> Tensor: ...
def silu(x: Tensor) -> Tensor: ...
def simd_level() -> str:
    """
    The SIMD level in use.
    """

def simd_levels() -> list[str]:
    """
    The SIMD levels that this processor runs, lowest first.
    """

def sin(x: Tensor) -> Tensor: ...
def sinh(x: Tensor) -> Tensor: ...
def slice(
    x: Tensor,
    start: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> Tensor:
    """
    A block of x.
    """

def softmax(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex = -1) -> Tensor: ...
def softmax_cross_entropy(targets: Tensor, logits: Tensor) -> Tensor: ...
def softplus(x: Tensor) -> Tensor: ...
def softsign(x: Tensor) -> Tensor: ...
def sort(x: Tensor, axis: typing.SupportsInt | typing.SupportsIndex = -1) -> Tensor:
    """
    Ascending order, NaN last.
    """

def sparse_softmax_cross_entropy(labels: Tensor, logits: Tensor) -> Tensor: ...
def split(
    x: Tensor,
    indices_or_sections: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    axis: typing.SupportsInt | typing.SupportsIndex = 0,
) -> list[Tensor]:
    """
    x cut into parts along an axis.
    """

def sqrt(x: Tensor) -> Tensor: ...
def square(x: Tensor) -> Tensor: ...
def squared_difference(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def squared_norm(x: Tensor) -> Tensor: ...
def squeeze(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
) -> Tensor:
    """
    x without axes of extent 1.
    """

def stack(xs: collections.abc.Sequence[Tensor], axis: typing.SupportsInt | typing.SupportsIndex = 0) -> Tensor:
    """
    Tensors joined along a new axis.
    """

def start_recording() -> None:
    """
    Eager ops remember their inputs until stop_recording().
    """

def std(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Biased standard deviation over axes.
    """

def stop_gradient(x: Tensor) -> Tensor:
    """
    x, through which no gradient flows.
    """

def stop_recording() -> None: ...
def strided_slice(
    x: Tensor,
    begin: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex | None],
    end: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex | None],
    strides: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex | None] = [],
) -> Tensor:
    """
    x[begin:end:stride, ...] over the leading axes.
    """

def subtract(x1: typing.Any, x2: typing.Any) -> Tensor: ...
def sum(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Sum over axes.
    """

def sum_to(x: Tensor, shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> Tensor:
    """
    Sums x back to a shape that broadcasts to its own.
    """

def synchronize(device: str) -> None:
    """
    Waits until all work of a device is done; errors of that work are raised here.
    """

def take(x: Tensor, indices: Tensor, axis: typing.SupportsInt | typing.SupportsIndex | None = None) -> Tensor:
    """
    Slices of x along an axis. Negative indices count from the end; others outside raise IndexError.
    """

def take_along_axis(x: Tensor, indices: Tensor, axis: typing.SupportsInt | typing.SupportsIndex | None = -1) -> Tensor:
    """
    One element of x per index, along an axis.
    """

def tan(x: Tensor) -> Tensor: ...
def tanh(x: Tensor) -> Tensor: ...
def tensor(object: typing.Any, dtype: str | None = None) -> Tensor:
    """
    A tensor that owns its data; Python floats become floatx, arrays keep their dtype.
    """

def tile(
    x: Tensor,
    repeats: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
) -> Tensor:
    """
    x laid side by side.
    """

def top_k(x: Tensor, k: typing.SupportsInt | typing.SupportsIndex) -> tuple[Tensor, Tensor]:
    """
    The k largest elements of the last axis, and their int32 positions.
    """

def transpose(
    x: Tensor,
    axes: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
) -> Tensor:
    """
    x with its axes permuted, by default reversed.
    """

def truncated_normal(
    state: Tensor,
    shape: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
    mean: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    stddev: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    dtype: str = "float32",
) -> Tensor:
    """
    Normally distributed, within two standard deviations of the mean.
    """

def upsample2d(
    x: Tensor, size: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
) -> Tensor:
    """
    Each pixel repeated size[0] times down and size[1] times across.
    """

def var(
    x: Tensor,
    axis: typing.SupportsInt
    | typing.SupportsIndex
    | collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    | None = None,
    keepdims: bool = False,
) -> Tensor:
    """
    Biased variance over axes.
    """

def watch(x: Tensor) -> None:
    """
    Gradients with respect to x will be asked for.
    """

def where(condition: Tensor, x1: typing.Any, x2: typing.Any) -> Tensor:
    """
    x1 where the condition is not zero, else x2.
    """

__version__: str = "0.1.0"
