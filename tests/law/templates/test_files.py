"""Templates from arrays and images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from infoloom.law.templates import make_template, make_templates
from infoloom.spec.equations.expression import template

IMAGE = (3, 8, 6)


def raw(name, shape, directory):
    return make_template(template("file", name, normalize=False), shape, directory).reshape(shape)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", "uint8", "bool", ">f8"])
def test_any_real_dtype(tmp_path, dtype):
    values = np.arange(10).astype(dtype)
    np.save(tmp_path / "t.npy", values)
    np.testing.assert_array_equal(raw("t.npy", (10,), tmp_path), values.astype(np.float64))


def test_whole_spatial_and_flat_arrays(tmp_path):
    values = np.random.default_rng(0).standard_normal(IMAGE)
    np.save(tmp_path / "whole.npy", values)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(values))
    np.save(tmp_path / "flat.npy", values.ravel())
    np.save(tmp_path / "spatial.npy", values[0])
    for name in ("whole.npy", "fortran.npy", "flat.npy"):
        np.testing.assert_array_equal(raw(name, IMAGE, tmp_path), values)
    np.testing.assert_array_equal(raw("spatial.npy", IMAGE, tmp_path), np.broadcast_to(values[:1], IMAGE))


def test_several_components(tmp_path):
    values = np.random.default_rng(0).standard_normal((4, *IMAGE))
    np.save(tmp_path / "whole.npy", values)
    np.save(tmp_path / "spatial.npy", values[:, 0])
    whole = make_templates(template("file", "whole.npy", normalize=False), IMAGE, 4, tmp_path)
    np.testing.assert_array_equal(whole, values.reshape(4, -1))
    spatial = make_templates(template("file", "spatial.npy", normalize=False), IMAGE, 4, tmp_path)
    np.testing.assert_array_equal(spatial.reshape(4, *IMAGE)[:, 2], values[:, 0])


def test_absolute_paths(tmp_path):
    np.save(tmp_path / "t.npy", np.arange(10.0))
    np.testing.assert_array_equal(raw(str(tmp_path / "t.npy"), (10,), None), np.arange(10.0))


def test_grey_image_on_every_channel(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "t.png")
    np.testing.assert_array_equal(raw("t.png", IMAGE, tmp_path), np.broadcast_to(pixels / 255.0, IMAGE))


def test_colours_are_kept_on_three_channels_only(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "t.png")
    np.testing.assert_array_equal(raw("t.png", IMAGE, tmp_path), np.moveaxis(pixels, -1, 0) / 255.0)
    grey = np.asarray(Image.fromarray(pixels).convert("L")) / 255.0
    np.testing.assert_array_equal(raw("t.png", (1, 8, 6), tmp_path)[0], grey)


def test_sixteen_bits_are_not_clipped(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 65536, (8, 6), dtype=np.uint16)
    Image.fromarray(pixels).save(tmp_path / "t.png")
    np.testing.assert_array_equal(raw("t.png", IMAGE, tmp_path)[1], pixels / 65535.0)


def test_float_images_keep_their_values(tmp_path):
    pixels = np.random.default_rng(0).standard_normal((8, 6)).astype(np.float32)
    Image.fromarray(pixels).save(tmp_path / "t.tiff")
    np.testing.assert_array_equal(raw("t.tiff", IMAGE, tmp_path)[2], pixels.astype(np.float64))
