"""Writes models as OpenVINO IR and runs the files by OpenVINO's CPU device, in floats of 32 bits (its kernels of bytes saturate sums where the processor has no VNNI), and by nnrun: both must give what nnrun gives for the model itself. Floats agree to
1e-4 of the range, stored numbers to one step, quantised networks and those with weights as halves to two percent of the range. Written, read and written again a file stays the same."""
import functools
import pathlib
import re
import sys

import numpy as np
import openvino as ov

from harness import OPEN, TREE, Fault, call, run_all

TYPES = {"f32": np.float32, "f16": np.float16, "f64": np.float64, "i64": np.int64, "i32": np.int32, "i16": np.int16, "u16": np.uint16, "u8": np.uint8, "i8": np.int8,
         "boolean": np.bool_}
# Of branches that differ in rank (Silero, of which the engine reads the ONNX file no better).
NO_RANK = "If operation with dynamic rank", "the rank of its input 0 must be known"
SIZES = {"silero_vad.onnx": {"input": (1, 288), "state": (2, 1, 128)}}  # where open sizes may not be any


def arrays_for(net, seed, sizes):
    rng = np.random.default_rng(seed)
    for p in net.inputs:
        kind = TYPES[p.element_type.get_type_name()]
        dims = [d.get_length() if d.is_static else OPEN if i else 1 for i, d in enumerate(p.partial_shape)]
        dims = sizes.get(p.get_any_name(), dims)
        if np.issubdtype(kind, np.floating):
            yield p.get_any_name(), rng.standard_normal(dims).astype(kind)
        else:
            yield p.get_any_name(), rng.integers(0, 2 if kind == np.bool_ else 255 if kind == np.uint8 else 5, dims).astype(kind)


def theirs(core, path, arrays):
    net = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "LP_TRANSFORMS_MODE": False})
    request = net.create_infer_request()
    return list(request.infer(arrays).values())


def ours(prefix, path, arrays, folder):
    files = []
    for i, (name, x) in enumerate(arrays.items()):
        np.save(f"{folder}/in_{i}.npy", x)
        files.append(f"{name}={folder}/in_{i}.npy")
    call(prefix + "run", "-o", f"{folder}/out", path, *files)
    text = call(prefix + "inspect", path)
    states = set(re.findall(r"^input (\S+)", text, re.M)) & set(re.findall(r"^constant (\S+)", text, re.M))
    given = re.findall(r"^output (\S+)", text, re.M)  # what a state is next is no result of IR
    return [np.load(f"{folder}/out/out_{i}.npy") for i, name in enumerate(given) if name.removesuffix("_out") not in states]


def compare(whose, have, want, loose):
    if len(have) != len(want):
        raise Fault(f"{whose}: {len(have)} outputs, want {len(want)}")
    for i, (x, y) in enumerate(zip(have, want)):
        if x.shape != y.shape:
            raise Fault(f"{whose}: output {i} is {x.dtype} {x.shape}, want {y.dtype} {y.shape}")
        error = np.abs(x.astype(np.float64) - y.astype(np.float64)).max(initial=0)
        allowed = 1 if x.dtype.itemsize == 1 else max((2e-2 if loose else 1e-4) * np.abs(y.astype(np.float64)).max(initial=0), 1e-5 if loose else 1e-6)
        if error > allowed:
            raise Fault(f"{whose}: output {i} differs by {error:.3g}, {allowed:.3g} is allowed")


def is_quantised(path):
    return 'type="FakeQuantize"' in path.read_text()


def check(core, prefix, model, program, options, folder):
    written, again = pathlib.Path(folder) / "written.xml", pathlib.Path(folder) / "again.xml"
    call(prefix + program, "-q", *(("-O", options) if options else ()), "-o", written, model)
    arrays = dict(arrays_for(core.read_model(written), 1, SIZES.get(model.name, {})))
    want = ours(prefix, model, arrays, folder)
    loose = options or is_quantised(written)
    compare("nnrun", ours(prefix, written, arrays, folder), want, loose)
    call(prefix + "convert", "-q", "-o", again, written)
    third = pathlib.Path(folder) / "third.xml"
    call(prefix + "convert", "-q", "-o", third, again)
    if third.read_bytes() != again.read_bytes():
        raise Fault("the second time other bytes are written than the third")
    compare("OpenVINO", theirs(core, written, arrays), want, loose)


def models():
    shared = TREE.parent / "shared" / "models"
    yield from sorted((TREE / "tests/models").rglob("*.onnx"))
    for suffix in ("xml", "tflite", "pdmodel"):
        yield from sorted((TREE / "tests/models").rglob("*." + suffix))
    if shared.is_dir():
        yield from (f for f in sorted(shared.rglob("*.onnx")) if "conformance" not in f.parts)


if __name__ == "__main__":
    sys.exit(run_all(models(), functools.partial(check, ov.Core()), ("cannot carry", *NO_RANK)))
