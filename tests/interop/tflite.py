"""Writes models as TFLite and runs the files by LiteRT's reference kernels. What came from TFLite is held against the original file in the same kernels, run twice so that states
count, once as it is and once optimised; what came from another format against nnrun. Floats agree to 1e-4 of the range, stored numbers to one step, and to two percent of the range
with weights as halves."""
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from harness import OPEN, TREE, Fault, call, run_all


def runtime(path):
    """The reference kernels lack a few operators."""
    for kernels in (OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        try:
            it = Interpreter(model_path=str(path), experimental_op_resolver_type=kernels)
            for d in it.get_input_details():
                open_dims = [int(n) for n in d["shape_signature"]]
                if min(open_dims, default=0) < 0:
                    it.resize_tensor_input(d["index"], [n if n >= 0 else OPEN if i else 1 for i, n in enumerate(open_dims)])
            it.allocate_tensors()
            return it
        except (RuntimeError, ValueError) as e:
            fault = e
    raise Fault(f"LiteRT: {fault}"[:300].replace("\n", " "))


def arrays_for(details, seed):
    rng = np.random.default_rng(seed)
    for d in details:
        kind, dims = d["dtype"], d["shape"]
        if kind == np.float32:
            yield rng.standard_normal(dims).astype(kind)
        elif kind == np.bool_:
            yield rng.integers(0, 2, dims).astype(kind)
        else:
            info = np.iinfo(kind)
            many = kind().itemsize < 4
            yield rng.integers(max(info.min, -128) if many else 0, min(info.max, 255) if many else 5, dims, kind, True)


def run(it, arrays):
    for d, x in zip(it.get_input_details(), arrays):
        it.set_tensor(d["index"], x)
    try:
        it.invoke()
    except RuntimeError as e:
        raise Fault(str(e)[:300])
    return [it.get_tensor(d["index"]) for d in it.get_output_details()]


def compare(have, want, loose):
    for i, (x, y) in enumerate(zip(have, want)):
        if x.shape != y.shape or x.dtype != y.dtype:
            raise Fault(f"output {i} is {x.dtype} {x.shape}, want {y.dtype} {y.shape}")
        error = np.abs(x.astype(np.float64) - y.astype(np.float64)).max(initial=0)
        allowed = 1 if x.dtype.itemsize == 1 else max((2e-2 if loose else 1e-4) * np.abs(y.astype(np.float64)).max(initial=0), 1e-7)
        if loose and x.dtype.itemsize == 1:
            allowed = 5
        if error > allowed:
            raise Fault(f"output {i} differs by {error:.3g}, {allowed:.3g} is allowed")


# LiteRT's reference kernel is wrong by as much as the answer where each block of a row has a scale of its own.
MISCOMPUTED = {"blocks.tflite"}


def check(prefix, model, program, options, folder):
    written = pathlib.Path(folder) / "written.tflite"
    call(prefix + program, "-q", *(("-O", options) if options else ()), "-o", written, model)
    original = runtime(model) if model.suffix == ".tflite" and model.name not in MISCOMPUTED else None
    it = runtime(written)
    if list(it.get_signature_list()) != ["serving_default"]:
        raise Fault("the network has no signature")
    if original:
        for seed in range(2):
            arrays = list(arrays_for(original.get_input_details(), seed))
            compare(run(it, arrays), run(original, arrays), options)
        return
    arrays, files = list(arrays_for(it.get_input_details(), 1)), []
    for i, x in enumerate(arrays):
        files.append(f"{folder}/in_{i}.npy")
        np.save(files[-1], x)
    call(prefix + "run", "-o", f"{folder}/out", model, *files)
    have = run(it, arrays)
    compare(have, [np.load(f"{folder}/out/out_{i}.npy") for i in range(len(have))], options)


def models():
    shared = TREE.parent / "shared" / "models"
    yield from sorted((TREE / "tests/models/tflite").glob("*.tflite"))
    yield from sorted((TREE / "tests/models").rglob("*.onnx"))
    if shared.is_dir():
        yield from (f for f in sorted(shared.rglob("*.onnx")) if "conformance" not in f.parts)
        yield from sorted(shared.rglob("*.tflite"))


if __name__ == "__main__":
    sys.exit(run_all(models(), check, ("cannot carry", "LiteRT: Encountered unresolved custom op")))
