"""A stored graph runs what it says, within bounds; a hostile one is refused before anything is computed."""

from __future__ import annotations

import copy
import json
import random
import tracemalloc

import pytest
import torch

from infoloom.errors import FlowError
from infoloom.observations.adopted.graphs.bounds import need_of
from infoloom.observations.adopted.graphs.graph import StoredGraph
from infoloom.observations.adopted.graphs.operators import OPERATORS, SIZES, resolve

TREE = {
    "version": 1,
    "inputs": ["values"],
    "weights": ["w"],
    "nodes": [
        ["matmul.default", [{"$": 0}, {"$": 1}], {}],
        ["sym_size.int", [{"$": 0}, 0], {}],
        ["size.mul", [{"$": 3}, 2], {}],
        ["ones.default", [[{"$": 4}, 3]], {"dtype": {"dtype": "float"}, "device": {"device": "own"}}],
        ["chunk.default", [{"$": 5}, 2], {}],
        ["getitem", [{"$": 6}, 0], {}],
        ["add.Tensor", [{"$": 2}, {"$": 7}], {"alpha": 0.5}],
    ],
    "outputs": [{"$": 8}],
}
WEIGHTS = {"w": torch.arange(9.0).reshape(3, 3)}


def changed(**parts):
    return {**copy.deepcopy(TREE), **parts}


def with_node(*node):
    tree = copy.deepcopy(TREE)
    return {**tree, "nodes": [list(node)], "outputs": [{"$": 2}]}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_runs_in_either_precision(dtype):
    values = torch.randn(5, 3, dtype=dtype)
    (found,) = StoredGraph(json.loads(json.dumps(TREE)), WEIGHTS, dtype)(values)
    assert found.dtype == dtype
    assert torch.equal(found, values @ WEIGHTS["w"].to(dtype) + 0.5)


def test_need_counts_what_is_held():
    need = need_of(TREE, WEIGHTS, [torch.zeros(5, 3)])
    assert need.shapes == ((5, 3),)
    assert need.floating
    assert need.largest == 30  # ones of (10, 3), and its two halves
    assert need.together == 15 + 30 + 30


def test_every_operator_exists_and_is_pure():
    for name in OPERATORS:
        schema = resolve(name)._schema
        assert not schema.is_mutable, name
        assert not {"generator", "pin"} & {one.name for one in schema.arguments}, name
    words = {name.split(".")[0] for name in OPERATORS}
    assert not words & {
        "rand",
        "randn",
        "empty",
        "as_strided",
        "from_file",
        "set_",
        "bernoulli",
        "nonzero",
        "item",
    }


REFUSED = [
    (with_node("rand.default", [[3]], {}), "operator `rand.default`: expected one of the"),
    (with_node("os.system", ["ls"], {}), "operator `os.system`"),
    (with_node("_foreach_add_.Scalar", [], {}), "operator `_foreach_add_.Scalar`"),
    (with_node("add.Tensor", [{"$": 0}, {"$": 5}], {}), "expected a reference to an earlier value"),
    (with_node("add.Tensor", [{"$": 0}, {"$": -1}], {}), "expected a reference to an earlier value"),
    (with_node("add.Tensor", [{"$": 0}, 10**40], {}), "expected numbers of at most"),
    (with_node("add.Tensor", [[[[[[1]]]]]], {}), "nested at most 3 deep"),
    (
        with_node("add.Tensor", [{"dtype": "complex64"}], {}),
        "expected a reference to an earlier value, a type",
    ),
    (with_node("add.Tensor", [{"$": 0, "dtype": "float"}], {}), "expected numbers, texts, references"),
    (with_node("einsum.default", ["i" * 65, [{"$": 0}]], {}), "expected texts of at most 64 letters"),
    (
        with_node("searchsorted.Tensor", [{"$": 1}, {"$": 0}], {"sorter": {"$": 0}}),
        "option `sorter`: not allowed",
    ),
    (with_node("native_group_norm.default", [], {}), "operator `native_group_norm.default`"),
    (with_node("add.Tensor", {}, {}), "expected a list of arguments"),
    (changed(nodes=[["add.Tensor"]]), "expected [operator, arguments, options]"),
    (changed(nodes=[[]] * 50_001), "expected at most 50,000 nodes"),
    (changed(version=2), "expected version 1"),
    (changed(weights=["other"]), "expected a tensor `other` in the file"),
    (changed(weights=[3]), "expected names of inputs and weights"),
    (changed(outputs=None), "expected lists of inputs, weights, nodes and outputs"),
]


@pytest.mark.parametrize(("tree", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_refuses(tree, message):
    with pytest.raises(FlowError) as error:
        StoredGraph(tree, WEIGHTS)
    assert message in str(error.value)


HUGE = [
    (with_node("ones.default", [[2**40]], {}), "would hold 1,099,511,627,776 numbers"),
    (with_node("arange.default", [2**45], {}), "would hold"),
    (with_node("full.default", [[2**20, 2**20], 1.0], {}), "would hold"),
    (with_node("expand.default", [{"$": 0}, [2**30, 5, 3]], {}), "would hold"),
    (with_node("repeat.default", [{"$": 0}, [2**20, 2**20]], {}), "would hold"),
    (with_node("constant_pad_nd.default", [{"$": 0}, [0, 2**40]], {}), "would hold"),
    (with_node("reshape.default", [{"$": 0}, [1, 1, 1, 1, 1, 1, 1, 1, 1, 15]], {}), "expected at most 8 axes"),
    (with_node("add.Tensor", [{"$": 0}], {}), "expected operators that fit together"),
    (with_node("matmul.default", [{"$": 0}, {"$": 0}], {}), "expected operators that fit together"),
    (with_node("size.mul", [{"$": 0}, 2], {}), "expected whole numbers for the sizes"),
    (with_node("tensor_split.sections", [{"$": 0}, 10**9], {}), "expected at most 65,536 pieces"),
    (with_node("getitem", [{"$": 0}, 0], {}), "expected `getitem` of an operator with several results"),
    (
        {**with_node("ones.default", [[100_000]], {}), "nodes": [["ones.default", [[100_000]], {}],
         ["split.Tensor", [{"$": 2}, 1], {}]]},
        "expected at most 65,536 pieces",
    ),
    (
        {**TREE, "nodes": [["ones.default", [[1, 1, 99, 99]], {}], ["conv2d.default", [{"$": 2}, {"$": 2}], {}]],
         "outputs": [{"$": 3}]},
        "expected kernels of at most 4096",
    ),
    (
        {**TREE, "nodes": [["sym_size.int", [{"$": 0}, 0], {}],
         *[["size.mul", [{"$": 2 + k}, {"$": 2 + k}], {}] for k in range(40)]], "outputs": [{"$": 0}]},
        "expected sizes of at most",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "message"), HUGE, ids=[message[:40] for _, message in HUGE])
def test_refuses_with_bounded_memory(tree, message):
    tracemalloc.start()
    with pytest.raises(FlowError) as error:
        need_of(tree, WEIGHTS, [torch.zeros(5, 3)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(error.value)
    assert peak < 50 * 2**20


def test_many_values_held_at_once_are_refused():
    nodes = [["ones.default", [[2**27]], {}] for _ in range(20)]
    tree = {**TREE, "nodes": nodes, "outputs": [{"$": 2 + k} for k in range(20)]}
    with pytest.raises(FlowError, match=r"together"):
        need_of(tree, WEIGHTS, [torch.zeros(5, 3)])


def test_mutated_graphs_are_refused_or_run():
    """Whatever is changed in a graph, it runs within bounds or ends with an error of this package."""
    draw = random.Random(0)
    values = [None, True, -1, 0, 3, 2**33, 1e300, float("nan"), "x", [], {}, {"$": 0}, {"$": 7}, [[1]]]
    names = [*sorted(OPERATORS), *SIZES, "exec", ""]
    outcomes = {"ran": 0, "refused": 0}
    for _ in range(300):
        tree = copy.deepcopy(TREE)
        for _ in range(draw.randint(1, 3)):
            node = draw.choice(tree["nodes"])
            what = draw.randrange(4)
            if what == 0:
                node[0] = draw.choice(names)
            elif what == 1 and isinstance(node[1], list) and node[1]:
                node[1][draw.randrange(len(node[1]))] = copy.deepcopy(draw.choice(values))
            elif what == 2:
                node[draw.randrange(1, 3)] = copy.deepcopy(draw.choice(values))
            else:
                tree[draw.choice(sorted(tree))] = copy.deepcopy(draw.choice(values))
                break
        try:
            need_of(tree, WEIGHTS, [torch.zeros(5, 3)])
            outcomes["ran"] += 1
        except FlowError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 200
