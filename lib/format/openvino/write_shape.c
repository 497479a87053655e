/* Writing layers that move elements. */
#include <string.h>

#include "format/openvino/write.h"

#define MOST_INPUTS 4096

void openvino_write_concat(struct openvino_writer *w)
{
    struct openvino_place in[MOST_INPUTS];
    int count = w->node->in_count < MOST_INPUTS ? w->node->in_count : MOST_INPUTS;
    if (w->node->in_count > MOST_INPUTS)
        openvino_cannot(w, "%d inputs", w->node->in_count);
    for (int i = 0; i < count; i++)
        in[i] = openvino_at(w, i);
    openvino_put_int(w, "axis", op_int(w->node, "axis"));
    openvino_finish(w, "Concat", 1, count, in);
}

void openvino_write_reshape(struct openvino_writer *w)
{
    if (openvino_is_ungrouping(w->node))
        return;
    struct openvino_place x = openvino_at(w, 0), shape = openvino_at(w, 1);
    openvino_put_bool(w, "special_zero", !op_int(w->node, "allowzero"));
    OPENVINO_FINISH(w, "Reshape", 1, x, shape);
}

/* To the one side of the axis all is one, to the other what is left. */
void openvino_write_flatten(struct openvino_writer *w)
{
    const struct value *v = node_in(w->node, 0);
    int rank = openvino_rank_of(v);
    int64_t axis = op_int(w->node, "axis"), dims[2] = {0, -1};
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis > rank) {
        openvino_cannot(w, "the rank of its input is not known");
        return;
    }
    if (axis != 1)
        dims[0] = tensor_count((int)axis, v->type.dims);
    if (dims[0] < 0)
        dims[1] = tensor_count(rank - (int)axis, v->type.dims + axis);
    if (dims[0] < 0 && dims[1] < 0)
        openvino_cannot(w, "sizes on both sides that are not known");
    struct openvino_place x = openvino_at(w, 0), shape = openvino_list_of(w, 2, dims);
    openvino_put_bool(w, "special_zero", true);
    OPENVINO_FINISH(w, "Reshape", 1, x, shape);
}

void openvino_write_transpose(struct openvino_writer *w)
{
    if (openvino_is_turning(w->node))
        return;
    if (openvino_is_turning_back(w->node)) {
        openvino_alias(w, openvino_at(w, 0));
        return;
    }
    int count, rank = openvino_rank_of(node_in(w->node, 0));
    const int64_t *perm = op_ints(w->node, "perm", &count);
    int64_t reversed[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        reversed[i] = rank - 1 - i;
    if (!perm && rank < 0)
        openvino_cannot(w, "the rank of its input is not known");
    struct openvino_place x = openvino_at(w, 0);
    OPENVINO_FINISH(w, "Transpose", 1, x,
                    openvino_list_of(w,
                                     perm       ? count
                                     : rank < 0 ? 0
                                                : rank,
                                     perm ? perm : reversed));
}

void openvino_write_squeeze(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    if (node_in(w->node, 1))
        OPENVINO_FINISH(w, w->row->type, 1, x, openvino_at(w, 1));
    else
        OPENVINO_FINISH(w, w->row->type, 1, x);
}

void openvino_write_shape(struct openvino_writer *w)
{
    int64_t start = op_int(w->node, "start"), end = op_has(w->node, "end") ? op_int(w->node, "end") : INT64_MAX;
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_text(w, "output_type", "i64");
    if (start == 0 && end == INT64_MAX) {
        OPENVINO_FINISH(w, "ShapeOf", 3, x);
        return;
    }
    x = OPENVINO_STEP(w, "ShapeOf", 3, x);
    OPENVINO_FINISH(w, "Slice", 8, x, openvino_list_of(w, 1, &start), openvino_list_of(w, 1, &end),
                    openvino_list_of(w, 1, (int64_t[]){1}));
}

void openvino_write_expand(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), shape = openvino_at(w, 1);
    openvino_put_text(w, "mode", "bidirectional");
    OPENVINO_FINISH(w, "Broadcast", 3, x, shape);
}

void openvino_write_filled(struct openvino_writer *w)
{
    const struct tensor *value = op_tensor(w->node, "value");
    if (value && value->count != 1)
        value = NULL;
    struct openvino_place number =
        openvino_number_of(w, value ? value->dtype : DTYPE_F32, value ? tensor_get_f64(value, 0) : 0);
    struct openvino_place shape = openvino_at(w, 0);
    openvino_put_text(w, "mode", "numpy");
    OPENVINO_FINISH(w, "Broadcast", 3, number, shape);
}

/* All pads as constants, of all axes: their beginnings, then their ends. */
static bool known_pads(struct openvino_writer *w, int rank, int64_t *all)
{
    int64_t pads[2 * TENSOR_MAX_RANK], axes[TENSOR_MAX_RANK];
    bool some = node_in(w->node, 3) != NULL;
    int n = openvino_known(w, 1, pads, 2 * TENSOR_MAX_RANK, some) / 2;
    if (n < 0 || rank < n || (some && openvino_known(w, 3, axes, TENSOR_MAX_RANK, true) != n))
        return false;
    for (int i = 0; i < n; i++) {
        int64_t axis = !some ? i : axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank)
            return false;
        all[axis] = pads[i];
        all[rank + axis] = pads[n + i];
    }
    return n > 0;
}

/* The pads are a Concat of those at the beginnings and those at the ends. */
static bool are_joined(const struct value *pads, int rank)
{
    const struct node *n = pads ? pads->producer : NULL;
    bool both = n && node_is(n, "Concat") && n->in_count == 2;
    for (int i = 0; both && i < 2; i++)
        both = openvino_rank_of(node_in(n, i)) == 1 && node_in(n, i)->type.dims[0] == rank;
    return both;
}

void openvino_write_pad(struct openvino_writer *w)
{
    int64_t all[2 * TENSOR_MAX_RANK] = {0};
    int rank = openvino_rank_of(node_in(w->node, 0));
    const char *mode = op_string(w->node, "mode");
    struct openvino_place in[4] = {openvino_at(w, 0)};
    if (rank < 0 || strcmp(mode, "wrap") == 0)
        openvino_cannot(w, "mode %s, or a rank that is not known", mode);
    if (known_pads(w, rank, all)) {
        in[1] = openvino_list_of(w, rank, all);
        in[2] = openvino_list_of(w, rank, all + rank);
    } else if (are_joined(node_in(w->node, 1), rank)) {
        in[1] = openvino_of(w, node_in(node_in(w->node, 1)->producer, 0));
        in[2] = openvino_of(w, node_in(node_in(w->node, 1)->producer, 1));
    } else {
        struct openvino_place halves[] = {openvino_at(w, 1), openvino_number_of(w, DTYPE_I64, 0)};
        openvino_put_int(w, "num_splits", 2);
        in[1] = in[2] = openvino_step(w, "Split", 1, 2, 2, halves);
        in[2].port++;
    }
    bool number = node_in(w->node, 2) && strcmp(mode, "constant") == 0;
    if (number)
        in[3] = openvino_at(w, 2);
    openvino_put_text(w, "pad_mode", mode);
    openvino_finish(w, "Pad", 12, number ? 4 : 3, in);
}

/* ---- channels and places ---- */

void openvino_write_depth_to_space(struct openvino_writer *w)
{
    bool back = strcmp(w->row->type, "DepthToSpace") == 0, columns = back && op_string(w->node, "mode")[0] == 'C';
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_text(w, "mode", columns ? "depth_first" : "blocks_first");
    openvino_put_int(w, "block_size", op_int(w->node, "blocksize"));
    OPENVINO_FINISH(w, w->row->type, 1, x);
}

void openvino_write_shuffle(struct openvino_writer *w)
{
    const struct value *v = node_in(w->node, 0);
    int64_t group = op_int(w->node, "group");
    if (op_int(w->node, "reverse")) {
        if (openvino_rank_of(v) < 2 || v->type.dims[1] < 0 || group < 1)
            openvino_cannot(w, "channels whose number is not known");
        else
            group = v->type.dims[1] / group;
    }
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_int(w, "axis", 1);
    openvino_put_int(w, "group", group);
    OPENVINO_FINISH(w, "ShuffleChannels", 1, x);
}

void openvino_write_reorg(struct openvino_writer *w)
{
    const char *mode = op_string(w->node, "mode");
    struct openvino_place x = openvino_at(w, 0);
    if (strcmp(mode, "darknet") == 0) {
        openvino_put_int(w, "stride", op_int(w->node, "stride"));
        OPENVINO_FINISH(w, "ReorgYolo", 2, x);
        return;
    }
    openvino_put_text(w, "mode", strcmp(mode, "CRD") == 0 ? "depth_first" : "blocks_first");
    openvino_put_int(w, "block_size", op_int(w->node, "stride"));
    OPENVINO_FINISH(w, "SpaceToDepth", 1, x);
}

/* ---- sampling ---- */

/* The axes that are not named in ONNX are all. Linear along two axes is linear_onnx. */
void openvino_write_resize(struct openvino_writer *w)
{
    int count, rank = openvino_rank_of(node_in(w->node, 0)), at = node_in(w->node, 3) ? 3 : 2;
    const int64_t *given = op_ints(w->node, "axes", &count);
    const char *mode = op_string(w->node, "mode"), *places = op_string(w->node, "coordinate_transformation_mode");
    int64_t all[TENSOR_MAX_RANK];
    bool linear = strcmp(mode, "linear") == 0, antialias = op_int(w->node, "antialias") != 0;
    bool pillow = antialias && op_int(w->node, "exclude_outside") && strcmp(places, "half_pixel") == 0 &&
                  (linear || op_float(w->node, "cubic_coeff_a") == -0.5f);
    for (int i = 0; i < rank; i++)
        all[i] = i;
    if (rank < 0 || !node_in(w->node, at))
        openvino_cannot(w, "a rank or size that is not known");
    if (strcmp(places, "tf_crop_and_resize") == 0 || strcmp(places, "half_pixel_symmetric") == 0 ||
        (op_int(w->node, "exclude_outside") && !pillow) ||
        strcmp(op_string(w->node, "keep_aspect_ratio_policy"), "stretch") != 0)
        openvino_cannot(w, "coordinates %s, or the rule of its borders or proportion", places);
    struct openvino_place x = openvino_at(w, 0), by = openvino_at(w, at),
                          axes = openvino_list_of(w,
                                                  given      ? count
                                                  : rank < 0 ? 0
                                                             : rank,
                                                  given ? given : all);
    openvino_put_text(w, "mode",
                      pillow && linear ? "bilinear_pillow"
                      : pillow         ? "bicubic_pillow"
                      : linear         ? antialias ? "linear" : "linear_onnx"
                                       : mode);
    openvino_put_text(w, "shape_calculation_mode", at == 3 ? "sizes" : "scales");
    openvino_put_text(w, "coordinate_transformation_mode", places);
    openvino_put_text(w, "nearest_mode", op_string(w->node, "nearest_mode"));
    openvino_put_bool(w, "antialias", antialias && !pillow);
    openvino_put_ints(w, "pads_begin", 1, (int64_t[]){0});
    openvino_put_ints(w, "pads_end", 1, (int64_t[]){0});
    openvino_put_float(w, "cube_coeff", op_float(w->node, "cubic_coeff_a"));
    OPENVINO_FINISH(w, "Interpolate", 11, x, by, axes);
}

void openvino_write_grid_sample(struct openvino_writer *w)
{
    const char *mode = op_string(w->node, "mode");
    struct openvino_place x = openvino_at(w, 0), grid = openvino_at(w, 1);
    openvino_put_bool(w, "align_corners", op_int(w->node, "align_corners"));
    openvino_put_text(w, "mode",
                      strcmp(mode, "nearest") == 0 ? "nearest"
                      : strcmp(mode, "cubic") == 0 ? "bicubic"
                                                   : "bilinear");
    openvino_put_text(w, "padding_mode", op_string(w->node, "padding_mode"));
    OPENVINO_FINISH(w, "GridSample", 9, x, grid);
}

void openvino_write_range(struct openvino_writer *w)
{
    const char *type = openvino_type_name(openvino_dtype_of(node_in(w->node, 0)));
    struct openvino_place from = openvino_at(w, 0), to = openvino_at(w, 1), step = openvino_at(w, 2);
    openvino_put_text(w, "output_type", type ? type : "i64");
    OPENVINO_FINISH(w, "Range", 4, from, to, step);
}

/* ---- parts ---- */

void openvino_write_split(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0),
                          axis = openvino_number_of(w, DTYPE_I64, (double)op_int(w->node, "axis"));
    int64_t sizes[MOST_INPUTS];
    const struct value *v = node_in(w->node, 0);
    int rank = openvino_rank_of(v), at = (int)op_int(w->node, "axis");
    at = at < 0 ? at + rank : at;
    if (node_in(w->node, 1)) {
        OPENVINO_FINISH(w, "VariadicSplit", 1, x, axis, openvino_at(w, 1));
        return;
    }
    int64_t size = rank > 0 && at >= 0 && at < rank ? v->type.dims[at] : -1, parts = w->node->out_count;
    if (parts > MOST_INPUTS)
        openvino_cannot(w, "%lld parts", (long long)parts);
    else if (size >= 0 && size % parts) {
        for (int64_t i = 0, each = (size + parts - 1) / parts; i < parts; i++) {
            int64_t left = size - i * each;
            sizes[i] = left < 0 ? 0 : left < each ? left : each;
        }
        OPENVINO_FINISH(w, "VariadicSplit", 1, x, axis, openvino_list_of(w, (int)parts, sizes));
        return;
    }
    openvino_put_int(w, "num_splits", parts);
    OPENVINO_FINISH(w, "Split", 1, x, axis);
}

void openvino_write_slice(struct openvino_writer *w)
{
    struct openvino_place in[5] = {openvino_at(w, 0), openvino_at(w, 1), openvino_at(w, 2)};
    int64_t ones[TENSOR_MAX_RANK];
    const struct value *starts = node_in(w->node, 1);
    int count = openvino_rank_of(starts) == 1 && starts->type.dims[0] >= 0 ? (int)starts->type.dims[0] : -1;
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        ones[i] = 1;
    if (!node_in(w->node, 4) && (count < 0 || count > TENSOR_MAX_RANK))
        openvino_cannot(w, "the number of axes is not known");
    in[3] = node_in(w->node, 4) ? openvino_at(w, 4) : openvino_list_of(w, count < 0 ? 0 : count, ones);
    if (node_in(w->node, 3))
        in[4] = openvino_at(w, 3);
    openvino_finish(w, "Slice", 8, node_in(w->node, 3) ? 5 : 4, in);
}

void openvino_write_gather(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), at = openvino_at(w, 1),
                          axis = openvino_number_of(w, DTYPE_I64, (double)op_int(w->node, "axis"));
    openvino_put_int(w, "batch_dims", 0);
    OPENVINO_FINISH(w, "Gather", 8, x, at, axis);
}

void openvino_write_gather_elements(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), at = openvino_at(w, 1);
    openvino_put_int(w, "axis", op_int(w->node, "axis"));
    OPENVINO_FINISH(w, "GatherElements", 6, x, at);
}

void openvino_write_gather_nd(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), at = openvino_at(w, 1);
    openvino_put_int(w, "batch_dims", op_int(w->node, "batch_dims"));
    OPENVINO_FINISH(w, "GatherND", 8, x, at);
}

void openvino_write_scatter(struct openvino_writer *w)
{
    struct openvino_place in[4] = {openvino_at(w, 0), openvino_at(w, 1), openvino_at(w, 2)};
    bool elements = strcmp(w->row->type, "ScatterElementsUpdate") == 0;
    if (strcmp(op_string(w->node, "reduction"), "none") != 0)
        openvino_cannot(w, "reduction %s", op_string(w->node, "reduction"));
    if (elements)
        in[3] = openvino_number_of(w, DTYPE_I64, (double)op_int(w->node, "axis"));
    openvino_finish(w, w->row->type, w->row->set, elements ? 4 : 3, in);
}

void openvino_write_non_zero(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0);
    openvino_put_text(w, "output_type", "i64");
    OPENVINO_FINISH(w, "NonZero", 3, x);
}

static void put_top_k(struct openvino_writer *w, bool max, const char *sort)
{
    openvino_put_int(w, "axis", op_int(w->node, "axis"));
    openvino_put_text(w, "mode", max ? "max" : "min");
    openvino_put_text(w, "sort", sort);
    openvino_put_text(w, "index_element_type", "i64");
    openvino_put_bool(w, "stable", true);
}

void openvino_write_top_k(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), k = openvino_reshape(w, openvino_at(w, 1), 0, NULL);
    put_top_k(w, op_int(w->node, "largest") != 0, "value");
    w->outputs = 2;
    OPENVINO_FINISH(w, "TopK", 11, x, k);
}

/* The place of the best one: the second output of a TopK of one. */
void openvino_write_arg_extreme(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), one = openvino_number_of(w, DTYPE_I64, 1);
    int64_t axis = op_int(w->node, "axis");
    if (op_int(w->node, "select_last_index"))
        openvino_cannot(w, "the last of equals");
    put_top_k(w, w->row->type[1] == 'a', "value");
    struct openvino_place v = openvino_step(w, "TopK", 11, 2, 2, (struct openvino_place[]){x, one});
    v.port++;
    if (op_int(w->node, "keepdims"))
        openvino_alias(w, v);
    else
        OPENVINO_FINISH(w, "Squeeze", 1, v, openvino_list_of(w, 1, &axis));
}

/* ---- boxes ---- */

void openvino_write_nms(struct openvino_writer *w)
{
    struct openvino_place in[5];
    int count = 2;
    for (int i = 0; i < 5; i++) {
        if (i >= 2 && !node_in(w->node, i))
            in[i] = openvino_number_of(w, i == 2 ? DTYPE_I64 : DTYPE_F32, i == 4 ? -3.4e38 : 0);
        else
            in[i] = openvino_reshape(w, openvino_at(w, i), i < 2 ? 3 : 0, (int64_t[]){0, 0, 0});
        count = i + 1;
    }
    openvino_put_text(w, "box_encoding", op_int(w->node, "center_point_box") ? "center" : "corner");
    openvino_put_bool(w, "sort_result_descending", false);
    openvino_put_text(w, "output_type", "i64");
    w->outputs = 3;
    openvino_finish(w, "NonMaxSuppression", 9, count, in);
}

void openvino_write_roi_align(struct openvino_writer *w)
{
    const char *places = op_string(w->node, "coordinate_transformation_mode");
    struct openvino_place x = openvino_at(w, 0), rois = openvino_at(w, 1), images = openvino_at(w, 2);
    openvino_put_int(w, "pooled_h", op_int(w->node, "output_height"));
    openvino_put_int(w, "pooled_w", op_int(w->node, "output_width"));
    openvino_put_int(w, "sampling_ratio", op_int(w->node, "sampling_ratio"));
    openvino_put_float(w, "spatial_scale", op_float(w->node, "spatial_scale"));
    openvino_put_text(w, "mode", op_string(w->node, "mode"));
    openvino_put_text(w, "aligned_mode", strcmp(places, "half_pixel") == 0 ? "half_pixel" : "asymmetric");
    OPENVINO_FINISH(w, "ROIAlign", 9, x, rois, images);
}

void openvino_write_reverse_sequence(struct openvino_writer *w)
{
    struct openvino_place x = openvino_at(w, 0), lengths = openvino_at(w, 1);
    openvino_put_int(w, "batch_axis", op_int(w->node, "batch_axis"));
    openvino_put_int(w, "seq_axis", op_int(w->node, "time_axis"));
    OPENVINO_FINISH(w, "ReverseSequence", 1, x, lengths);
}

/* Values off and on are an element each of a list. */
void openvino_write_one_hot(struct openvino_writer *w)
{
    struct openvino_place in[4] = {openvino_at(w, 0), openvino_at(w, 1)}, both = openvino_at(w, 2);
    if (openvino_rank_of(node_in(w->node, 1)) != 0)
        in[1] = openvino_reshape(w, in[1], 0, NULL);
    for (int i = 0; i < 2; i++) {
        struct openvino_place at = openvino_number_of(w, DTYPE_I64, 1 - i), axis = openvino_number_of(w, DTYPE_I64, 0);
        in[2 + i] = OPENVINO_STEP(w, "Gather", 8, both, at, axis);
    }
    openvino_put_int(w, "axis", op_int(w->node, "axis"));
    openvino_put_text(w, "negative_indices_mode", "normalize");
    openvino_finish(w, "OneHot", 16, 4, in);
}

void openvino_write_unique(struct openvino_writer *w)
{
    struct openvino_place in[2] = {openvino_at(w, 0)};
    const struct attr *axis = node_attr(w->node, "axis");
    if (axis)
        in[1] = openvino_number_of(w, DTYPE_I64, (double)axis->i);
    openvino_put_bool(w, "sorted", op_int(w->node, "sorted"));
    w->outputs = 4;
    openvino_finish(w, "Unique", 10, axis ? 2 : 1, in);
}
