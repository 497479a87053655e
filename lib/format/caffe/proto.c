#include "format/caffe/proto.h"

#include "parse/protobuf_rows.h"

/* ---- weights, rules, data ---- */

PROTOBUF_TYPE(shape, "BlobShape", INT(1, "dim"));
PROTOBUF_TYPE(blob, "BlobProto", INT(1, "num"), INT(2, "channels"), INT(3, "height"), INT(4, "width"),
              FLOATS(5, "data"), MESSAGE(7, "shape", shape), DOUBLES(8, "double_data"));
PROTOBUF_TYPE(rule, "NetStateRule", INT(1, "phase"), INT(2, "min_level"), INT(3, "max_level"), STRING(4, "stage"),
              STRING(5, "not_stage"));
PROTOBUF_TYPE(state, "NetState", INT(1, "phase"), INT(2, "level"), STRING(3, "stage"));
PROTOBUF_TYPE(filler, "FillerParameter", STRING(1, "type"), FLOAT(2, "value"));
PROTOBUF_TYPE(param, "ParamSpec", STRING(1, "name"));
PROTOBUF_TYPE(resize, "ResizeParameter", INT(2, "resize_mode"), INT(3, "height"), INT(4, "width"));
PROTOBUF_TYPE(transform, "TransformationParameter", FLOAT(1, "scale"), INT(3, "crop_size"), STRING(4, "mean_file"),
              FLOAT(5, "mean_value"), INT(7, "force_gray"), MESSAGE(8, "resize_param", resize), INT(11, "crop_h"),
              INT(12, "crop_w"));
PROTOBUF_TYPE(data, "DataParameter", FLOAT(2, "scale"), INT(4, "batch_size"), INT(5, "crop_size"));
PROTOBUF_TYPE(image_data, "ImageDataParameter", FLOAT(2, "scale"), INT(4, "batch_size"), INT(5, "crop_size"),
              INT(9, "new_height"), INT(10, "new_width"));
PROTOBUF_TYPE(memory_data, "MemoryDataParameter", INT(1, "batch_size"), INT(2, "channels"), INT(3, "height"),
              INT(4, "width"));
PROTOBUF_TYPE(dummy_data, "DummyDataParameter", MESSAGE(1, "data_filler", filler), INT(2, "num"), INT(3, "channels"),
              INT(4, "height"), INT(5, "width"), MESSAGE(6, "shape", shape));
PROTOBUF_TYPE(input, "InputParameter", MESSAGE(1, "shape", shape));

/* ---- parameters of layers ---- */

PROTOBUF_TYPE(convolution, "ConvolutionParameter", INT(1, "num_output"), INT(2, "bias_term"), INT(3, "pad"),
              INT(4, "kernel_size"), INT(5, "group"), INT(6, "stride"), MESSAGE(7, "weight_filler", filler),
              INT(9, "pad_h"), INT(10, "pad_w"), INT(11, "kernel_h"), INT(12, "kernel_w"), INT(13, "stride_h"),
              INT(14, "stride_w"), INT(16, "axis"), INT(18, "dilation"));
PROTOBUF_TYPE(pooling, "PoolingParameter", INT(1, "pool"), INT(2, "kernel_size"), INT(3, "stride"), INT(4, "pad"),
              INT(5, "kernel_h"), INT(6, "kernel_w"), INT(7, "stride_h"), INT(8, "stride_w"), INT(9, "pad_h"),
              INT(10, "pad_w"), INT(12, "global_pooling"), INT(13, "round_mode"));
PROTOBUF_TYPE(inner_product, "InnerProductParameter", INT(1, "num_output"), INT(2, "bias_term"), INT(5, "axis"),
              INT(6, "transpose"));
PROTOBUF_TYPE(embed, "EmbedParameter", INT(1, "num_output"), INT(2, "input_dim"), INT(3, "bias_term"));
PROTOBUF_TYPE(lrn, "LRNParameter", INT(1, "local_size"), FLOAT(2, "alpha"), FLOAT(3, "beta"), INT(4, "norm_region"),
              FLOAT(5, "k"));
PROTOBUF_TYPE(batch_norm, "BatchNormParameter", INT(1, "use_global_stats"), FLOAT(3, "eps"));
PROTOBUF_TYPE(mvn, "MVNParameter", INT(1, "normalize_variance"), INT(2, "across_channels"), FLOAT(3, "eps"));
PROTOBUF_TYPE(scale, "ScaleParameter", INT(1, "axis"), INT(2, "num_axes"), INT(4, "bias_term"));
PROTOBUF_TYPE(bias, "BiasParameter", INT(1, "axis"), INT(2, "num_axes"));
PROTOBUF_TYPE(eltwise, "EltwiseParameter", INT(1, "operation"), FLOAT(2, "coeff"));
PROTOBUF_TYPE(relu, "ReLUParameter", FLOAT(1, "negative_slope"));
PROTOBUF_TYPE(prelu, "PReLUParameter", INT(2, "channel_shared"));
PROTOBUF_TYPE(elu, "ELUParameter", FLOAT(1, "alpha"));
PROTOBUF_TYPE(swish, "SwishParameter", FLOAT(1, "beta"));
PROTOBUF_TYPE(clip, "ClipParameter", FLOAT(1, "min"), FLOAT(2, "max"));
PROTOBUF_TYPE(power, "PowerParameter", FLOAT(1, "power"), FLOAT(2, "scale"), FLOAT(3, "shift"));
PROTOBUF_TYPE(exponent, "ExpParameter", FLOAT(1, "base"), FLOAT(2, "scale"), FLOAT(3, "shift"));
PROTOBUF_TYPE(threshold, "ThresholdParameter", FLOAT(1, "threshold"));
PROTOBUF_TYPE(softmax, "SoftmaxParameter", INT(2, "axis"));
PROTOBUF_TYPE(argmax, "ArgMaxParameter", INT(1, "out_max_val"), INT(2, "top_k"), INT(3, "axis"));
PROTOBUF_TYPE(reduction, "ReductionParameter", INT(1, "operation"), INT(2, "axis"), FLOAT(3, "coeff"));
PROTOBUF_TYPE(concat, "ConcatParameter", INT(1, "concat_dim"), INT(2, "axis"));
PROTOBUF_TYPE(slice, "SliceParameter", INT(1, "slice_dim"), INT(2, "slice_point"), INT(3, "axis"));
PROTOBUF_TYPE(reshape, "ReshapeParameter", MESSAGE(1, "shape", shape), INT(2, "axis"), INT(3, "num_axes"));
PROTOBUF_TYPE(flatten, "FlattenParameter", INT(1, "axis"), INT(2, "end_axis"));
PROTOBUF_TYPE(permute, "PermuteParameter", INT(1, "order"));
PROTOBUF_TYPE(crop, "CropParameter", INT(1, "axis"), INT(2, "offset"));
PROTOBUF_TYPE(tile, "TileParameter", INT(1, "axis"), INT(2, "tiles"));
PROTOBUF_TYPE(parameter, "ParameterParameter", MESSAGE(1, "shape", shape));
PROTOBUF_TYPE(spp, "SPPParameter", INT(1, "pyramid_height"), INT(2, "pool"));
PROTOBUF_TYPE(recurrent, "RecurrentParameter", INT(1, "num_output"), INT(5, "expose_hidden"));
PROTOBUF_TYPE(shuffle, "ShuffleChannelParameter", INT(1, "group"));
PROTOBUF_TYPE(interp, "InterpParameter", INT(1, "height"), INT(2, "width"), INT(3, "zoom_factor"),
              INT(4, "shrink_factor"), INT(5, "pad_beg"), INT(6, "pad_end"));
PROTOBUF_TYPE(upsample, "UpsampleParameter", INT(1, "scale"));

/* ---- detection ---- */

PROTOBUF_TYPE(norm, "NormalizeParameter", INT(1, "across_spatial"), INT(3, "channel_shared"), FLOAT(4, "eps"));
PROTOBUF_TYPE(prior_box, "PriorBoxParameter", FLOAT(1, "min_size"), FLOAT(2, "max_size"), FLOAT(3, "aspect_ratio"),
              INT(4, "flip"), INT(5, "clip"), FLOAT(6, "variance"), INT(7, "img_size"), INT(8, "img_h"),
              INT(9, "img_w"), FLOAT(10, "step"), FLOAT(11, "step_h"), FLOAT(12, "step_w"), FLOAT(13, "offset"));
PROTOBUF_TYPE(nms, "NonMaximumSuppressionParameter", FLOAT(1, "nms_threshold"), INT(2, "top_k"), FLOAT(3, "eta"));
PROTOBUF_TYPE(detection_output, "DetectionOutputParameter", INT(1, "num_classes"), INT(2, "share_location"),
              INT(3, "background_label_id"), MESSAGE(4, "nms_param", nms), INT(6, "code_type"), INT(7, "keep_top_k"),
              INT(8, "variance_encoded_in_target"), FLOAT(9, "confidence_threshold"), FLOAT(24, "objectness_score"));
PROTOBUF_TYPE(roi_pooling, "ROIPoolingParameter", INT(1, "pooled_h"), INT(2, "pooled_w"), FLOAT(3, "spatial_scale"));
PROTOBUF_TYPE(psroi_pooling, "PSROIPoolingParameter", FLOAT(1, "spatial_scale"), INT(2, "output_dim"),
              INT(3, "group_size"));
PROTOBUF_TYPE(python, "PythonParameter", STRING(1, "module"), STRING(2, "layer"), STRING(3, "param_str"));

/* ---- layers ---- */

PROTOBUF_TYPE(layer, "LayerParameter", STRING(1, "name"), STRING(2, "type"), STRING(3, "bottom"), STRING(4, "top"),
              MESSAGE(6, "param", param), MESSAGE(7, "blobs", blob), MESSAGE(8, "include", rule),
              MESSAGE(9, "exclude", rule), MESSAGE(100, "transform_param", transform),
              MESSAGE(103, "argmax_param", argmax), MESSAGE(104, "concat_param", concat),
              MESSAGE(106, "convolution_param", convolution), MESSAGE(107, "data_param", data),
              MESSAGE(109, "dummy_data_param", dummy_data), MESSAGE(110, "eltwise_param", eltwise),
              MESSAGE(111, "exp_param", exponent), MESSAGE(115, "image_data_param", image_data),
              MESSAGE(117, "inner_product_param", inner_product), MESSAGE(118, "lrn_param", lrn),
              MESSAGE(119, "memory_data_param", memory_data), MESSAGE(120, "mvn_param", mvn),
              MESSAGE(121, "pooling_param", pooling), MESSAGE(122, "power_param", power),
              MESSAGE(123, "relu_param", relu), MESSAGE(125, "softmax_param", softmax),
              MESSAGE(126, "slice_param", slice), MESSAGE(128, "threshold_param", threshold),
              MESSAGE(130, "python_param", python), MESSAGE(131, "prelu_param", prelu), MESSAGE(132, "spp_param", spp),
              MESSAGE(133, "reshape_param", reshape), MESSAGE(134, "log_param", exponent),
              MESSAGE(135, "flatten_param", flatten), MESSAGE(136, "reduction_param", reduction),
              MESSAGE(137, "embed_param", embed), MESSAGE(138, "tile_param", tile),
              MESSAGE(139, "batch_norm_param", batch_norm), MESSAGE(140, "elu_param", elu),
              MESSAGE(141, "bias_param", bias), MESSAGE(142, "scale_param", scale), MESSAGE(143, "input_param", input),
              MESSAGE(144, "crop_param", crop), MESSAGE(145, "parameter_param", parameter),
              MESSAGE(146, "recurrent_param", recurrent), MESSAGE(147, "swish_param", swish),
              MESSAGE(148, "clip_param", clip), MESSAGE(202, "permute_param", permute),
              MESSAGE(203, "prior_box_param", prior_box), MESSAGE(204, "detection_output_param", detection_output),
              MESSAGE(206, "norm_param", norm), MESSAGE(212, "shuffle_channel_param", shuffle),
              MESSAGE(2201, "roi_pooling_param", roi_pooling), MESSAGE(2203, "upsample_param", upsample),
              MESSAGE(2210, "interp_param", interp), MESSAGE(10001, "psroi_pooling_param", psroi_pooling));

/* The first form: parameters of all layers in one message, types as lower-case words. */
PROTOBUF_TYPE(v0, "V0LayerParameter", STRING(1, "name"), STRING(2, "type"), INT(3, "num_output"), INT(4, "biasterm"),
              INT(7, "pad"), INT(8, "kernelsize"), INT(9, "group"), INT(10, "stride"), INT(11, "pool"),
              FLOAT(12, "dropout_ratio"), INT(13, "local_size"), FLOAT(14, "alpha"), FLOAT(15, "beta"),
              FLOAT(17, "scale"), STRING(18, "meanfile"), INT(19, "batchsize"), INT(20, "cropsize"), FLOAT(22, "k"),
              MESSAGE(50, "blobs", blob), INT(62, "new_height"), INT(63, "new_width"), INT(65, "concat_dim"));

/* The second: types as an enum. */
PROTOBUF_TYPE(v1, "V1LayerParameter", MESSAGE(1, "layer", v0), STRING(2, "bottom"), STRING(3, "top"), STRING(4, "name"),
              INT(5, "type"), MESSAGE(6, "blobs", blob), MESSAGE(9, "concat_param", concat),
              MESSAGE(10, "convolution_param", convolution), MESSAGE(11, "data_param", data),
              MESSAGE(15, "image_data_param", image_data), MESSAGE(17, "inner_product_param", inner_product),
              MESSAGE(18, "lrn_param", lrn), MESSAGE(19, "pooling_param", pooling), MESSAGE(21, "power_param", power),
              MESSAGE(22, "memory_data_param", memory_data), MESSAGE(23, "argmax_param", argmax),
              MESSAGE(24, "eltwise_param", eltwise), MESSAGE(25, "threshold_param", threshold),
              MESSAGE(26, "dummy_data_param", dummy_data), MESSAGE(30, "relu_param", relu),
              MESSAGE(31, "slice_param", slice), MESSAGE(32, "include", rule), MESSAGE(33, "exclude", rule),
              MESSAGE(34, "mvn_param", mvn), MESSAGE(36, "transform_param", transform),
              MESSAGE(39, "softmax_param", softmax), MESSAGE(41, "exp_param", exponent));

static const struct protobuf_row net_rows[] = {
    STRING(1, "name"),          MESSAGE(2, "layers", v1),         STRING(3, "input"),           INT(4, "input_dim"),
    MESSAGE(6, "state", state), MESSAGE(8, "input_shape", shape), MESSAGE(100, "layer", layer),
};

const struct protobuf_type caffe_net_type = {"NetParameter", net_rows, sizeof net_rows / sizeof *net_rows};
