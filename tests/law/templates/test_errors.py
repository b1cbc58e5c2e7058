"""The text of every message of the templates."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from infoloom.errors import TemplateError
from infoloom.law.templates import make_template, make_templates
from infoloom.spec.equations.expression import TemplateCall, template

IMAGE = (3, 8, 6)
PATCH = "Write `patch(row, col, height, width)`."

CASES = [
    (
        template("rign", 0.3),
        IMAGE,
        "expected the name of a template. Write `ring`, if that is what you mean.",
    ),
    (
        template("swirl"),
        IMAGE,
        "expected the name of a template. "
        "Use one of ones, random, sparse, patch, blob, disk, ring, frequency, file.",
    ),
    (template("ones", 1), IMAGE, "expected no argument, got 1. Write `ones`."),
    (template("random", 1, 2), IMAGE, "expected one argument, got 2. Write `random(seed=0)`."),
    (template("patch", 1, 2, 3, 4, 5), IMAGE, f"expected at most 4 arguments, got 5. {PATCH}"),
    (template("patch", 1, 2), IMAGE, f"expected a value for `height` and `width`. {PATCH}"),
    (template("disk", size=1), IMAGE, "expected no argument called `size`. Write `disk(radius=0.25)`."),
    (template("disk", 0.3, radius=0.4), IMAGE, "expected `radius` once. Write `disk(radius=0.25)`."),
    (template("patch", 1.5, 2, 3, 4), IMAGE, "expected a whole number for `row`, got 1.5. Change `row`."),
    (template("patch", True, 2, 3, 4), IMAGE, "expected a whole number for `row`, got true. Change `row`."),
    (template("ring", "a"), IMAGE, 'expected a finite number for `radius`, got "a". Change `radius`.'),
    (
        template("ring", float("inf")),
        IMAGE,
        "expected a finite number for `radius`, got inf. Change `radius`.",
    ),
    (template("file", 3), IMAGE, "expected a text in quotes for `path`, got 3. Change `path`."),
    (template("random", -1), IMAGE, "expected a seed from 0 to 2^63 - 1, got -1. Change `seed`."),
    (template("random", 2**63), IMAGE, f"expected a seed from 0 to 2^63 - 1, got {2**63}. Change `seed`."),
    (
        template("patch", 6, 0, 3, 1),
        IMAGE,
        "expected 0 <= row and row + height <= 8, got row 6 and height 3. Change `row` or `height`.",
    ),
    (
        template("patch", 0, -1, 1, 1),
        IMAGE,
        "expected 0 <= col and col + width <= 6, got col -1 and width 1. Change `col` or `width`.",
    ),
    (template("patch", 0, 0, 0, 1), IMAGE, "expected `height` of at least 1, got 0. Change `height`."),
    (
        template("patch", 9, 2),
        (10,),
        "expected 0 <= start and start + length <= 10, got start 9 and length 2. Change `start` or `length`.",
    ),
    (template("sparse", 0), IMAGE, "expected k from 1 to 144, the number of components. Change `k`."),
    (template("sparse", 145), IMAGE, "expected k from 1 to 144, the number of components. Change `k`."),
    (
        template("blob", 1.2, 0.5, 0.1),
        IMAGE,
        "expected `x` from 0 to 1, because it is a fraction of the side, got 1.2. Change `x`.",
    ),
    (
        template("blob", 0.5, 0.5, 0),
        IMAGE,
        "expected `width` above 0 and at most 1, because it is a fraction of the side, got 0. "
        "Change `width`.",
    ),
    (
        template("disk", 0.08),
        (1, 8, 8),
        "expected a radius of at least 0.0884, because a smaller disk covers no pixel. Enlarge `radius`.",
    ),
    (
        template("ring", 0.9, 0.001),
        IMAGE,
        "expected a pattern that is not zero everywhere, because a cause could not enter. "
        "Change the arguments.",
    ),
    (
        template("frequency", 3.5, 0),
        IMAGE,
        "expected `u` from -3 to 3 cycles, because more than half a cycle a pixel looks like fewer, got 3.5. "
        "Change `u`.",
    ),
    (
        template("ring", 0.3),
        (100,),
        "expected an image (channels, height, width), because `ring` is a pattern in the plane. "
        "On signals and vectors use patch(start, length) or blob(x, width).",
    ),
    (
        template("ring", 0.3),
        (2, 2, 2, 2),
        "expected (channels, height, width), (leads, samples) or (size,), because `ring` is a pattern in "
        "the plane or along a line. Use ones, random, sparse or file, or another shape.",
    ),
    (
        template("ones"),
        (),
        "expected sizes that are whole numbers of at least 1. Change the shape or the cause's size.",
    ),
    (
        template("ones"),
        (3, 0),
        "expected sizes that are whole numbers of at least 1. Change the shape or the cause's size.",
    ),
    (
        template("ones"),
        (3, 100_000, 100_000),
        "expected at most 134217728 values in all, because more do not fit in memory. "
        "Make the modality or the cause smaller.",
    ),
    (
        template("ones", normalize=1),
        IMAGE,
        "expected `normalize` once, as true or false. Change `normalize`.",
    ),
    (
        TemplateCall("ones", (), (("normalize", True), ("normalize", False))),
        IMAGE,
        "expected `normalize` once, as true or false. Change `normalize`.",
    ),
]


@pytest.mark.parametrize(("call", "shape", "reason"), CASES, ids=[str(case[0]) for case in CASES])
def test_message(call, shape, reason):
    with pytest.raises(
        TemplateError, match=f"^{re.escape(f'template `{call}` on shape {shape}: {reason}')}$"
    ):
        make_template(call, shape)


def test_absurd_number_of_components():
    with pytest.raises(TemplateError, match="expected at most 134217728 values in all"):
        make_templates(template("random"), (1_000_000,), 1_000)


# files --------------------------------------------------------------------------------------------------


def file_error(directory, name, shape=IMAGE, size=None):
    more = {} if size is None else {"size": size}
    make = make_template if size is None else make_templates
    with pytest.raises(TemplateError) as caught:
        make(template("file", name), shape, directory=directory, **more)
    prefix = f'template `file("{name}")` on shape {shape}: '
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_missing_file(tmp_path):
    assert file_error(tmp_path, "t.npy") == (
        f"expected a file at {tmp_path / 't.npy'}, found none. Check the path, which is relative to the spec."
    )


def test_unknown_suffix(tmp_path):
    (tmp_path / "t.csv").write_text("1,2")
    assert file_error(tmp_path, "t.csv") == (
        "expected a file ending in .npy, .png, .jpg, .jpeg, .bmp, .tif, .tiff, .webp. Convert the file."
    )


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
def test_broken_array(tmp_path, content):
    (tmp_path / "t.npy").write_bytes(content)
    assert file_error(tmp_path, "t.npy") == (
        f"expected a plain array of numbers in {tmp_path / 't.npy'}, because pickled objects are never "
        "loaded. Write it with numpy.save(path, array, allow_pickle=False)."
    )


def test_pickles_are_never_loaded(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    np.save(tmp_path / "t.npy", np.array([Bomb()] * 10, dtype=object), allow_pickle=True)
    assert "because pickled objects are never loaded" in file_error(tmp_path, "t.npy", (10,))
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("dtype", ["complex128", "U3", "datetime64[s]"])
def test_wrong_dtype(tmp_path, dtype):
    np.save(tmp_path / "t.npy", np.zeros(10, dtype=dtype))
    assert file_error(tmp_path, "t.npy", (10,)) == (
        f"expected real numbers in {tmp_path / 't.npy'}, got dtype {np.dtype(dtype)}. "
        "Convert the array to float64."
    )


def test_wrong_shape(tmp_path):
    np.save(tmp_path / "t.npy", np.ones((6, 8)))
    assert file_error(tmp_path, "t.npy") == (
        f"expected an array of shape (3, 8, 6) or (8, 6) or (144,) in {tmp_path / 't.npy'}, got (6, 8). "
        "Reshape the array."
    )
    assert file_error(tmp_path, "t.npy", size=4).startswith(
        "expected an array of shape (4, 3, 8, 6) or (4, 8, 6) or (4, 144)"
    )


def test_a_huge_array_is_refused_before_it_is_read(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
    with open(tmp_path / "t.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    assert "expected " in file_error(tmp_path, "t.npy")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(tmp_path, bad):
    np.save(tmp_path / "t.npy", np.array([1.0, bad]))
    assert file_error(tmp_path, "t.npy", (2,)) == (
        "expected finite values in the file, got infinities or not-a-numbers. Replace them."
    )


def test_zero_array(tmp_path):
    np.save(tmp_path / "t.npy", np.zeros(10))
    assert file_error(tmp_path, "t.npy", (10,)).startswith("expected a pattern that is not zero everywhere")


def test_one_zero_component_is_enough(tmp_path):
    np.save(tmp_path / "t.npy", np.eye(4, 10) * [[1], [1], [0], [1]])
    assert file_error(tmp_path, "t.npy", (10,), 4).startswith(
        "expected a pattern that is not zero everywhere"
    )


def test_extreme_values(tmp_path):
    np.save(tmp_path / "t.npy", np.array([1e200, -1e200]))
    np.testing.assert_allclose(make_template(template("file", "t.npy"), (2,), tmp_path), [1, -1])
    expected = "expected values up to 1e150, because their squares overflow. Leave `normalize` at true."
    with pytest.raises(TemplateError, match=re.escape(expected)):
        make_template(template("file", "t.npy", normalize=False), (2,), tmp_path)


def test_broken_image(tmp_path):
    (tmp_path / "t.png").write_bytes(b"not an image")
    assert file_error(tmp_path, "t.png") == (
        f"expected a readable image in {tmp_path / 't.png'}. Open it in a viewer and save it again as PNG."
    )


def test_truncated_image(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, 6), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "t.png")
    (tmp_path / "t.png").write_bytes((tmp_path / "t.png").read_bytes()[:60])
    assert "expected a readable image" in file_error(tmp_path, "t.png")


def test_image_of_another_size(tmp_path):
    Image.new("L", (8, 6), 100).save(tmp_path / "t.png")
    assert file_error(tmp_path, "t.png") == (
        f"expected an image of 6 x 8 pixels in {tmp_path / 't.png'}, got 8 x 6. Resize the image."
    )


@pytest.mark.parametrize(("shape", "size"), [((10,), None), ((2, 10), None), (IMAGE, 4)])
def test_image_where_none_fits(tmp_path, shape, size):
    Image.new("L", (6, 8), 100).save(tmp_path / "t.png")
    assert file_error(tmp_path, "t.png", shape, size) == (
        "expected an image only on image latents and scalar causes. Write the pattern as a .npy array."
    )
