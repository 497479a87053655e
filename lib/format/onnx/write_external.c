/* Weights in a second file, beside a model that would be too large for one. */
#include <stdio.h>
#include <string.h>

#include "format/onnx/write.h"

#define SMALLEST  1024 /* bytes; smaller ones stay in the model */
#define ALIGNMENT 4096

static size_t aligned(size_t offset)
{
    return (offset + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static bool moves(const struct onnx_weight *weight)
{
    return weight->tensor->dtype != DTYPE_STRING && weight->tensor->size >= SMALLEST;
}

static struct onnx_entry *number_entry(struct onnx_writer *w, const char *key, size_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%zu", number);
    const char *copy = arena_strndup(&w->arena, text, (size_t)n, w->err);
    return copy ? onnx_make_entry(w, key, copy, (size_t)n) : NULL;
}

static int place(struct onnx_writer *w, struct onnx_tensor *p, const char *location, size_t offset, size_t size)
{
    struct onnx_entry **e = onnx_make_list(w, 3);
    if (!e || !(e[0] = onnx_make_entry(w, "location", location, strlen(location))) ||
        !(e[1] = number_entry(w, "offset", offset)) || !(e[2] = number_entry(w, "length", size)))
        return -1;
    p->external_data = e;
    p->n_external_data = 3;
    p->has_data_location = 1;
    p->data_location = 1;
    p->has_raw_data = 0;
    return 0;
}

int onnx_place_weights(struct onnx_writer *w, const char *location)
{
    size_t offset = 0;
    if (!location)
        return -1;
    for (size_t i = 0; i < w->weight_count; i++) {
        struct onnx_weight *weight = &w->weights[i];
        if (!moves(weight))
            continue;
        offset = aligned(offset);
        if (place(w, weight->message, location, offset, weight->tensor->size) != 0)
            return -1;
        offset += weight->tensor->size;
    }
    return 0;
}

int onnx_write_weights(struct onnx_writer *w, struct file_out *out)
{
    char zeros[ALIGNMENT] = {0};
    size_t offset = 0;
    for (size_t i = 0; i < w->weight_count; i++) {
        const struct tensor *t = w->weights[i].tensor;
        if (!moves(&w->weights[i]))
            continue;
        if (file_write(out, zeros, aligned(offset) - offset, w->err) != 0 ||
            file_write(out, t->data, t->size, w->err) != 0)
            return -1;
        offset = aligned(offset) + t->size;
    }
    return 0;
}
