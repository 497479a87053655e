/* Detection, and layers that were read without being understood. */
#include <stdlib.h>
#include <string.h>

#include "format/ncnn/write.h"
#include "op/detect.h"

static void put_list(struct writer *w, int id, const char *attr)
{
    int count;
    const float *list = op_floats(w->n, attr, &count);
    if (count)
        ncnn_put_floats(w, id, (size_t)count, list);
}

/* The layer leaves off no ratios that it has met, as Caffe does: it gets those of all boxes. */
static void put_ratios(struct writer *w)
{
    int given, count = 0;
    op_floats(w->n, "aspect_ratios", &given);
    float *list = given ? mem_calloc(2 * (size_t)given, sizeof(*list), w->err) : NULL;
    ncnn_write_check(w, !given || list);
    if (list)
        count = detect_prior_ratios(w->n, list);
    if (count)
        ncnn_put_floats(w, 2, (size_t)count, list);
    free(list);
}

void ncnn_write_prior_box(struct writer *w)
{
    bool unique = op_int(w->n, "unique");
    const struct value *image = node_in(w->n, 1);
    int count, sizes, steps;
    const float *variances = op_floats(w->n, "variances", &count), *step = op_floats(w->n, "step", &steps);
    const int64_t *size = op_ints(w->n, "image_size", &sizes);
    const char *in[2] = {ncnn_blob(w, w->n->in[0]), image ? ncnn_blob(w, image) : NULL};
    const char *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, "PriorBox", image ? 2 : 1, in, 1, &out);
    put_list(w, 0, "min_sizes");
    put_list(w, 1, "max_sizes");
    if (unique)
        put_ratios(w);
    else
        put_list(w, 2, "aspect_ratios");
    for (int i = 0; i < 4; i++)
        ncnn_put_float(w, 3 + i, count == 4 ? variances[i] : count == 1 ? variances[0] : 0.1f);
    ncnn_put_int(w, 7, !unique && op_int(w->n, "flip"));
    ncnn_put_int(w, 8, op_int(w->n, "clip"));
    ncnn_put_int(w, 9, sizes == 2 && size[1] ? size[1] : -233);
    ncnn_put_int(w, 10, sizes == 2 && size[0] ? size[0] : -233);
    ncnn_put_float(w, 11, steps == 2 && step[1] != 0 ? step[1] : -233);
    ncnn_put_float(w, 12, steps == 2 && step[0] != 0 ? step[0] : -233);
    ncnn_put_float(w, 13, op_float(w->n, "offset"));
    ncnn_put_int(w, 14, op_int(w->n, "step_ceil"));
    ncnn_put_int(w, 15, op_int(w->n, "center_less_one"));
}

/* The layer's rows stand for Caffe's too, as whoever runs such a net there expects: without the image, which is 0, and
 * by score. A Padding would bring the column back, but fails where nothing is found. */
void ncnn_write_detection_output(struct writer *w)
{
    const char *in[3], *out;
    bool caffe = strcmp(op_string(w->n, "rows"), "caffe") == 0;
    bool fine = strcmp(op_string(w->n, "code_type"), "CENTER_SIZE") == 0 && op_int(w->n, "share_location") &&
                !op_int(w->n, "variance_encoded_in_target") && op_float(w->n, "eta") == 1 && !op_int(w->n, "clip") &&
                op_int(w->n, "background_label_id") == 0;
    const struct value *y = w->n->out[0];
    if (!fine || w->n->in_count > 3 || (caffe && y->use_count)) {
        ncnn_miss(w, "of another form than ncnn's own");
        return;
    }
    for (int i = 0; i < 3; i++)
        in[i] = ncnn_blob(w, w->n->in[i]);
    out = ncnn_result(w, y);
    ncnn_set_batch(w, y, -1);
    ncnn_layer_of(w, "DetectionOutput", 3, in, 1, &out);
    ncnn_put_int(w, 0, op_int(w->n, "num_classes"));
    ncnn_put_float(w, 1, op_float(w->n, "nms_threshold"));
    ncnn_put_int(w, 2, op_int(w->n, "top_k") < 0 ? INT32_MAX : op_int(w->n, "top_k"));
    ncnn_put_int(w, 3, op_int(w->n, "keep_top_k") < 0 ? INT32_MAX : op_int(w->n, "keep_top_k"));
    ncnn_put_float(w, 4, op_float(w->n, "confidence_threshold"));
}

/* The mask is read as floats. */
static void put_mask(struct writer *w)
{
    int count;
    const int64_t *mask = op_ints(w->n, "mask", &count);
    float *list = count ? mem_calloc((size_t)count, sizeof(*list), w->err) : NULL;
    ncnn_write_check(w, !count || list);
    for (int i = 0; list && i < count; i++)
        list[i] = (float)mask[i];
    if (list)
        ncnn_put_floats(w, 5, (size_t)count, list);
    free(list);
}

void ncnn_write_yolo_output(struct writer *w)
{
    bool third = strcmp(w->n->op, "Yolov3DetectionOutput") == 0;
    const char *in[64], *out;
    int count = w->n->in_count;
    if (count > 64) {
        ncnn_miss(w, "of too many operands");
        return;
    }
    for (int i = 0; i < count; i++)
        in[i] = ncnn_blob(w, w->n->in[i]);
    out = ncnn_result(w, w->n->out[0]);
    ncnn_set_batch(w, w->n->out[0], -1);
    ncnn_layer_of(w, third ? "Yolov3DetectionOutput" : "YoloDetectionOutput", count, in, 1, &out);
    ncnn_put_int(w, 0, op_int(w->n, "classes"));
    ncnn_put_int(w, 1, op_int(w->n, "boxes"));
    ncnn_put_float(w, 2, op_float(w->n, "confidence_threshold"));
    ncnn_put_float(w, 3, op_float(w->n, "nms_threshold"));
    put_list(w, 4, "anchors");
    if (third) {
        put_mask(w);
        put_list(w, 6, "anchors_scale");
    }
}

/* ---- opaque ---- */

/* Attribute p3 is parameter 3; others mean nothing to ncnn. */
static void put_attr(struct writer *w, const struct attr *a)
{
    int id = a->name[0] == 'p' ? atoi(a->name + 1) : -1;
    if (id < 0 || id > 31 || strspn(a->name + 1, "0123456789") != strlen(a->name + 1))
        return;
    if (a->kind == ATTR_INT)
        ncnn_put_int(w, id, a->i);
    else if (a->kind == ATTR_FLOAT)
        ncnn_put_float(w, id, a->f);
    else if (a->kind == ATTR_INTS)
        ncnn_put_ints(w, id, a->n, a->ints);
    else if (a->kind == ATTR_FLOATS)
        ncnn_put_floats(w, id, a->n, a->floats);
    else if (a->kind == ATTR_STRING && strnlen(a->s.data, a->s.size) == a->s.size) {
        char text[256];
        size_t n = a->s.size < sizeof(text) - 1 ? a->s.size : sizeof(text) - 1;
        memcpy(text, a->s.data, n);
        text[n] = '\0';
        ncnn_put_string(w, id, text);
    }
}

/* ---- regions ---- */

/* The one region of an operand [1, 4], or of [1, 5] with an image's number of 0 in front; NULL for anything else. */
static const struct value *one_region(const struct value *v, int columns)
{
    static const int64_t front[] = {0, 1, 0, 0};
    const struct node *pad = columns == 5 ? v->producer : NULL;
    if (columns == 5) {
        bool fine = pad && node_is(pad, "Pad") && pad->in[1]->constant && pad->in[1]->constant->size == sizeof(front) &&
                    memcmp(pad->in[1]->constant->data, front, sizeof(front)) == 0 && !node_in(pad, 2);
        v = fine ? pad->in[0] : NULL;
    }
    return v && v->type.rank == 2 && v->type.dims[0] == 1 && v->type.dims[1] == 4 ? v : NULL;
}

bool ncnn_is_region(const struct node *n)
{
    const struct value *v = n->out[0];
    if (v->is_output || !one_region(v, 5))
        return false;
    for (size_t i = 0; i < v->use_count; i++)
        if (v->uses[i].index != 1 ||
            (!node_is(v->uses[i].node, "MaxRoiPool") && strcmp(v->uses[i].node->op, "PSRoiPool") != 0))
            return false;
    return true;
}

/* The layer of a map and one region, with the size of its result. false: a miss. */
static bool region_layer(struct writer *w, const char *type, int columns, int64_t height, int64_t width)
{
    const struct value *region = one_region(w->n->in[1], columns);
    if (!region) {
        ncnn_miss(w, "of other than one region");
        return false;
    }
    const char *in[2] = {ncnn_blob(w, w->n->in[0]), ncnn_blob(w, region)}, *out = ncnn_result(w, w->n->out[0]);
    ncnn_layer_of(w, type, 2, in, 1, &out);
    ncnn_put_int(w, 0, width);
    ncnn_put_int(w, 1, height);
    ncnn_put_float(w, 2, op_float(w->n, "spatial_scale"));
    return true;
}

static bool pooled_layer(struct writer *w, const char *type)
{
    int count;
    const int64_t *size = op_ints(w->n, "pooled_shape", &count);
    return region_layer(w, type, 5, count == 2 ? size[0] : 1, count == 2 ? size[1] : 1);
}

void ncnn_write_max_roi_pool(struct writer *w)
{
    pooled_layer(w, "ROIPooling");
}

void ncnn_write_psroi_pool(struct writer *w)
{
    if (pooled_layer(w, "PSROIPooling"))
        ncnn_put_int(w, 3, op_int(w->n, "output_dim"));
}

void ncnn_write_roi_align(struct writer *w)
{
    const char *mode = op_string(w->n, "coordinate_transformation_mode");
    if (strcmp(op_string(w->n, "mode"), "avg") != 0)
        ncnn_miss(w, "that takes maxima");
    else if (region_layer(w, "ROIAlign", 4, op_int(w->n, "output_height"), op_int(w->n, "output_width"))) {
        ncnn_put_int(w, 3, op_int(w->n, "sampling_ratio"));
        ncnn_put_int(w, 4, strcmp(mode, "half_pixel") == 0);
        ncnn_put_int(w, 5, 1);
    }
}

/* ---- what was not understood ---- */

/* Of what such a node makes or takes the shape need not be known. */
static bool is_open(const struct value *v)
{
    return v->type.kind != TYPE_TENSOR || v->type.rank < 0;
}

static const char *blob_of(struct writer *w, const struct value *v)
{
    return is_open(v) ? ncnn_blob_held(w, v) : ncnn_blob(w, v);
}

static const char *result_of(struct writer *w, const struct value *v)
{
    return is_open(v) ? ncnn_result_as(w, v, &(struct blob_shape){0}) : ncnn_result(w, v);
}

/* Constants of such a node were records of the weight file. */
void ncnn_write_opaque(struct writer *w)
{
    const char *in[64], *out[64];
    int n = 0, outs = w->n->out_count;
    if (w->n->in_count > 64 || outs > 64) {
        ncnn_miss(w, "of too many operands");
        return;
    }
    for (int i = 0; i < w->n->in_count; i++)
        if (w->n->in[i] && !w->n->in[i]->constant)
            in[n++] = blob_of(w, w->n->in[i]);
    for (int o = 0; o < outs; o++)
        out[o] = w->n->out[o] ? result_of(w, w->n->out[o]) : ncnn_fresh(w, w->n->name);
    const char *type = arena_strdup(&w->net.arena, w->n->op, w->err);
    ncnn_write_check(w, type != NULL);
    if (w->failed)
        return;
    ncnn_layer_of(w, type, n, in, outs, out);
    for (const struct attr *a = w->n->attrs; a; a = a->next)
        put_attr(w, a);
    for (int i = 0; i < w->n->in_count; i++)
        if (w->n->in[i] && w->n->in[i]->constant)
            ncnn_put_record(w, ncnn_constant_of(w, w->n->in[i]), false);
}
