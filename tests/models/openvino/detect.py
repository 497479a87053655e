#!/usr/bin/env python3
"""Makes detect.xml and what OpenVINO answers: suppression by class, two-stage detectors, embeddings, decoded texts. Run in this folder; needs openvino and numpy from PyPI."""
import numpy as np
import openvino as ov
import openvino.opset9 as op
from openvino.utils.node_factory import NodeFactory

from make import save

rng = np.random.default_rng(11)
f32 = np.float32


def boxes(n, size=1):
    low = rng.random((n, 2)) * 0.6
    return (np.concatenate([low, low + 0.05 + rng.random((n, 2)) * 0.35], 1) * size).astype(f32)


def node(opset, kind, inputs, **attributes):
    return NodeFactory(f"opset{opset}").create(kind, [i if isinstance(i, ov.Output) else i.output(0) for i in inputs], attributes)


def c(values, kind=f32):
    return op.constant(np.asarray(values, kind))


def normal(*shape):
    return rng.standard_normal(shape).astype(f32)


maps, scores, words = op.parameter([1, 3, 16, 16], f32, name="maps"), op.parameter([1, 3, 12], f32, name="scores"), op.parameter([6], np.int32, name="words")
rule = {"sort_result_type": "score", "sort_result_across_batch": False, "output_type": "i32", "score_threshold": 0.2, "nms_top_k": 5, "keep_top_k": 6, "background_class": 0, "normalized": True}
kept = node(9, "MulticlassNms", [c(boxes(12)[None]), scores], iou_threshold=0.4, nms_eta=1.0, **rule)
decayed = node(8, "MatrixNms", [c(boxes(12)[None]), scores], decay_function="gaussian", gaussian_sigma=2.0, post_threshold=0.1, **rule)
grid = node(6, "ExperimentalDetectronPriorGridGenerator", [c(boxes(3, 20)), maps, c(np.zeros((1, 1, 2, 2)))], flatten=True, h=0, w=0, stride_x=4.0, stride_y=4.0)
found = node(6, "ExperimentalDetectronGenerateProposalsSingleImage", [c([64, 64, 1]), grid, c(normal(12, 16, 16) * 0.3), op.squeeze(maps, c([0], np.int64))],
             min_size=2.0, nms_threshold=0.7, pre_nms_count=30, post_nms_count=10)
best = node(6, "ExperimentalDetectronTopKROIs", [found.output(0), found.output(1)], max_rois=4)
pooled = node(6, "ExperimentalDetectronROIFeatureExtractor", [c(np.concatenate([boxes(2, 60), boxes(2, 500)])), maps, op.avg_pool(maps, [2, 2], [0, 0], [0, 0], [2, 2], True)],
              output_size=3, sampling_ratio=2, pyramid_scales=[4, 8], aligned=True)
last = node(6, "ExperimentalDetectronDetectionOutput", [c(boxes(6, 50)), c(normal(6, 12) * 0.5), c(rng.random((6, 3))), c([[60, 60, 1]])], score_threshold=0.3, nms_threshold=0.5,
            max_delta_log_wh=4.135, num_classes=3, post_nms_count=6, max_detections_per_image=6, class_agnostic_box_regression=False, deltas_weights=[10.0, 10.0, 5.0, 5.0])
regions = c(np.concatenate([np.zeros((3, 1)), boxes(3)], 1))
parts = op.roi_pooling(maps, regions, [3, 2], 1.0, "bilinear")
most = node(9, "ROIAlign", [maps, c(boxes(3, 9)), c([0, 0, 0], np.int32)], pooled_h=3, pooled_w=2, sampling_ratio=2, spatial_scale=0.8, mode="max", aligned_mode="half_pixel")
bags = op.embedding_bag_offsets_sum(c(normal(5, 3)), words, c([0, 2, 2, 4], np.int32), c(1, np.int32), c(normal(6)))
segments = op.embedding_segments_sum(c(normal(5, 3)), words, c([0, 0, 2, 2, 2, 3], np.int32), c(5, np.int32))
text = op.ctc_greedy_decoder_seq_len(op.transpose(scores, c([0, 2, 1], np.int64)), c([9], np.int32), None, True, "i32", "i32")
patches = op.extract_image_patches(maps, [3, 2], [5, 4], [2, 2], "same_upper")
eye = op.multiply(op.eye(c(3, np.int32), c(12, np.int32), c(1, np.int32), "f32"), scores)
# Boxes that lie on one another: what linear decay divides by is 0.
alike = node(8, "MatrixNms", [c(np.tile([0.1, 0.2, 0.6, 0.7], (1, 12, 1))), scores], decay_function="linear", gaussian_sigma=2.0, post_threshold=-1.0, **(rule | {"nms_top_k": 3}))
save("detect", [*kept.outputs(), *decayed.outputs(), *found.outputs(), best, pooled.output(0), *last.outputs(), parts, most, bags, segments, *text.outputs(), patches, eye, *alike.outputs()], [maps, scores, words],
     inputs=[normal(1, 3, 16, 16), rng.random((1, 3, 12)).astype(f32), np.array([0, 2, 3, 4, 1, 3], np.int32)])
