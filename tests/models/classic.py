#!/usr/bin/env python3
"""Makes classic.onnx, of operators of ai.onnx.ml, and onnxruntime's answers beside it: needs Python's onnx, onnxruntime and numpy, none of which the tests need. Run in this
folder."""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h

rng = np.random.default_rng(3)


def node(op, inputs, outputs, **attributes):
    return h.make_node(op, inputs, outputs, domain="ai.onnx.ml", **attributes)


def numbers(count):
    return rng.standard_normal(count).round(3).tolist()


# Three trees, of which the last is one leaf; leaves have one target or several.
nodes = dict(nodes_treeids=[0, 0, 0, 0, 0, 1, 1, 1, 2], nodes_nodeids=[0, 1, 2, 3, 4, 0, 1, 2, 0], nodes_featureids=[1, 0, 3, 0, 0, 2, 0, 0, 0],
             nodes_modes=["BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF", "LEAF"],
             nodes_values=[0.1, 0.0, -0.2, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0], nodes_truenodeids=[1, 0, 3, 0, 0, 1, 0, 0, 0], nodes_falsenodeids=[2, 0, 4, 0, 0, 2, 0, 0, 0])
leaves = dict(treeids=[0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2], nodeids=[1, 1, 1, 3, 4, 4, 1, 2, 0, 0, 0], ids=[0, 1, 2, 1, 0, 2, 2, 1, 0, 1, 2])
graph = h.make_graph([
    node("Scaler", ["x"], ["s"], offset=[0.1, 0.0, -0.2, 0.3], scale=[1.0, 2.0, 0.5, 1.5]),
    node("Imputer", ["s"], ["i"], imputed_value_floats=[0.5], replaced_value_float=float("nan")),
    node("Normalizer", ["i"], ["n"], norm="L2"),
    node("TreeEnsembleClassifier", ["n"], ["label", "p"], classlabels_int64s=[3, 7, 9], class_weights=numbers(11), post_transform="SOFTMAX", **nodes,
         **{"class_" + k: v for k, v in leaves.items()}),
    node("TreeEnsembleClassifier", ["n"], ["two", "q"], classlabels_int64s=[0, 1], class_weights=numbers(11), post_transform="LOGISTIC", **nodes,
         **{"class_" + k: [0] * 11 if k == "ids" else v for k, v in leaves.items()}),
    node("TreeEnsembleRegressor", ["n"], ["r"], n_targets=3, target_weights=numbers(11), base_values=numbers(3), **nodes, **{"target_" + k: v for k, v in leaves.items()}),
    node("SVMRegressor", ["n"], ["v"], kernel_type="RBF", kernel_params=[0.7, 0.0, 0.0], n_supports=3, support_vectors=numbers(12), coefficients=numbers(3), rho=[0.2]),
    node("LinearClassifier", ["n"], ["l", "c"], classlabels_ints=[4, 5], coefficients=numbers(8), intercepts=numbers(2), post_transform="LOGISTIC"),
    node("LinearRegressor", ["n"], ["g"], targets=2, coefficients=numbers(8), intercepts=numbers(2)),
    node("OneHotEncoder", ["l"], ["h"], cats_int64s=[5, 4]),
    node("FeatureVectorizer", ["p", "q", "r", "v", "c", "g", "h"], ["features"], inputdimensions=[3, 2, 3, 1, 2, 2, 2]),
], "classic", [h.make_tensor_value_info("x", T.FLOAT, [6, 4])],
    [h.make_tensor_value_info(n, t, None) for n, t in (("label", T.INT64), ("two", T.INT64), ("features", T.FLOAT))])
onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17), h.make_opsetid("ai.onnx.ml", 3)], ir_version=8), "classic.onnx")
x = rng.standard_normal((6, 4)).astype(np.float32)
x[2, 1] = np.nan
folder = pathlib.Path("classic")
folder.mkdir(exist_ok=True)
np.save(folder / "in_0.npy", x)
for i, y in enumerate(onnxruntime.InferenceSession("classic.onnx").run(None, {"x": x})):
    np.save(folder / f"out_{i}.npy", y)
