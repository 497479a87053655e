/* Operators that the reader kept as they were, and custom ones. */
#include <stdio.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"
#include "format/tflite/writers.h"
#include "parse/flexbuf.h"

#define OPERANDS 64

/* ---- of the domain "tflite" ---- */

/* The options of a builtin operator, by its row: numbers that stand in attributes of the slots. */
static uint32_t put_options(struct tflite_writer *w, const struct node *n, const struct tflite_opaque *row)
{
    char name[16];
    flatbuf_begin(&w->out);
    for (int slot = 0; row->widths[slot]; slot++) {
        const struct attr *a = node_attr(n, tflite_slot_name(slot, name, sizeof name));
        if (a && a->kind == ATTR_INT)
            flatbuf_add_int(&w->out, slot, row->widths[slot] - '0', a->i, 0);
    }
    return flatbuf_end(&w->out);
}

static struct str string_of(const struct node *n, const char *attr, struct str otherwise)
{
    const struct attr *a = node_attr(n, attr);
    return a && a->kind == ATTR_STRING ? a->s : otherwise;
}

static int64_t int_of(const struct node *n, const char *attr)
{
    const struct attr *a = node_attr(n, attr);
    return a && a->kind == ATTR_INT ? a->i : 0;
}

static void call(struct tflite_writer *w, const struct node *n, const int *in, const int *out)
{
    const struct tflite_opaque *row = tflite_opaque_by_name(n->op);
    struct str bytes = string_of(n, "custom_options", (struct str){0});
    struct str name = string_of(n, "custom_code", (struct str){n->op, strlen(n->op)});
    int64_t code = row ? row->code : int_of(n, "code");
    char text[200];
    snprintf(text, sizeof text, "%.*s", (int)(name.size < sizeof text ? name.size : sizeof text - 1), name.data);
    if (code)
        tflite_call(w, (int)code, row ? put_options(w, n, row) : 0, n->in_count, in, n->out_count, out);
    else
        tflite_call_custom(w, text, bytes.data, bytes.size, n->in_count, in, n->out_count, out);
}

void tflite_write_opaque(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    int in[OPERANDS], out[OPERANDS];
    (void)row;
    if (n->in_count > OPERANDS || n->out_count > OPERANDS || int_of(n, "has_options") ||
        (uint64_t)int_of(n, "code") > INT32_MAX) {
        tflite_cannot(w, n, "its options are not known");
        return;
    }
    for (int i = 0; i < n->in_count; i++)
        in[i] = n->in[i] ? tflite_take(w, n->in[i], false) : 0;
    for (int i = 0; i < n->out_count; i++)
        out[i] = tflite_give_plain(w, n, i);
    call(w, n, in, out);
}

/* ---- the end of detectors ---- */

/* The attributes as a map of FlexBuffers, keys in their order: ints and floats of 4 bytes. */
void tflite_write_detection(struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    static const struct flexbuf_field fields[] = {
        {"detections_per_class", false},
        {"h_scale", true},
        {"max_classes_per_detection", false},
        {"max_detections", false},
        {"nms_iou_threshold", true},
        {"nms_score_threshold", true},
        {"num_classes", false},
        {"use_regular_nms", false},
        {"w_scale", true},
        {"x_scale", true},
        {"y_scale", true},
    };
    enum { COUNT = sizeof fields / sizeof *fields };
    double numbers[COUNT];
    uint8_t bytes[512];
    int in[3], out[4] = {0};
    (void)row;
    for (int i = 0; i < COUNT; i++)
        numbers[i] = fields[i].is_float ? (double)op_float(n, fields[i].key) : (double)op_int(n, fields[i].key);
    size_t size = flexbuf_put_map(fields, numbers, COUNT, bytes, sizeof bytes);
    for (int i = 0; i < 3; i++)
        in[i] = tflite_take(w, n->in[i], false);
    for (int i = 0; i < n->out_count; i++)
        out[i] = tflite_give_plain(w, n, i);
    if (n->out_count != 4 || !size)
        tflite_cannot(w, n, "it has other than four results");
    tflite_call_custom(w, "TFLite_Detection_PostProcess", bytes, size, 3, in, n->out_count, out);
}
