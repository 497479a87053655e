"""Writes models as TFLite, optimised before, and runs the files by LiteRT's reference kernels: as floats to the answers of the model that was written, with weights as
halves to those to 1 %, quantised ones to two steps."""
import fnmatch
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TREE = pathlib.Path(__file__).resolve().parents[2]


class Fault(Exception):
    pass


def call(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise Fault(done.stderr.strip()[:300])
    return done.stdout


def runtime(path):
    try:
        it = Interpreter(model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        it.allocate_tensors()
    except (RuntimeError, ValueError):  # the reference kernels lack a few operators
        it = Interpreter(model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN)
        it.allocate_tensors()
    return it


def arrays_for(details):
    rng = np.random.default_rng(1)
    for d in details:
        kind, dims = d["dtype"], d["shape"]
        if kind == np.float32:
            yield rng.standard_normal(dims).astype(kind)
        else:
            info = np.iinfo(kind)
            yield rng.integers(max(info.min, -128), min(info.max, 255), dims, kind, True)


def check(prefix, model, options, folder):
    written = pathlib.Path(folder) / "written.tflite"
    call(prefix + "optimize", *(("-O", options) if options else ()), "-o", written, model)
    it = runtime(written)
    details, files = it.get_input_details(), []
    for i, (d, x) in enumerate(zip(details, arrays_for(details))):
        it.set_tensor(d["index"], x)
        files.append(f"{folder}/in_{i}.npy")
        np.save(files[-1], x)
    it.invoke()
    call(prefix + "run", "-o", f"{folder}/out", model, *files)
    for i, d in enumerate(it.get_output_details()):
        have, want = it.get_tensor(d["index"]), np.load(f"{folder}/out/out_{i}.npy")
        if have.shape != want.shape:
            raise Fault(f"output {i} is {have.shape}, want {want.shape}")
        error = np.abs(have.astype(np.float64) - want.astype(np.float64)).max(initial=0)
        allowed = 2 if have.dtype.itemsize == 1 else (1e-2 if options else 1e-4) * max(np.abs(want).max(initial=0), 1e-6)
        if error > allowed:
            raise Fault(f"output {i} differs by {error:.3g}, {allowed:.3g} is allowed")


def models():
    shared = TREE.parent / "shared" / "models"
    yield from sorted((TREE / "tests/models/tflite").glob("*.tflite"))
    yield from sorted((TREE / "tests/models").glob("*.onnx"))
    if shared.is_dir():
        yield from (f for f in sorted(shared.rglob("*.onnx")) if "conformance" not in f.parts)
        yield from sorted(shared.rglob("*.tflite"))


def main():
    prefix, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "*"
    passed = failed = refused = 0
    for model in models():
        if not fnmatch.fnmatch(model.name, pattern):
            continue
        for options in ("", "fp16"):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    check(prefix, model, options, folder)
                    passed += 1
                except Fault as e:
                    if "cannot carry" in str(e):
                        refused += options == ""
                        continue
                    failed += 1
                    print(f"FAIL {model.name} {options}: {e}", flush=True)
    print(f"{refused} not carried")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
