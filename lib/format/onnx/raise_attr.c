/* Attributes that changed their name, kind or default. */
#include <stdlib.h>
#include <string.h>

#include "format/onnx/raise.h"

int onnx_raise_drop(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)err;
    node_remove_attr(*n, row->attr);
    return 0;
}

/* row->attr: "old new", of a list of ints. */
int onnx_raise_rename(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    char old[32];
    const char *space = strchr(row->attr, ' ');
    size_t size = (size_t)(space - row->attr);
    (void)c;
    memcpy(old, row->attr, size);
    old[size] = '\0';
    const struct attr *a = node_attr(*n, old);
    if (!a || a->kind != ATTR_INTS)
        return 0;
    if (node_set_ints(*n, space + 1, a->ints, a->n, err) != 0)
        return -1;
    node_remove_attr(*n, old);
    return 0;
}

int onnx_raise_attr_input(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    return onnx_edit_attr_to_input(*n, row->attr, row->index, err);
}

int onnx_raise_default_int(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    return node_attr(*n, row->attr) ? 0 : node_set_int(*n, row->attr, row->index, err);
}

int onnx_raise_float_to_int(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                            struct error *err)
{
    const struct attr *a = node_attr(*n, row->attr);
    (void)c;
    if (!a || a->kind != ATTR_FLOAT)
        return 0;
    if (!(a->f >= 0 && a->f < 1e6f) || a->f != (float)(int)a->f)
        return onnx_edit_error(*n, err, "attribute %s is no whole number", row->attr);
    return node_set_int(*n, row->attr, (int64_t)a->f, err);
}

/* The names that Cast's `to` had in opset 1 to 5. */
int onnx_raise_cast(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const char *const names[] = {"",       "FLOAT",  "UINT8",     "INT8",      "UINT16",  "INT16",
                                        "INT32",  "INT64",  "STRING",    "BOOL",      "FLOAT16", "DOUBLE",
                                        "UINT32", "UINT64", "COMPLEX64", "COMPLEX128"};
    (void)c;
    (void)row;
    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
        if (onnx_edit_attr_is(*n, "to", names[i]))
            return node_set_int(*n, "to", (int64_t)i, err);
    return 0;
}

int onnx_raise_selu(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    if (!node_attr(*n, "alpha") && node_set_float(*n, "alpha", 1.6732f, err) != 0)
        return -1;
    return node_attr(*n, "gamma") ? 0 : node_set_float(*n, "gamma", 1.0507f, err);
}

int onnx_raise_grid_sample(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    if (onnx_edit_attr_is(*n, "mode", "bilinear"))
        return node_set_string(*n, "mode", "linear", 6, err);
    if (onnx_edit_attr_is(*n, "mode", "bicubic"))
        return node_set_string(*n, "mode", "cubic", 5, err);
    return 0;
}

/* Regions were not shifted by half a pixel before the mode could be chosen. */
int onnx_raise_roi_align(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    static const char mode[] = "output_half_pixel";
    (void)c;
    (void)row;
    if (node_attr(*n, "coordinate_transformation_mode"))
        return 0;
    return node_set_string(*n, "coordinate_transformation_mode", mode, sizeof(mode) - 1, err);
}

int onnx_raise_split(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    return node_in(*n, 1) ? 0 : node_set_int(*n, "num_outputs", (*n)->out_count, err);
}

int onnx_raise_scatter(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    return node_set_op(*n, "", "ScatterElements", err);
}

static int set_numbers(struct node *n, const char *name, size_t count, struct error *err)
{
    int64_t *numbers = mem_calloc(count, sizeof(*numbers), err);
    if (!numbers)
        return -1;
    for (size_t i = 0; i < count; i++)
        numbers[i] = (int64_t)i;
    int result = node_set_ints(n, name, numbers, count, err);
    free(numbers);
    return result;
}

/* Strings to their numbers or the other way, by the input's type. */
int onnx_raise_label_encoder(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                             struct error *err)
{
    const struct attr *a = node_attr(*n, "classes_strings");
    bool strings = onnx_raise_dtype(c, *n, 0) == DTYPE_STRING;
    (void)row;
    if (!a || a->kind != ATTR_STRINGS)
        return 0;
    if (node_set_strings(*n, strings ? "keys_strings" : "values_strings", a->strings, a->n, err) != 0 ||
        set_numbers(*n, strings ? "values_int64s" : "keys_int64s", a->n, err) != 0)
        return -1;
    node_remove_attr(*n, "classes_strings");
    return 0;
}
