"""Saves networks with seeded weights as .h5, .keras and SavedModel and runs the files: answers agree with Keras' to 1e-4 of the range. All of keras.applications, with small inputs,
and nets of layers that those do not have."""
import fnmatch
import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np

L = keras.layers
LEAST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}  # sides of a photo
SIDE = 64


def shake(model, rng):
    """Weights of which none is what a layer begins with."""
    for w in model.weights:
        if np.dtype(w.dtype).kind == "f" and (len(w.shape) < 2 or isinstance(model, keras.Sequential)):
            noise = rng.standard_normal(w.shape) * 0.1
            w.assign(np.abs(w + noise) + 0.05 if "variance" in w.path else w + noise)


def application(name):
    def make():
        side = LEAST.get(name, SIDE)
        return getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=10)
    return make


def changed(model):
    """With a change of low rank beside the first layer's weights."""
    model.layers[0].enable_lora(2, lora_alpha=3)
    return model


def nets():
    for name in dir(keras.applications):
        if name[0].isupper():
            yield name, application(name)
    for padding in ("same", "valid"):
        for strides in (1, 2, 3):
            for layer in (L.Conv2D, L.Conv2DTranspose, L.SeparableConv2D):
                yield f"{layer.__name__}-{padding}-{strides}", lambda k=layer, p=padding, s=strides: keras.Sequential(
                    [L.Input((11, 9, 4)), k(5, (3, 3), strides=s, padding=p), L.MaxPooling2D(2, 1, padding=p)])
    for layer in (L.LSTM, L.GRU, L.SimpleRNN):
        for sequences in (True, False):
            for backwards in (True, False):
                yield f"{layer.__name__}-{sequences}-{backwards}", lambda k=layer, s=sequences, b=backwards: keras.Sequential(
                    [L.Input((7, 5)), k(4, return_sequences=s, go_backwards=b)])
    yield "words", lambda: keras.Sequential(
        [L.Input((9,), dtype="int32"), L.Embedding(5, 6, mask_zero=True), L.Bidirectional(L.LSTM(4, return_sequences=True)), L.GRU(3)])
    for name, layers in (("dense", [L.Input((6,)), L.Dense(5), L.Dense(3)]), ("conv", [L.Input((7, 9, 4)), L.Conv2D(5, 3), L.ReLU()]),
                         ("words", [L.Input((9,), dtype="int32"), L.Embedding(5, 6), L.GRU(3)])):
        yield "low-rank-" + name, lambda n=layers: changed(keras.Sequential(n))
    for name in ("relu6", "elu", "selu", "gelu", "mish", "hard_sigmoid", "hard_silu", "softplus", "softsign", "leaky_relu"):
        yield name, lambda a=name: keras.Sequential([L.Input((6,)), L.Dense(4, activation=a), L.BatchNormalization()])


def random_input(tensor, rng):
    dims = [2 if d is None else d for d in tensor.shape]
    return rng.integers(0, 5, dims).astype(np.int32) if "int" in tensor.dtype else rng.standard_normal(dims).astype(np.float32)


def check(prefix, name, make, folder):
    """The number of faults of the network."""
    keras.utils.set_random_seed(3)
    keras.backend.clear_session()
    rng = np.random.default_rng(5)
    model = make()
    shake(model, rng)
    given = random_input(model.inputs[0], rng)
    np.save(folder / "in_0.npy", given)
    np.save(folder / "out_0.npy", np.array(model(given, training=False)))
    faults = 0
    for suffix in ("net.h5", "net.keras", "saved"):
        path = folder / suffix
        if suffix == "saved":
            model.export(path, verbose=False)
        else:
            model.save(path)
        done = subprocess.run([prefix + "run", "--rtol", "1e-4", "--expect", folder, path, folder / "in_0.npy"],
                              capture_output=True, text=True)
        if done.returncode:
            print(name, suffix, done.stderr.strip()[-300:], flush=True)
            faults += 1
    return faults


def main(prefix, pattern="*"):
    passed = failed = 0
    for name, make in nets():
        if not fnmatch.fnmatch(name, pattern):
            continue
        with tempfile.TemporaryDirectory() as folder:
            faults = check(str(pathlib.Path(prefix).resolve()), name, make, pathlib.Path(folder))
        failed += faults
        passed += 3 - faults
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main(*sys.argv[1:]))
