"""Running a model by onnxruntime and by the toolkit, and comparing what comes out."""
import os
import shutil
import subprocess
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper

from harness import Fault


def saturates():
    """Whether onnxruntime's products of u8 with s8 saturate at 16 bits: without VNNI. They are exact if the latter have 7 bits. (session.x64quantprecision, which
    makes the weights u8, leaves it with operators that it has no kernels for.)"""
    with open("/proc/cpuinfo") as f:
        info = f.read()
    return "avx2" in info and "vnni" not in info


def session(path, level=None):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # Floats times widened blocks of bits are floats: not rounded to 8 bits, which onnxruntime does for speed unless told.
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    if level is not None:
        options.graph_optimization_level = level
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def theirs(path, feeds, level=None):
    return session(path, level).run(None, feeds)


def command(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
    if done.returncode != 0:
        text = done.stdout.decode(errors="replace").strip().splitlines()
        raise Fault(f"status {done.returncode}: {text[-1] if text else ''}")


def ours(prefix, path, feeds, count, work):
    """The outputs of the toolkit's run program."""
    words = []
    for i, (name, data) in enumerate(feeds.items()):
        np.save(f"{work}/in_{i}.npy", data)
        words.append(f"{name}={work}/in_{i}.npy")
    out = f"{work}/out"
    shutil.rmtree(out, ignore_errors=True)
    command(prefix + "run", "-j", "1", "-o", out, path, *words)
    return [np.load(f"{out}/out_{i}.npy") for i in range(count)]


def difference(got, want, tolerance):
    """None when they agree, else how they differ. Integers of 8 bits may be off by one: rounding of a float."""
    if isinstance(want, np.ndarray) and want.dtype == object:
        want = want.astype(str)
    if want.dtype.kind in "US" or got.dtype.kind in "US":
        same = got.shape == want.shape and (got.astype(str) == want.astype(str)).all()
        return None if same else f"strings {got.tolist()!r:.80}, want {want.tolist()!r:.80}"
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype} {got.shape}, want {want.dtype} {want.shape}"
    if want.size == 0:
        return None
    if want.dtype.kind in "iub":
        off = np.abs(got.astype(np.int64) - want.astype(np.int64)).max()
        most = 1 if want.dtype.itemsize == 1 and want.dtype.kind != "b" else 0
        return None if off <= max(most, tolerance.get("steps", 0)) else f"integers off by {off}"
    g, w = got.astype(np.float64), want.astype(np.float64)
    if (np.isnan(g) != np.isnan(w)).any():
        return "not a number in other places"
    bound = tolerance.get("float", 2e-3 if want.dtype == np.float16 else 1e-4)
    off = np.nanmax(np.abs(g - w)) / max(np.nanmax(np.abs(w)), 1e-3)
    return None if off <= bound else f"floats off by {off:.2g} of the largest"


def compare(got, want, tolerance):
    if len(got) != len(want):
        raise Fault(f"{len(got)} outputs, want {len(want)}")
    for i, (g, w) in enumerate(zip(got, want)):
        text = difference(np.asarray(g), np.asarray(w), tolerance)
        if text:
            raise Fault(f"output {i}: {text}")


def check(prefix, path, feeds, tolerance=None, rewrite=17, level=None):
    """Runs the model file by both, as it is and after the toolkit's optimizer (by onnxruntime), as ONNX of opset `rewrite`, unless 0."""
    tolerance = tolerance or {}
    with tempfile.TemporaryDirectory() as work:
        try:
            want = theirs(path, feeds, level)
        except Exception as e:
            raise Fault(f"onnxruntime: {str(e).splitlines()[0][:200]}")
        compare(ours(prefix, path, feeds, len(want), work), want, tolerance)
        if not rewrite:
            return
        command(prefix + "optimize", "--opset", str(rewrite), "-o", f"{work}/small.onnx", path)
        try:
            got = theirs(f"{work}/small.onnx", feeds, level)
        except Exception as e:
            raise Fault(f"what the optimizer writes: {str(e).splitlines()[0][:200]}")
        try:
            compare(got, want, tolerance)
        except Fault as e:
            raise Fault(f"what the optimizer writes: {e}")


def one_node(op, inputs, attrs=None, outputs=1, domain="com.microsoft", constant=(), symbolic=(), opset=21):
    """A model of one node. inputs: arrays, None where absent; constant: which of them are initializers; symbolic: which have unknown
    sizes; outputs: their number, or a list of bools where some are not wanted. Returns the model and its feeds."""
    names, ports, initializers, feeds = [], [], [], {}
    for i, data in enumerate(inputs):
        names.append("" if data is None else f"i{i}")
        if data is None:
            continue
        kind = helper.np_dtype_to_tensor_dtype(data.dtype)
        if i in constant:
            initializers.append(onnx.numpy_helper.from_array(data, f"i{i}"))
        else:
            dims = [f"d{i}_{k}" for k in range(data.ndim)] if i in symbolic else data.shape
            ports.append(helper.make_tensor_value_info(f"i{i}", kind, dims))
            feeds[f"i{i}"] = data
    while names and not names[-1]:
        names.pop()
    wanted = [True] * outputs if isinstance(outputs, int) else outputs
    results = [f"o{k}" if w else "" for k, w in enumerate(wanted)]
    node = helper.make_node(op, names, results, name="it", domain=domain, **(attrs or {}))
    graph = helper.make_graph([node], "one", ports, [helper.make_empty_tensor_value_info(r) for r in results if r],
                              initializers)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10), feeds


def write(model, folder, name="model.onnx"):
    path = os.path.join(folder, name)
    onnx.save(model, path)
    return path
