"""An example of a plug-in: a step of flows, a template, a distribution and an exporter."""

from __future__ import annotations

import json
import math

import numpy as np
import scipy.special
import torch

from infoloom.observations import Bijection


class Sinh(Bijection):
    """x = sinh(a z) / a in every component, `sinh(a)` in a flow expression."""

    def __init__(self, shape, rate=1.0):
        self.shape_in = self.shape_out = tuple(shape)
        self.rate = float(rate)

    def forward(self, z):
        return torch.sinh(self.rate * self.check_input(z)) / self.rate

    def inverse(self, x):
        return torch.asinh(self.rate * self.check_output(x)) / self.rate

    def log_det(self, z):
        return torch.log(torch.cosh(self.rate * z)).flatten(1).sum(1)


def ramp(place, power: float = 1.0):
    """From 0 at the first component of a row to 1 at the last, `ramp(power)` in an equation."""
    size = place.shape[-1]
    return (np.arange(1, size + 1) / size) ** power


class Logistic:
    """The logistic distribution with variance 1, `logistic` as the distribution of a cause."""

    usage = "logistic"
    scale = math.sqrt(3.0) / math.pi

    def fits(self, args):
        return not args

    def from_normal(self, values, args):
        side = np.sign(values)
        log_tail = scipy.special.log_ndtr(-np.abs(values))  # each tail by its own probability
        return side * self.scale * (np.log1p(-np.exp(log_tail)) - log_tail)

    def density(self, values, args):
        half = np.exp(-np.abs(values) / self.scale)
        return half / (self.scale * (1.0 + half) ** 2)

    def centres(self, args):
        return (0.0,)

    def width(self, args):
        return 0.5

    def moments(self, args):
        return math.inf


logistic = Logistic()


def write_sizes(data, path):
    """The shape of every column as one JSON file: `infoloom export DATASET sizes.json --to sizes`."""
    path.write_text(json.dumps({column.name: [len(data), *column.shape] for column in data.columns}))
