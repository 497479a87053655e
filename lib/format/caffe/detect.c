/* Layers of detectors. Source: prior_box_layer.cpp and detection_output_layer.cpp of Caffe-SSD, proposal_layer.py of
 * Faster R-CNN. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/caffe/caffe.h"

#define MOST_BOXES 256

/* A list of numbers as an attribute, where it is given. */
static void set_list(struct caffe_read *l, struct value *v, const char *attribute, const char *name)
{
    float values[MOST_BOXES];
    int n = 0;
    for (const struct protobuf *p = protobuf_first(l->param, name); p; p = protobuf_more(p)) {
        if (n == MOST_BOXES) {
            build_fail(l->b, "%s is given more than %d times", name, MOST_BOXES);
            return;
        }
        values[n++] = (float)protobuf_as_float(p, 0);
    }
    if (n)
        build_floats(l->b, v, attribute, n, values);
}

void caffe_read_prior_box(struct caffe_read *l)
{
    float step = caffe_float(l, "step", 0), steps[2] = {caffe_float(l, "step_h", step), caffe_float(l, "step_w", step)};
    int64_t side = caffe_int_in(l, "img_size", 0, 0, INT32_MAX);
    int64_t image[2] = {caffe_int_in(l, "img_h", side, 0, INT32_MAX), caffe_int_in(l, "img_w", side, 0, INT32_MAX)};
    caffe_rank(l, 0);
    caffe_rank(l, 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.PriorBox", l->in[0], l->in[1]);
    set_list(l, v, "min_sizes", "min_size");
    set_list(l, v, "max_sizes", "max_size");
    set_list(l, v, "aspect_ratios", "aspect_ratio");
    set_list(l, v, "variances", "variance");
    build_int(l->b, v, "flip", caffe_int(l, "flip", 1) != 0);
    build_int(l->b, v, "clip", caffe_int(l, "clip", 0) != 0);
    build_float(l->b, v, "offset", caffe_float(l, "offset", 0.5f));
    if (image[0] && image[1])
        build_ints(l->b, v, "image_size", 2, image);
    if (steps[0] != 0 && steps[1] != 0)
        build_floats(l->b, v, "step", 2, steps);
    l->out[0] = v;
}

void caffe_read_detection_output(struct caffe_read *l)
{
    static const char *const codes[] = {NULL, "CORNER", "CENTER_SIZE", "CORNER_SIZE"};
    const struct protobuf *nms = protobuf_message(l->param, "nms_param");
    int64_t classes = caffe_int_in(l, "num_classes", 0, 1, INT32_MAX);
    int code = protobuf_enum(l->param, "code_type", codes, 4, 1);
    char text[24];
    if (code < 1)
        build_fail(l->b, "its code_type is not read, want CORNER, CENTER_SIZE or CORNER_SIZE");
    caffe_rank(l, 2);
    struct value *v =
        l->b->failed ? NULL : build_node(l->b, "nn.DetectionOutput", l->in_count < 5 ? l->in_count : 5, l->in);
    build_int(l->b, v, "num_classes", classes);
    build_int(l->b, v, "share_location", caffe_int(l, "share_location", 1) != 0);
    build_int(l->b, v, "background_label_id", caffe_int(l, "background_label_id", 0));
    build_string(l->b, v, "code_type", code < 1 ? "" : codes[code]);
    build_int(l->b, v, "variance_encoded_in_target", caffe_int(l, "variance_encoded_in_target", 0) != 0);
    build_float(l->b, v, "confidence_threshold", caffe_float(l, "confidence_threshold", -FLT_MAX));
    build_float(l->b, v, "nms_threshold", (float)protobuf_float(nms, "nms_threshold", 0.3f));
    build_float(l->b, v, "eta", (float)protobuf_float(nms, "eta", 1));
    build_int(l->b, v, "top_k", protobuf_int(nms, "top_k", -1));
    build_int(l->b, v, "keep_top_k", caffe_int(l, "keep_top_k", -1));
    if (l->in_count > 3)
        build_float(l->b, v, "objectness_score", caffe_float(l, "objectness_score", 0.01f));
    l->out[0] = v;
    snprintf(text, sizeof(text), "%lld", (long long)classes);
    build_check(l->b, !l->b->failed && graph_set_property(l->b->graph, "classes", text, strlen(text), l->b->err) == 0);
}

/* ---- proposals ---- */

/* Where a parameter in Python's notation, "'feat_stride': 16", has its value; NULL: it is not there. */
static const char *find_python(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *at = strstr(text, key); at; at = strstr(at + 1, key))
        if (at > text && (at[-1] == '\'' || at[-1] == '"') && at[n] == at[-1])
            return at + n + 1;
    return NULL;
}

/* The numbers behind a key, up to the next key or the end; how many. */
static int python_numbers(const char *text, const char *key, float *values, int max)
{
    const char *at = find_python(text, key);
    int n = 0;
    for (; at && n < max; n++) {
        at += strcspn(at, "0123456789.'\"\n");
        size_t size = strspn(at, "0123456789.");
        if (!size || !text_to_f32(at, size, &values[n]))
            break;
        at += size;
    }
    return n;
}

/* Of the layer that is written in Python, or of the one with parameters of its own, where names differ. */
static struct value *add_proposal(struct caffe_read *l)
{
    caffe_rank(l, 2);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Proposal", l->in[0], l->in[1], l->in[2]);
    for (int i = 1; i < l->out_count && i < 2; i++)
        l->out[i] = build_output(l->b, v, i);
    l->out[0] = v;
    return v;
}

void caffe_read_proposal(struct caffe_read *l)
{
    struct value *v = add_proposal(l);
    build_int(l->b, v, "feat_stride", caffe_int_in(l, "feat_stride", 16, 1, 65535));
    build_int(l->b, v, "base_size", caffe_int_in(l, "base_size", 16, 1, 65535));
    build_int(l->b, v, "pre_nms_topn", caffe_int(l, "pre_nms_topn", 6000));
    build_int(l->b, v, "post_nms_topn", caffe_int(l, "post_nms_topn", 300));
    build_float(l->b, v, "nms_threshold", caffe_float(l, "nms_thresh", 0.7f));
    build_float(l->b, v, "min_size", caffe_float(l, "min_size", 16));
    set_list(l, v, "ratios", "ratio");
    set_list(l, v, "scales", "scale");
}

/* A layer is a class of some module; that of Faster R-CNN is known. */
void caffe_read_python(struct caffe_read *l)
{
    const char *text = protobuf_text(l->param, "param_str", protobuf_text(l->param, "param_str_", ""));
    float stride = 16, scales[MOST_BOXES];
    if (strcmp(protobuf_text(l->param, "layer", ""), "ProposalLayer") != 0) {
        caffe_read_opaque(l);
        return;
    }
    struct value *v = add_proposal(l);
    python_numbers(text, "feat_stride", &stride, 1);
    build_int(l->b, v, "feat_stride", (int64_t)fminf(fmaxf(stride, 1), 65535));
    int n = python_numbers(text, "scales", scales, MOST_BOXES);
    if (n)
        build_floats(l->b, v, "scales", n, scales);
}
