"""Operators of the domain nn: the toolkit's own evaluation against onnxruntime, which runs what nnconvert writes."""
import tempfile

import numpy as np

from side import Fault, command, compare, one_node, ours, theirs, write

_cases = []
_random = np.random.default_rng(3)


def cases():
    if not _cases:
        for family in (ssd, yolo, post_process, regions, rearranged, resized, pools):
            family()
    return _cases


def add(op, inputs, attrs, outputs=1, opset=17):
    name = f"nn.{op}-{sum(case['op'] == op for case in _cases)}"
    _cases.append({"name": name, "group": f"nn.{op}", "own": True, "op": op, "inputs": inputs, "attrs": attrs,
                   "outputs": outputs, "opset": opset})


def run(prefix, case):
    model, feeds = one_node(case["op"], case["inputs"], case["attrs"], case["outputs"], "nn")
    del model.opset_import[1:]
    model.opset_import.add(domain="nn", version=1)
    with tempfile.TemporaryDirectory() as work:
        path = write(model, work)
        got = ours(prefix, path, feeds, case["outputs"], work)
        command(prefix + "convert", "--opset", str(case["opset"]), "-o", f"{work}/written.onnx", path)
        try:
            want = theirs(f"{work}/written.onnx", feeds)
        except Exception as e:
            raise Fault(f"onnxruntime: {str(e).splitlines()[0][:200]}")
        compare(got, want, {"float": 2e-5})


def normal(*dims):
    return _random.normal(size=dims).astype(np.float32)


def uniform(*dims):
    return _random.uniform(size=dims).astype(np.float32)


def priors(sets, n):
    low = uniform(sets, n, 2) / 2
    boxes = np.concatenate([low, low + .1 + uniform(sets, n, 2) / 2], 2).reshape(sets, -1)
    variances = np.tile(np.array([.1, .1, .2, .2], np.float32), (sets, n))
    return np.stack([boxes, variances], 1).astype(np.float32)


def ssd():
    add("PriorBox", [normal(1, 2, 3, 4), normal(1, 3, 60, 80)],
        {"min_sizes": [10., 20.], "max_sizes": [20., 30.], "aspect_ratios": [2., 3.]})
    for code in ("CORNER", "CENTER_SIZE", "CORNER_SIZE"):
        for shared in (1, 0):
            for rows in ("caffe", "ncnn"):
                for top, keep in ((-1, -1), (20, 7)):
                    for images in (1, 2):
                        add("DetectionOutput", [normal(images, 160 * (1 if shared else 4)), uniform(images, 160), priors(1, 40)],
                            {"num_classes": 4, "share_location": shared, "code_type": code, "rows": rows, "top_k": top,
                             "keep_top_k": keep, "confidence_threshold": .6, "nms_threshold": .3})
    attrs = {"num_classes": 4, "code_type": "CENTER_SIZE", "confidence_threshold": .6, "keep_top_k": 20}
    add("DetectionOutput", [normal(2, 160), uniform(2, 160), priors(2, 40), uniform(2, 80), normal(2, 160)], attrs)
    for rows in ("caffe", "ncnn"):
        add("DetectionOutput", [normal(2, 160), uniform(2, 160), priors(2, 40)], dict(attrs, confidence_threshold=2., rows=rows))


def yolo():
    for attrs in ({"mask": [0, 2], "image_size": [64, 96]}, {"mask": [1, 2], "softmax": 1},
                  {"mask": [0, 1], "new_coords": 1, "scale_x_y": 2., "image_size": [64, 96], "threshold": .2}):
        add("YoloRegion", [normal(1, 16, 2, 3)], dict(attrs, anchors=[4., 6., 10., 12., 20., 9.], classes=3))
    for least in (.3, 2.):
        attrs = {"classes": 3, "boxes": 2, "confidence_threshold": least}
        add("Yolov3DetectionOutput", [normal(1, 16, 4, 5), normal(1, 16, 2, 3)],
            dict(attrs, anchors=[4., 6., 10., 12., 20., 9., 30., 40.], mask=[0, 1, 2, 3], anchors_scale=[16., 32.]))
        add("YoloDetectionOutput", [normal(1, 16, 4, 5)], dict(attrs, anchors=[1., 2., 3., 1.]))


def post_process():
    for regular in (0, 1):
        for labels in (1, 2, 5):
            for least in (.5, .99, .999999):
                add("DetectionPostProcess", [normal(1, 50, 4), uniform(1, 50, 4), uniform(50, 4) + .1],
                    {"max_detections": 10, "max_classes_per_detection": labels, "use_regular_nms": regular,
                     "nms_score_threshold": least, "nms_iou_threshold": .4, "num_classes": 3, "y_scale": 10.,
                     "x_scale": 10., "h_scale": 5., "w_scale": 5.}, 4)


def regions():
    size = np.array([[60, 70, 1.5]], np.float32)
    for attrs in ({"pre_nms_topn": 20, "post_nms_topn": 6}, {"rows": "ncnn"}):
        add("Proposal", [uniform(1, 18, 3, 4), normal(1, 36, 3, 4) * .3, size], dict(attrs, nms_threshold=.5), 2)
    rois = np.array([[0, 10, 5, 60, 50], [0, 0, 0, 0, 0], [0, -20, -20, 200, 30], [0, 50, 60, 20, 10]], np.float32)
    add("PSRoiPool", [normal(1, 12, 5, 6), rois], {"output_dim": 2, "pooled_shape": [2, 3]})


def rearranged():
    for reverse in (0, 1):
        add("ShuffleChannel", [normal(2, 6, 3, 4)], {"group": 3, "reverse": reverse})
    for mode in ("darknet", "CRD", "DCR"):
        add("Reorg", [normal(2, 8, 4, 6)], {"stride": 2, "mode": mode})
    for mode in ("inside", "outside", "max_inside", "max_outside"):
        for spatial in (0, 1):
            add("Normalize", [normal(2, 3, 4, 5), normal(3)], {"across_spatial": spatial, "epsilon": .5, "epsilon_mode": mode})
    add("Crop", [normal(1, 2, 5, 7), normal(1, 1, 3, 3)], {"offsets": [1, 2]})
    add("Eltwise", [normal(1, 2, 3), normal(1, 2, 3), normal(1, 2, 3)], {"coeff": [1., -.5, 2.]})
    add("Eltwise", [normal(1, 2, 3), normal(1, 2, 3)], {"operation": "max"})


def resized():
    for mode in ("nearest", "linear", "cubic"):
        for coordinates in ("half_pixel", "align_corners", "asymmetric"):
            for size in ({"size": [8, 9]}, {"scales": [2., 1.5]}):
                add("Interp", [normal(1, 2, 5, 7)], dict(size, mode=mode, coordinates=coordinates))
    for attrs in ({"zoom_factor": 3, "pad_begin": -1}, {"shrink_factor": 2, "pad_end": -1}):
        add("Interp", [normal(1, 2, 5, 7)], dict(attrs, coordinates="align_corners"))
    add("Interp", [normal(1, 2, 5, 7), normal(1, 1, 9, 9)], {"coordinates": "align_corners"})


def pools():
    for rounding in ("floor", "ceil", "ceil_caffe", "ceil_full"):
        for kernel, stride, pad in ((3, 2, 1), (2, 2, 1), (3, 2, 0), (2, 3, 0), (1, 2, 0), (3, 3, 2)):
            for size in (7, 8):
                attrs = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4, "rounding": rounding}
                add("MaxPool", [normal(1, 2, size, size + 1)], attrs)
                for count in ("exclude", "include", "include_clipped"):
                    add("AveragePool", [normal(1, 2, size, size + 1)], dict(attrs, count=count), opset=21)
