/* Operators of classical machine learning (domain ai.onnx.ml). TreeEnsemble is in ml_tree.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/label.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- ArrayFeatureExtractor ---- */

int infer_array_feature_extractor(struct op_infer *c, struct error *err)
{
    const struct type *x = axes_ranked(c, 0), *y = axes_ranked(c, 1);
    int64_t out[TENSOR_MAX_RANK] = {1, DIM_UNKNOWN}, count = 1;
    int rank = -1;
    if (x && x->rank < 1)
        return infer_error(c, err, "input X is a scalar");
    for (int i = 0; y && i < y->rank; i++)
        count = graph_dim_mul(c->graph, count, y->dims[i]);
    if (x) {
        rank = x->rank == 1 ? 2 : x->rank;
        if (x->rank > 1)
            memcpy(out, x->dims, sizeof out);
        out[rank - 1] = y ? count : DIM_UNKNOWN;
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_array_feature_extractor(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *y = eval_in(c, 1);
    int64_t dims[TENSOR_MAX_RANK] = {1};
    if (x->rank < 1)
        return eval_error(c, err, "input X is a scalar");
    int64_t size = x->dims[x->rank - 1], lines = real_product(x->dims, 0, x->rank - 1);
    int rank = x->rank == 1 ? 2 : x->rank;
    if (x->rank > 1)
        memcpy(dims, x->dims, sizeof dims);
    dims[rank - 1] = y->count;
    struct tensor *out = eval_out(c, 0, x->dtype, rank, dims, err);
    if (!out)
        return -1;
    for (int64_t i = 0; i < y->count; i++) {
        int64_t at = ((const int64_t *)y->data)[i];
        if (at < 0 || at >= size)
            return eval_error(c, err, "input Y: element %lld is %lld, want 0 to %lld", (long long)i, (long long)at,
                              (long long)size - 1);
        op_move(out, i, y->count, x, at, size, lines);
    }
    return 0;
}

/* ---- Binarizer ---- */

int eval_binarizer(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct tensor *out = eval_out(c, 0, x->dtype, x->rank, x->dims, err);
    double threshold = op_float(c->node, "threshold");
    if (!out)
        return -1;
    for (int64_t i = 0; i < x->count; i++)
        tensor_set_i64(out, i, tensor_get_f64(x, i) > threshold);
    return 0;
}

/* ---- LabelEncoder ---- */

/* The attributes that begin with `prefix` and name a list or tensor: the one that is set as a tensor of rank 1. NULL
 * with a message. */
static struct tensor *label_list(const struct node *n, const char *prefix, struct error *err)
{
    const struct attr *found = NULL;
    for (const struct attr *a = n->attrs; a; a = a->next) {
        if (strncmp(a->name, prefix, strlen(prefix)) || (a->kind != ATTR_TENSOR && a->n == 0))
            continue;
        if (found) {
            error_set(err, "attributes %s and %s are both set", found->name, a->name);
            return NULL;
        }
        found = a;
    }
    int64_t count = found ? (int64_t)found->n : 0;
    struct tensor *t = NULL;
    if (found && found->kind == ATTR_TENSOR)
        return tensor_ref(found->tensor);
    if (found && found->kind == ATTR_STRINGS)
        return tensor_of_strings(1, &count, found->strings, err);
    if (found && found->kind == ATTR_INTS)
        return tensor_ints(count, found->ints, err);
    if (found && found->kind == ATTR_FLOATS && (t = tensor_new(DTYPE_F32, 1, &count, err)))
        memcpy(t->data, found->floats, t->size);
    if (!found)
        error_set(err, "no attribute %s… is set", prefix);
    return t;
}

/* The value for labels that have no key, as a tensor of one element. */
static struct tensor *label_default(const struct node *n, enum dtype dtype, bool from_tensor, struct error *err)
{
    const struct tensor *given = op_tensor(n, "default_tensor");
    const char *text = op_string(n, "default_string");
    struct str str = {text, strlen(text)};
    if (from_tensor && given) {
        if (given->dtype == dtype && given->count == 1)
            return tensor_ref((struct tensor *)given);
        error_set(err, "attribute default_tensor is no single value of the values' type");
        return NULL;
    }
    if (dtype == DTYPE_STRING)
        return tensor_of_strings(0, NULL, &str, err);
    struct tensor *t = tensor_new(dtype, 0, NULL, err);
    if (t && op_is_float(dtype))
        tensor_set_f64(t, 0, op_float(n, "default_float"));
    else if (t)
        tensor_set_i64(t, 0, op_int(n, "default_int64"));
    return t;
}

static enum dtype label_dtype(const struct node *n)
{
    const struct tensor *t = op_tensor(n, "values_tensor");
    const struct attr *strings = node_attr(n, "values_strings"), *ints = node_attr(n, "values_int64s");
    return t ? t->dtype : strings && strings->n ? DTYPE_STRING : ints && ints->n ? DTYPE_I64 : DTYPE_F32;
}

int infer_label_encoder(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    return infer_set(c, 0, label_dtype(c->node), in ? in->rank : -1, in ? in->dims : NULL, err);
}

/* Open addressing: places hold a key's number + 1, or 0. */
struct label_map {
    const struct tensor *keys;
    int64_t *places;
    size_t mask;
};

/* The place of a label, or the free one where it belongs. */
static int64_t *label_place(const struct label_map *map, const struct label *label)
{
    size_t at = (size_t)label_hash(label, 0) & map->mask;
    for (; map->places[at]; at = (at + 1) & map->mask) {
        struct label other;
        label_of(map->keys, map->places[at] - 1, &other);
        if (label_equal(label, &other))
            break;
    }
    return &map->places[at];
}

static int label_map_init(struct label_map *map, const struct tensor *keys, struct error *err)
{
    size_t size = 16;
    while (size < 2 * (size_t)keys->count)
        size *= 2;
    *map = (struct label_map){keys, mem_calloc(size, sizeof *map->places, err), size - 1};
    for (int64_t i = 0; map->places && i < keys->count; i++) {
        struct label label;
        label_of(keys, i, &label);
        *label_place(map, &label) = i + 1;
    }
    return map->places ? 0 : -1;
}

static int label_encode(struct op_eval *c, const struct tensor *keys, const struct tensor *values,
                        const struct tensor *other, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct label_map map;
    if (keys->dtype != x->dtype)
        return eval_error(c, err, "the keys are %s, input X is %s", dtype_info(keys->dtype)->name,
                          dtype_info(x->dtype)->name);
    if (keys->count != values->count)
        return eval_error(c, err, "%lld keys and %lld values", (long long)keys->count, (long long)values->count);
    struct tensor *out = eval_out(c, 0, values->dtype, x->rank, x->dims, err);
    if (!out || label_map_init(&map, keys, err))
        return -1;
    for (int64_t i = 0; i < x->count; i++) {
        struct label label;
        label_of(x, i, &label);
        int64_t key = *label_place(&map, &label);
        op_move(out, i, 1, key ? values : other, key ? key - 1 : 0, 1, 1);
    }
    free(map.places);
    /* The strings of lists die with them. */
    return out->dtype == DTYPE_STRING ? eval_give(c, 0, tensor_of_strings(x->rank, x->dims, out->data, err), err) : 0;
}

int eval_label_encoder(struct op_eval *c, struct error *err)
{
    struct tensor *keys = label_list(c->node, "keys_", err),
                  *values = keys ? label_list(c->node, "values_", err) : NULL;
    struct tensor *other = values
                               ? label_default(c->node, values->dtype, op_tensor(c->node, "values_tensor") != NULL, err)
                               : NULL;
    int status = other ? label_encode(c, keys, values, other, err) : real_eval_fail(c, err);
    tensor_unref(keys);
    tensor_unref(values);
    tensor_unref(other);
    return status;
}
