"""ONNX Runtime: prediction with models written as ONNX graphs (NCHW, as that format has it)."""

import numpy as np
import onnx
import onnxruntime
from common import images_first, models, random
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "softmax": "Softmax"}

_threads = 0  # ONNX Runtime's own choice


def info():
    return {"onnxruntime": onnxruntime.__version__}


def set_threads(threads):
    global _threads
    _threads = threads


def prepare(case):
    return predict(case) if case["op"] == "predict" and case["call"] == "predict" else None


class Graph:
    """Nodes and weights of a graph that grows at its end."""

    def __init__(self, shape):
        images = len(shape) == 3
        self.channels, self.size = (shape[-1], shape[0]) if images else (shape[0], None)
        self.nodes, self.weights, self.last = [], [], "x"

    def weight(self, *shape, positive=False):
        values = random(*shape) / np.float32(np.sqrt(np.prod(shape[1:])))
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(abs(values) if positive else values, name))
        return name

    def node(self, op, *inputs, source=None, **attributes):
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [source or self.last, *inputs], [name], **attributes))
        self.last = name
        return name

    def conv(self, filters, kernel, stride, padding, bias):
        inputs = [self.weight(filters, self.channels, kernel, kernel)] + ([self.weight(filters)] if bias else [])
        pad = "SAME_UPPER" if padding == "same" else "VALID"
        self.node("Conv", *inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, auto_pad=pad)
        self.channels = filters
        self.size = -(-self.size // stride) if padding == "same" else self.size - kernel + 1

    def conv_norm(self, filters, kernel, stride, relu=True):
        self.conv(filters, kernel, stride, "same", bias=False)
        statistics = [self.weight(filters, positive=i != 1) for i in range(4)]
        self.node("BatchNormalization", *statistics, epsilon=1e-3)
        if relu:
            self.node("Relu")

    def residual(self, filters, stride):
        start, channels, size = self.last, self.channels, self.size
        self.conv_norm(filters, 3, stride)
        self.conv_norm(filters, 3, 1, relu=False)
        body, end = self.last, start
        if stride != 1 or channels != filters:
            self.last, self.channels, self.size = start, channels, size
            self.conv_norm(filters, 1, stride, relu=False)
            end = self.last
        self.node("Add", end, source=body)
        self.node("Relu")

    def add(self, kind, *sizes):
        if kind == "dense":
            self.node("Gemm", self.weight(self.channels, sizes[0]), self.weight(sizes[0]))
            self.node(ACTIVATIONS[sizes[1]])
            self.channels = sizes[0]
        elif kind == "conv":
            filters, kernel, padding, activation = sizes
            self.conv(filters, kernel, 1, padding, bias=True)
            self.node(ACTIVATIONS[activation])
        elif kind == "pool":
            self.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            self.size //= 2
        elif kind == "average":
            self.node("GlobalAveragePool")
            self.node("Flatten")
        elif kind == "flatten":
            self.node("Flatten")
            self.channels *= self.size**2
        elif kind != "dropout":  # which predicts nothing
            getattr(self, kind)(*sizes)


def model_bytes(case):
    shape = case["inputs"]
    graph = Graph(shape)
    for layer in case["layers"]:
        graph.add(*layer)
    wanted = ["n", shape[-1], *shape[:-1]] if len(shape) == 3 else ["n", *shape]
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        for name, dims in (("x", wanted), (graph.last, ["n", graph.channels]))
    ]
    whole = helper.make_graph(graph.nodes, "model", tensors[:1], tensors[1:], graph.weights)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(whole, opset_imports=[opset], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def predict(case):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    session = onnxruntime.InferenceSession(model_bytes(case), options, providers=["CPUExecutionProvider"])
    x = images_first(models.data(case)[0])
    batch = case["batch"]

    def run():
        if len(x) == batch:
            return session.run(None, {"x": x})[0]
        return np.concatenate([session.run(None, {"x": x[i : i + batch]})[0] for i in range(0, len(x), batch)])

    return {"session.run": (run, case["steps"])}
