/* Shape inference: what `infer` functions use, and running them over a graph. */
#include "op/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "op/check.h"
#include "op/known.h"

#define INFER_MAX_DEPTH 64

const struct type *infer_type(const struct op_infer *c, int i)
{
    const struct value *v = node_in(c->node, i);
    return v ? &v->type : NULL;
}

enum dtype infer_dtype(const struct op_infer *c, int i)
{
    const struct value *v = node_in(c->node, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
}

int infer_rank(const struct op_infer *c, int i)
{
    const struct value *v = node_in(c->node, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.rank : -1;
}

/* A graph input's constant is only its default: who runs the graph may give another. */
static const struct tensor *constant_of(const struct value *v)
{
    return v && !v->is_input ? v->constant : NULL;
}

const struct tensor *infer_constant(const struct op_infer *c, int i)
{
    return constant_of(node_in(c->node, i));
}

int infer_known(const struct op_infer *c, int i, struct known *known, int max)
{
    const struct value *v = node_in(c->node, i);
    const struct tensor *t = constant_of(v);
    if (t) {
        if (t->rank > 1 || t->count > max || !(op_is_int(t->dtype) || t->dtype == DTYPE_BOOL))
            return -1;
        for (int k = 0; k < t->count; k++)
            known[k] = (struct known){KNOWN_NUMBER, tensor_get_i64(t, k)};
        return (int)t->count;
    }
    if (!v || v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.rank > 1)
        return -1;
    int64_t count = v->known ? v->known_count : v->type.rank == 0 ? 1 : v->type.dims[0];
    if (count < 0 || count > max)
        return -1;
    for (int k = 0; k < count; k++)
        known[k] = v->known ? v->known[k] : (struct known){KNOWN_NOT, 0};
    return (int)count;
}

/* Elements of a list in chunks would be clumsy to hand out: more than this many are no shape. */
#define KNOWN_AT_ONCE 256

int infer_ints(const struct op_infer *c, int i, int64_t *values, int max)
{
    struct known known[KNOWN_AT_ONCE];
    int count = infer_known(c, i, known, max < KNOWN_AT_ONCE ? max : KNOWN_AT_ONCE);
    for (int k = 0; k < count; k++) {
        if (known[k].kind != KNOWN_NUMBER)
            return -1;
        values[k] = known[k].value;
    }
    return count;
}

int infer_dims(const struct op_infer *c, int i, int64_t *dims, int max)
{
    struct known known[KNOWN_AT_ONCE];
    int count = infer_known(c, i, known, max < KNOWN_AT_ONCE ? max : KNOWN_AT_ONCE);
    for (int k = 0; k < count; k++) {
        bool negative = known[k].kind == KNOWN_NUMBER && known[k].value < 0;
        dims[k] = known[k].kind == KNOWN_NOT || negative ? DIM_UNKNOWN : known[k].value;
    }
    return count;
}

/* What the new type leaves open is filled from the old one where that agrees. */
static void merge_tensor(const struct type *old, enum dtype dtype, int rank, const int64_t *dims, struct type *result)
{
    bool agrees = old->kind == TYPE_TENSOR;
    result->dtype = dtype == DTYPE_NONE && agrees ? old->dtype : dtype;
    if (rank < 0) {
        result->rank = agrees ? old->rank : -1;
        if (result->rank > 0)
            memcpy(result->dims, old->dims, (size_t)result->rank * sizeof(*dims));
        return;
    }
    result->rank = rank;
    for (int i = 0; i < rank; i++) {
        int64_t dim = dims ? dims[i] : DIM_UNKNOWN;
        result->dims[i] = dim == DIM_UNKNOWN && agrees && old->rank == rank ? old->dims[i] : dim;
    }
}

int infer_set(struct op_infer *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    struct value *v = node_out(c->node, o);
    if (rank > TENSOR_MAX_RANK)
        return infer_error(c, err, "output %d would have rank %d, the most is %d", o, rank, TENSOR_MAX_RANK);
    if (!v)
        return 0;
    struct type type = {.kind = TYPE_TENSOR, .rank = -1};
    merge_tensor(&v->type, dtype, rank, dims, &type);
    v->type = type;
    return 0;
}

bool op_same_type(const struct type *a, const struct type *b)
{
    for (; a && b; a = a->element, b = b->element) {
        if (a->kind != b->kind)
            return false;
        if (a->kind == TYPE_UNKNOWN)
            return true;
        if (a->kind == TYPE_TENSOR)
            return a->dtype == b->dtype && a->rank == b->rank &&
                   (a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof(a->dims[0])) == 0);
    }
    return !a && !b;
}

static struct type *copy_type(struct arena *arena, const struct type *type, int depth, struct error *err)
{
    struct type *copy = arena_alloc(arena, sizeof(*copy), err);
    if (!copy)
        return NULL;
    *copy = *type;
    if (type->element && depth < 8 && !(copy->element = copy_type(arena, type->element, depth + 1, err)))
        return NULL;
    return copy;
}

int infer_set_type(struct op_infer *c, int o, const struct type *type, struct error *err)
{
    struct value *v = node_out(c->node, o);
    if (!v || type->kind == TYPE_UNKNOWN)
        return 0;
    if (type->kind == TYPE_TENSOR)
        return infer_set(c, o, type->dtype, type->rank, type->dims, err);
    if (type->kind == v->type.kind && (!type->element || op_same_type(type, &v->type)))
        return 0;
    struct type *copy = copy_type(&c->graph->root->arena, type, 0, err);
    if (!copy)
        return -1;
    v->type = *copy;
    return 0;
}

int infer_set_known(struct op_infer *c, int o, int count, const struct known *known, struct error *err)
{
    struct value *v = node_out(c->node, o);
    if (!v)
        return 0;
    struct known *copy = o == 0 && c->spare && count <= c->spare_count ? c->spare : NULL;
    size_t n = count > 0 ? (size_t)count : 1;
    if (!copy && !(copy = arena_alloc(&c->graph->root->arena, n * sizeof(*copy), err)))
        return -1;
    if (count > 0)
        memmove(copy, known, (size_t)count * sizeof(*copy));
    v->known = copy;
    v->known_count = count;
    return 0;
}

int infer_error(const struct op_infer *c, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = check_error(c->node, err, format, args);
    va_end(args);
    return status;
}

int infer_want_channels(struct op_infer *c, int input, int64_t count, struct error *err)
{
    const struct type *t = infer_type(c, input);
    if (t && t->rank >= 0 && t->rank != 1)
        return infer_error(c, err, "input %d has rank %d, want 1", input, t->rank);
    if (t && t->rank == 1 && t->dims[0] >= 0 && count >= 0 && t->dims[0] != count)
        return infer_error(c, err, "input %d has %lld elements, want %lld, one for each channel", input,
                           (long long)t->dims[0], (long long)count);
    return 0;
}

int op_infer_broadcast(struct op_infer *c, int o, enum dtype dtype, int first, int count, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = 0;
    char have[200], other[200];
    for (int i = first; i < first + count; i++) {
        const struct type *type = infer_type(c, i);
        if (!type)
            continue;
        if (type->kind != TYPE_TENSOR || type->rank < 0)
            return infer_set(c, o, dtype, -1, NULL, err);
        if (op_broadcast(dims, &rank, type->dims, type->rank))
            return infer_error(c, err, "inputs %d (%s) and %d (%s) cannot be broadcast together", first,
                               type_text(c->graph, infer_type(c, first), have, sizeof(have)), i,
                               type_text(c->graph, type, other, sizeof(other)));
    }
    return infer_set(c, o, dtype, rank, dims, err);
}

int infer_axis(const struct op_infer *c, const char *attr, int64_t axis, int rank, int *result, struct error *err)
{
    if (axis < -rank || axis >= rank)
        return infer_error(c, err, "%s: %lld is not in [%d, %d)", attr, (long long)axis, -rank, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

int op_infer_node(struct node *n, struct error *err)
{
    const struct value *first = node_out(n, 0);
    struct op_infer c = {n->graph, n, first ? first->known : NULL, first ? first->known_count : 0};
    if (!n->def || !n->def->infer)
        return 0;
    if (check_form(n, err)) /* so that `infer` finds the inputs and attributes that must be there */
        return -1;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o]) {
            n->out[o]->known = NULL;
            n->out[o]->known_count = 0;
        }
    if (n->def->infer(&c, err))
        return -1;
    return known_infer(&c, err);
}

int op_infer_graph(struct graph *g, struct error *err)
{
    int depth = 0;
    for (const struct graph *up = g->parent; up; up = up->parent)
        if (++depth > INFER_MAX_DEPTH)
            return error_set(err, "subgraphs are nested more than %d deep", INFER_MAX_DEPTH);
    for (struct node *n = g->first; n; n = n->next)
        if (op_infer_node(n, err))
            return -1;
    return 0;
}
