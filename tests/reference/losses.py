"""Losses in NumPy float64: values per sample."""

import numpy as np

EPS = 1e-7


def mean_squared_error(y, p):
    return np.mean((y - p) ** 2, -1)


def mean_absolute_error(y, p):
    return np.mean(np.abs(y - p), -1)


def mean_absolute_percentage_error(y, p):
    return 100 * np.mean(np.abs(y - p) / np.maximum(np.abs(y), EPS), -1)


def mean_squared_logarithmic_error(y, p):
    return np.mean((np.log1p(np.maximum(y, EPS)) - np.log1p(np.maximum(p, EPS))) ** 2, -1)


def huber(y, p, delta=1.0):
    e = np.abs(p - y)
    return np.mean(np.where(e <= delta, e**2 / 2, delta * e - delta**2 / 2), -1)


def log_cosh(y, p):
    return np.mean(np.log(np.cosh(p - y)), -1)


def poisson(y, p):
    return np.mean(p - y * np.log(p + EPS), -1)


def kl_divergence(y, p):
    y, p = np.clip(y, EPS, 1), np.clip(p, EPS, 1)
    return np.sum(y * np.log(y / p), -1)


def cosine_similarity(y, p):
    return -np.sum(y * p, -1) / np.linalg.norm(y, axis=-1) / np.linalg.norm(p, axis=-1)


def _signs(y):
    return 2 * y - 1 if set(np.unique(y)) <= {0, 1} else y


def hinge(y, p):
    return np.mean(np.maximum(1 - _signs(y) * p, 0), -1)


def squared_hinge(y, p):
    return np.mean(np.maximum(1 - _signs(y) * p, 0) ** 2, -1)


def categorical_hinge(y, p):
    return np.maximum(np.max((1 - y) * p, -1) - np.sum(y * p, -1) + 1, 0)


def binary_crossentropy(y, p):
    p = np.clip(p, EPS, 1 - EPS)
    return np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p), -1)


def categorical_crossentropy(y, p):
    p = np.clip(p / p.sum(-1, keepdims=True), EPS, 1 - EPS)
    return -np.sum(y * np.log(p), -1)
