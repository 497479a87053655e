/* What the functions of layers see of them: attributes and inputs. */
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "format/openvino/openvino.h"

/* ---- attributes ---- */

const char *openvino_text(const struct openvino_read *l, const char *name, const char *otherwise)
{
    const char *text = xml_attr(&l->body->reader->xml, l->layer->data, name);
    return text ? text : otherwise;
}

static void refuse(struct openvino_read *l, const char *name, const char *text, const char *want)
{
    build_fail(l->b, "its %s is \"%.100s\", want %s", name, text, want);
}

int64_t openvino_int(struct openvino_read *l, const char *name, int64_t otherwise)
{
    const char *text = openvino_text(l, name, NULL);
    if (text && !text_to_i64(text, strlen(text), &otherwise))
        refuse(l, name, text, "a whole number");
    return otherwise;
}

float openvino_float(struct openvino_read *l, const char *name, float otherwise)
{
    const char *text = openvino_text(l, name, NULL);
    if (text && !text_to_f32(text, strlen(text), &otherwise))
        refuse(l, name, text, "a number");
    return otherwise;
}

bool openvino_bool(struct openvino_read *l, const char *name, bool otherwise)
{
    const char *text = openvino_text(l, name, NULL);
    if (!text)
        return otherwise;
    bool yes = strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0; /* "True": files of 2020 */
    if (!yes && strcasecmp(text, "false") != 0 && strcmp(text, "0") != 0)
        refuse(l, name, text, "true or false");
    return yes;
}

/* The next part of "1, 2": from where, and how long without spaces around; false at the end. */
static bool next_part(const char **at, const char **part, size_t *n)
{
    *at += strspn(*at, ", ");
    *part = *at;
    *n = strcspn(*at, ", ");
    *at += *n;
    return *n > 0;
}

int openvino_ints(struct openvino_read *l, const char *name, int64_t *values, int max)
{
    const char *at = openvino_text(l, name, NULL), *text = at, *part;
    int count = 0;
    size_t n;
    while (text && next_part(&at, &part, &n) && !l->b->failed)
        if (count == max || !text_to_i64(part, n, &values[count++]))
            refuse(l, name, text, "a list of whole numbers");
    return text ? count : -1;
}

int openvino_word(struct openvino_read *l, const char *name, const char *otherwise, const char *const *words)
{
    const char *text = openvino_text(l, name, otherwise);
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    refuse(l, name, text, "one that is known");
    return 0;
}

/* ---- inputs ---- */

bool openvino_has(const struct openvino_read *l, int k)
{
    return k < l->layer->in_count && l->in[k];
}

struct value *openvino_in(struct openvino_read *l, int k)
{
    if (!openvino_has(l, k))
        build_fail(l->b, "its input %d is not connected", k);
    return l->b->failed ? NULL : l->in[k];
}

/* Weights of half floats stand before a conversion. */
const struct tensor *openvino_constant(struct openvino_read *l, int k)
{
    const struct value *v = openvino_has(l, k) ? l->in[k] : NULL;
    if (v && v->producer && node_is(v->producer, "Cast"))
        v = node_in(v->producer, 0);
    return v && !v->is_input ? v->constant : NULL;
}

int openvino_in_ints(struct openvino_read *l, int k, int64_t *values, int max)
{
    const struct tensor *t = openvino_constant(l, k);
    if (!t)
        return openvino_has(l, k) ? build_known(l->b, l->in[k], values, max, NULL) : -1;
    if (t->count > max || t->dtype == DTYPE_STRING)
        return -1;
    tensor_load_i64(t, 0, t->count, values);
    return (int)t->count;
}

int openvino_want_ints(struct openvino_read *l, int k, int64_t *values, int max)
{
    int count = openvino_in_ints(l, k, values, max);
    if (count < 0)
        build_fail(l->b, "its input %d must be a constant of at most %d numbers", k, max);
    return l->b->failed ? 0 : count;
}

bool openvino_in_float(struct openvino_read *l, int k, float *value)
{
    const struct tensor *t = openvino_constant(l, k);
    if (!t || t->count != 1 || t->dtype == DTYPE_STRING)
        return false;
    *value = (float)tensor_get_f64(t, 0);
    return true;
}

static const struct type *type_of(struct openvino_read *l, int k)
{
    struct value *v = openvino_in(l, k);
    const struct type *type = v ? build_type(l->b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type : NULL;
}

struct value *openvino_list(struct openvino_read *l, int k)
{
    int64_t values[TENSOR_MAX_RANK];
    int count = openvino_in_ints(l, k, values, TENSOR_MAX_RANK);
    if (count >= 0)
        return build_list(l->b, count, values);
    const struct type *type = type_of(l, k);
    struct value *v = openvino_i64(l, k);
    return type && type->rank == 1 ? v : BUILD(l->b, "Reshape", v, BUILD_LIST(l->b, -1));
}

struct value *openvino_axes(struct openvino_read *l)
{
    int64_t axes[TENSOR_MAX_RANK];
    if (openvino_in_ints(l, 1, axes, TENSOR_MAX_RANK) == 0)
        build_fail(l->b, "a reduction along no axes is not read");
    return openvino_list(l, 1);
}

struct value *openvino_i64(struct openvino_read *l, int k)
{
    const struct tensor *t = openvino_constant(l, k);
    if (t && t->dtype != DTYPE_STRING && !l->b->failed)
        return build_constant(l->b, NULL, tensor_cast(t, DTYPE_I64, true, l->b->err));
    return openvino_dtype(l, k) == DTYPE_I64 ? openvino_in(l, k) : build_cast(l->b, openvino_in(l, k), DTYPE_I64);
}

struct value *openvino_scalar(struct build *b, struct value *v)
{
    const struct type *type = build_type(b, v);
    return type && type->rank == 0 ? v : build_reshape(b, v, 0, NULL);
}

int openvino_rank(struct openvino_read *l, int k)
{
    const struct type *type = type_of(l, k);
    if (type && type->rank >= 0)
        return type->rank;
    build_fail(l->b, "the rank of its input %d must be known", k);
    return 0;
}

int64_t openvino_dim(struct openvino_read *l, int k, int axis)
{
    const struct type *type = type_of(l, k);
    return type && axis >= 0 && axis < type->rank && type->dims[axis] >= 0 ? type->dims[axis] : -1;
}

enum dtype openvino_dtype(struct openvino_read *l, int k)
{
    const struct type *type = type_of(l, k);
    return type ? type->dtype : DTYPE_NONE;
}

int openvino_axis(struct openvino_read *l, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(l->b, "it has axis %lld of %d", (long long)axis, rank);
    return -1;
}

int openvino_in_axis(struct openvino_read *l, int k, int rank)
{
    int64_t axis = 0;
    if (openvino_want_ints(l, k, &axis, 1) != 1)
        build_fail(l->b, "its input %d must be one axis", k);
    return openvino_axis(l, axis, rank);
}

/* ---- results ---- */

struct value *openvino_reshaped(struct openvino_read *l, int k, int rank, const int64_t *dims)
{
    struct value *v = openvino_in(l, k);
    const struct tensor *t = openvino_constant(l, k);
    if (!v || !t || tensor_count(rank, dims) != t->count)
        return build_reshape(l->b, v, rank, dims);
    struct value *constant = v->constant ? v : node_in(v->producer, 0);
    struct value *again = build_constant(l->b, constant->name, tensor_reshaped(t, rank, dims, l->b->err));
    return v->constant ? again : build_cast(l->b, again, v->type.dtype);
}

struct value *openvino_as(struct openvino_read *l, struct value *v, const char *attribute, const char *otherwise)
{
    enum dtype dtype = openvino_element_type(openvino_text(l, attribute, otherwise));
    if (dtype == DTYPE_NONE)
        build_fail(l->b, "its %s is \"%.50s\", which is not read", attribute, openvino_text(l, attribute, otherwise));
    const struct type *type = v ? build_type(l->b, v) : NULL;
    return type && type->dtype == dtype ? v : build_cast(l->b, v, dtype);
}
