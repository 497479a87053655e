#define _GNU_SOURCE /* memrchr */
#include "op/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "op/attr.h"

/* ---- nodes ---- */

void build_check(struct build *b, bool fine)
{
    b->failed = b->failed || !fine;
}

void build_infer(struct build *b)
{
    struct node *n = b->latest;
    b->latest = NULL;
    build_check(b, b->failed || !n || op_infer_node(n, b->err) == 0);
}

#define MOST_NAME 220

/* The nodes of a layer are named after it, the first one of a graph being filled as it is. */
static int name_node(struct build *b, struct node *n)
{
    const char *of = b->node ? b->node->name : b->layer ? b->layer : "";
    char name[300];
    size_t length = strlen(of);
    b->made++;
    if (!*of)
        return 0;
    if (!b->node && b->made == 1)
        return node_set_name(n, of, b->err);
    if (length <= MOST_NAME)
        snprintf(name, sizeof(name), "%s/%.60s_%d", of, n->op, b->made);
    else /* Longer ones of fused layers begin alike. */
        snprintf(name, sizeof(name), "%.*s~%08x/%.60s_%d", MOST_NAME - 9, of, (unsigned)hash_bytes(of, length), n->op,
                 b->made);
    return node_set_name(n, name, b->err);
}

/* A node without operands; op may begin with a domain, up to the last dot that something stands behind. */
static struct node *add_node(struct build *b, const char *op)
{
    const char *dot = *op ? memrchr(op, '.', strlen(op) - 1) : NULL;
    char domain[100] = "";
    if (dot)
        snprintf(domain, sizeof(domain), "%.*s", (int)(dot - op), op);
    struct node *n = graph_add_node(build_place(b), domain, dot ? dot + 1 : op, b->node, b->err);
    if (n)
        n->def = op_find(n->domain, n->op);
    return n;
}

struct value *build_node(struct build *b, const char *op, int count, struct value *const *in)
{
    build_infer(b);
    struct node *n = b->failed ? NULL : add_node(b, op);
    while (count > 0 && !in[count - 1])
        count--;
    build_check(b, n != NULL);
    for (int i = 0; !b->failed && i < count; i++)
        build_check(b, node_add_input(n, in[i], b->err) == 0);
    build_check(b, !b->failed && name_node(b, n) == 0);
    struct value *v = b->failed ? NULL : node_new_output(n, NULL, b->err);
    build_check(b, v != NULL);
    b->latest = b->node || b->failed ? NULL : n;
    return v;
}

/* One whose attributes may stand behind its name. */
static struct value *literal_node(struct build *b, const char *op, int count, struct value *const *in)
{
    static const struct build_terms none;
    char name[40];
    size_t n = strcspn(op, "/");
    if (!op[n])
        return build_node(b, op, count, in);
    snprintf(name, sizeof(name), "%.*s", (int)n, op);
    struct value *v = build_node(b, name, count, in);
    build_attributes(b, v, &none, op + n);
    return b->failed ? NULL : v;
}

struct value *build_node_1(struct build *b, const char *op, struct value *a)
{
    return literal_node(b, op, 1, (struct value *[]){a});
}

struct value *build_node_2(struct build *b, const char *op, struct value *a, struct value *c)
{
    return literal_node(b, op, 2, (struct value *[]){a, c});
}

struct value *build_node_3(struct build *b, const char *op, struct value *a, struct value *c, struct value *d)
{
    return literal_node(b, op, 3, (struct value *[]){a, c, d});
}

struct value *build_node_4(struct build *b, const char *op, struct value *a, struct value *c, struct value *d,
                           struct value *e)
{
    return literal_node(b, op, 4, (struct value *[]){a, c, d, e});
}

struct value *build_output(struct build *b, struct value *v, int o)
{
    while (!b->failed && v->producer->out_count <= o)
        build_check(b, node_new_output(v->producer, NULL, b->err) != NULL);
    return b->failed || o < 0 ? NULL : v->producer->out[o];
}

/* ---- attributes ---- */

struct value *build_int(struct build *b, struct value *v, const char *name, int64_t i)
{
    build_check(b, !b->failed && node_set_int(v->producer, name, i, b->err) == 0);
    return b->failed ? NULL : v;
}

struct value *build_float(struct build *b, struct value *v, const char *name, float f)
{
    build_check(b, !b->failed && node_set_float(v->producer, name, f, b->err) == 0);
    return b->failed ? NULL : v;
}

struct value *build_string(struct build *b, struct value *v, const char *name, const char *text)
{
    build_check(b, !b->failed && node_set_string(v->producer, name, text, strlen(text), b->err) == 0);
    return b->failed ? NULL : v;
}

struct value *build_resize_mode(struct build *b, struct value *v, const char *mode, bool align, bool half)
{
    const char *where = align ? "align_corners" : half ? "half_pixel" : "asymmetric";
    return build_string(b, build_string(b, v, "mode", mode), "coordinate_transformation_mode", where);
}

struct value *build_attrs(struct build *b, struct value *v)
{
    struct attr_spec spec;
    if (b->failed)
        return NULL;
    build_check(b, node_take_attrs(v->producer, b->node, b->err) == 0);
    for (const struct attr *a = v->producer->attrs, *next; a; a = next) {
        next = a->next;
        if (!attr_spec_find(v->producer->def, a->name, &spec))
            node_remove_attr(v->producer, a->name);
    }
    return b->failed ? NULL : v;
}

struct value *build_ints(struct build *b, struct value *v, const char *name, int count, const int64_t *values)
{
    build_check(b, !b->failed && node_set_ints(v->producer, name, values, (size_t)count, b->err) == 0);
    return b->failed ? NULL : v;
}

struct value *build_floats(struct build *b, struct value *v, const char *name, int count, const float *values)
{
    build_check(b, !b->failed && node_set_floats(v->producer, name, values, (size_t)count, b->err) == 0);
    return b->failed ? NULL : v;
}

/* ---- constants ---- */

static struct value *add_constant(struct build *b, struct tensor *t)
{
    struct value *v = t ? graph_add_constant(build_place(b), NULL, t, b->err) : NULL;
    build_check(b, v != NULL);
    return v;
}

struct value *build_list(struct build *b, int count, const int64_t *values)
{
    return b->failed ? NULL : add_constant(b, tensor_ints(count, values, b->err));
}

struct value *build_list_1(struct build *b, int64_t x)
{
    return build_list(b, 1, &x);
}

struct value *build_list_2(struct build *b, int64_t x, int64_t y)
{
    return build_list(b, 2, (int64_t[]){x, y});
}

struct value *build_f32s(struct build *b, int count, const float *values)
{
    struct tensor *t = b->failed ? NULL : tensor_new(DTYPE_F32, 1, &(int64_t){count}, b->err);
    if (t && count)
        memcpy(t->data, values, t->size);
    return b->failed ? NULL : add_constant(b, t);
}

struct value *build_number(struct build *b, enum dtype dtype, double number)
{
    struct tensor *t = b->failed ? NULL : tensor_new(dtype, 0, NULL, b->err);
    if (t)
        tensor_set_f64(t, 0, number);
    return b->failed ? NULL : add_constant(b, t);
}

/* ---- shorthands ---- */

struct value *build_cast(struct build *b, struct value *v, enum dtype dtype)
{
    return build_int(b, BUILD(b, "Cast", v), "to", dtype);
}

struct value *build_one_hot(struct build *b, struct value *at, struct value *depth, struct value *values, int64_t axis)
{
    struct value *i = build_cast(b, at, DTYPE_I64), *none = BUILD(b, "Less", i, build_number(b, DTYPE_I64, 0));
    return build_int(b, BUILD(b, "OneHot", BUILD(b, "Where", none, depth, i), depth, values), "axis", axis);
}

struct value *build_transpose(struct build *b, struct value *v, int rank, const int64_t *perm)
{
    int64_t axes[TENSOR_MAX_RANK]; /* which may count from the end, though not in ONNX */
    if (rank > TENSOR_MAX_RANK)
        build_fail(b, "an order of %d axes", rank);
    for (int i = 0; i < rank && i < TENSOR_MAX_RANK; i++)
        axes[i] = perm[i] < 0 ? perm[i] + rank : perm[i];
    return build_ints(b, BUILD(b, "Transpose", v), "perm", rank, axes);
}

struct value *build_reshape(struct build *b, struct value *v, int rank, const int64_t *dims)
{
    return BUILD(b, "Reshape", v, build_list(b, rank, dims));
}

struct value *build_unsqueeze(struct build *b, struct value *v, int64_t axis)
{
    return BUILD(b, "Unsqueeze", v, BUILD_LIST(b, axis));
}

struct value *build_slice(struct build *b, struct value *v, int64_t axis, int64_t from, int64_t to)
{
    return BUILD(b, "Slice", v, BUILD_LIST(b, from), BUILD_LIST(b, to), BUILD_LIST(b, axis));
}

struct value *build_add(struct build *b, struct value *v, struct value *more)
{
    return more ? BUILD(b, "Add", v, more) : v;
}

struct value *build_shape(struct build *b, struct value *v, int64_t first, int64_t last)
{
    return build_int(b, build_int(b, BUILD(b, "Shape", v), "start", first), "end", last);
}

struct value *build_range(struct build *b, struct value *from, struct value *to)
{
    return BUILD(b, "Range", BUILD(b, "Squeeze", from), BUILD(b, "Squeeze", to), build_number(b, DTYPE_I64, 1));
}

/* ---- what must be known ---- */

void build_fail(struct build *b, const char *format, ...)
{
    char text[600];
    va_list args;
    if (b->failed)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    b->failed = true;
    error_set(b->err, "%s", text);
}

static const struct type *tensor_type(struct build *b, int i)
{
    const struct value *v = node_in(b->node, i);
    bool known = v && v->type.kind == TYPE_TENSOR;
    if (!known)
        build_fail(b, "input %d is no tensor", i);
    return known ? &v->type : NULL;
}

int build_rank(struct build *b, int i)
{
    const struct type *type = tensor_type(b, i);
    if (type && type->rank < 0)
        build_fail(b, "the rank of input %d must be known", i);
    return b->failed ? -1 : type->rank;
}

int64_t build_dim(struct build *b, int i, int axis)
{
    int rank = build_rank(b, i), at = axis < 0 ? axis + rank : axis;
    if (at < 0 || at >= rank) {
        build_fail(b, "input %d has rank %d, want more", i, rank);
        return -1;
    }
    int64_t dim = b->node->in[i]->type.dims[at];
    if (dim < 0)
        build_fail(b, "dim %d of input %d must be known", at, i);
    return b->failed ? -1 : dim;
}

enum dtype build_dtype(struct build *b, int i)
{
    const struct type *type = tensor_type(b, i);
    if (type && type->dtype == DTYPE_NONE)
        build_fail(b, "the element type of input %d must be known", i);
    return b->failed ? DTYPE_NONE : type->dtype;
}

/* ---- results ---- */

int build_become(struct build *b, const char *op, int count, struct value *const *in)
{
    struct node *n = b->node;
    for (int i = 0; !b->failed && i < count; i++)
        build_check(b, node_set_input(n, i, in[i], b->err) == 0);
    if (b->failed)
        return -1;
    node_truncate_inputs(n, count);
    while (n->attrs)
        node_remove_attr(n, n->attrs->name);
    build_check(b, node_set_op(n, "", op, b->err) == 0);
    n->def = op_find("", op);
    return build_end(b);
}

void build_give(struct build *b, int o, struct value *v)
{
    struct value *out = node_out(b->node, o);
    if (!out || b->failed)
        return;
    v->type = out->type;
    build_check(b, graph_replace_value(out, v, b->err) == 0);
}

int build_end(const struct build *b)
{
    return b->failed ? -1 : 0;
}
