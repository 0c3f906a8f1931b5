"""Layers: what models are made of."""

from __future__ import annotations

from typing import Any

from pyneural.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from pyneural.layers.convolutional import (
    Conv2D,
    Convolution2D,
    DepthwiseConv2D,
    SeparableConv2D,
    SeparableConvolution2D,
)
from pyneural.layers.core import Dense, Embedding, Identity, Lambda
from pyneural.layers.input_layer import Input, InputLayer
from pyneural.layers.input_spec import InputSpec
from pyneural.layers.layer import Layer
from pyneural.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from pyneural.layers.normalization import BatchNormalization, LayerNormalization
from pyneural.layers.pooling import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from pyneural.layers.regularization import ActivityRegularization, Dropout, GaussianNoise, SpatialDropout2D
from pyneural.layers.reshaping import (
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Rescaling,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv2D",
    "Convolution2D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout2D",
    "Subtract",
    "UpSampling2D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer: Layer) -> dict[str, Any]:
    """The configuration of a layer."""
    from pyneural.serialization import serialize_keras_object

    return serialize_keras_object(layer)


def deserialize(config: dict[str, Any], custom_objects: dict | None = None, safe_mode: bool = True) -> Layer:
    """A layer from its configuration."""
    from pyneural.serialization import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)
