/* Operators of detectors: those of Caffe-SSD, as Tengine computes them (priorbox.c, detection_output_ref.c). */
#include "format/tengine/tengine.h"

#define MOST_SIZES 64

/* The list of numbers that a parameter names, as an attribute where it is not empty. */
static void set_list(struct tengine_op *o, struct value *v, const char *attribute, uint32_t word)
{
    float values[MOST_SIZES];
    struct tengine_words list = tengine_vector(&o->r->file, tengine_word(&o->param, word));
    if (list.count > MOST_SIZES)
        build_fail(o->b, "%s has %u numbers, want at most %d", attribute, list.count, MOST_SIZES);
    for (uint32_t i = 0; i < list.count && !o->b->failed; i++)
        values[i] = tengine_word_float(&list, i);
    if (list.count)
        build_floats(o->b, v, attribute, (int)list.count, values);
}

/* A box for each aspect ratio, ones and repeated ones too. The result has an axis more behind. */
void tengine_read_prior_box(struct tengine_op *o)
{
    int64_t image[2] = {tengine_int(o, 7), tengine_int(o, 8)};
    float step[2] = {tengine_float(o, 10), tengine_float(o, 9)};
    struct value *v = BUILD(o->b, "nn.PriorBox", tengine_in(o, 0), tengine_in(o, 1));
    set_list(o, v, "min_sizes", 0);
    set_list(o, v, "max_sizes", 1);
    set_list(o, v, "variances", 2);
    set_list(o, v, "aspect_ratios", 3);
    build_int(o->b, v, "flip", tengine_int(o, 4) != 0);
    build_int(o->b, v, "clip", tengine_int(o, 5) != 0);
    build_int(o->b, v, "unique", 0);
    build_float(o->b, v, "offset", tengine_float(o, 11));
    if (image[0] > 0 && image[1] > 0)
        build_ints(o->b, v, "image_size", 2, image);
    if (step[0] > 0 && step[1] > 0)
        build_floats(o->b, v, "step", 2, step);
    tengine_give(o, 0, build_unsqueeze(o->b, v, 3));
}

/* Rows of label, score and box, by score. */
void tengine_read_detection_output(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "nn.DetectionOutput", tengine_in(o, 0), tengine_in(o, 1), tengine_in(o, 2));
    build_int(o->b, v, "num_classes", tengine_int(o, 0));
    build_int(o->b, v, "keep_top_k", tengine_int(o, 1));
    build_int(o->b, v, "top_k", tengine_int(o, 2));
    build_float(o->b, v, "confidence_threshold", tengine_float(o, 3));
    build_float(o->b, v, "nms_threshold", tengine_float(o, 4));
    build_string(o->b, v, "code_type", "CENTER_SIZE");
    tengine_give(o, 0, build_string(o->b, v, "rows", "ncnn"));
}
