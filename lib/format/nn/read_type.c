/* Types: "f32 1x3xHx?", "seq(i64) *", "- -". */
#include "format/nn/read.h"

#include <string.h>

/* The first dim of a shape, which is taken off it. */
static int read_dim(struct nn_reader *r, struct nn_span *shape, int64_t *dim, struct error *err)
{
    bool braced = *shape->at == '{';
    struct nn_span word = *shape;
    struct str name;

    if (braced) {
        word = nn_skip(word, 1);
        word.n = nn_find(word, '}');
        if (word.n + 2 > shape->n)
            return error_set(err, "the shape '%.*s' has a { without its }", nn_shown(*shape), shape->at);
    } else {
        word.n = nn_find(word, 'x');
    }
    *shape = nn_skip(*shape, word.n + (braced ? 2 : 0));
    if (!braced && nn_is(word, "?")) {
        *dim = DIM_UNKNOWN;
        return 0;
    }
    if (!braced && word.n && word.at[0] >= '0' && word.at[0] <= '9')
        return nn_i64(word, dim, err);
    if (word.n == 0 || nn_is(word, "?") || (!braced && !nn_begins_symbol(word.at[0])))
        return error_set(err, "'%.*s' is no dimension", nn_shown(word), word.at);
    if (nn_unescape(word, &r->bytes, &name, err) != 0)
        return -1;
    if (strlen(name.data) != name.size)
        return error_set(err, "the symbol '%.*s' holds a NUL byte", nn_shown(word), word.at);
    *dim = graph_symbol(r->root, name.data, err);
    return *dim ? 0 : -1;
}

static int read_shape(struct nn_reader *r, struct nn_span shape, struct type *type, struct error *err)
{
    struct nn_span rest = shape;

    type->rank = nn_is(shape, "*") ? -1 : 0;
    if (type->rank < 0 || nn_is(shape, "scalar"))
        return 0;
    for (;;) {
        if (type->rank == TENSOR_MAX_RANK)
            return error_set(err, "the shape '%.*s' has more than %d dimensions", nn_shown(shape), shape.at,
                             TENSOR_MAX_RANK);
        if (!rest.n)
            return error_set(err, "the shape '%.*s' lacks a dimension", nn_shown(shape), shape.at);
        if (read_dim(r, &rest, &type->dims[type->rank++], err) != 0)
            return -1;
        if (!rest.n)
            return 0;
        if (*rest.at != 'x')
            return error_set(err, "the shape '%.*s' lacks an x between dimensions", nn_shown(shape), shape.at);
        rest = nn_skip(rest, 1);
    }
}

static int read_tensor_type(struct nn_reader *r, struct nn_span dtype, struct nn_span shape, struct type *type,
                            struct error *err)
{
    type->kind = TYPE_TENSOR;
    if (!nn_is(dtype, "?"))
        type->dtype = dtype_from_name(dtype.at, dtype.n);
    if (type->dtype == DTYPE_NONE && !nn_is(dtype, "?"))
        return error_set(err, "the element type '%.*s' is unknown", nn_shown(dtype), dtype.at);
    return read_shape(r, shape, type, err);
}

/* Takes "seq(…)" or "opt(…)" off; false when it is neither. */
static bool unwrap(struct nn_span *dtype, enum type_kind *kind)
{
    bool sequence = nn_begins(*dtype, "seq(");

    if (dtype->n < 5 || dtype->at[dtype->n - 1] != ')' || (!sequence && !nn_begins(*dtype, "opt(")))
        return false;
    *kind = sequence ? TYPE_SEQUENCE : TYPE_OPTIONAL;
    *dtype = (struct nn_span){dtype->at + 4, dtype->n - 5};
    return true;
}

int nn_read_type(struct nn_reader *r, struct nn_span dtype, struct nn_span shape, struct type *type,
                 struct error *err)
{
    struct type *at = type;
    int depth = 0;

    *at = (struct type){.rank = -1};
    while (unwrap(&dtype, &at->kind)) {
        if (++depth > GRAPH_MAX_DEPTH)
            return error_set(err, "a type nested more than %d deep", GRAPH_MAX_DEPTH);
        if (nn_is(dtype, "-"))
            break;
        at->element = arena_alloc(&r->root->arena, sizeof *at, err);
        if (!at->element)
            return -1;
        at = at->element;
        at->rank = -1;
    }
    if (nn_is(dtype, "-") != nn_is(shape, "-"))
        return error_set(err, "'%.*s %.*s': an unknown type is '-' with the shape '-'", nn_shown(dtype), dtype.at,
                         nn_shown(shape), shape.at);
    return nn_is(dtype, "-") ? 0 : read_tensor_type(r, dtype, shape, at, err);
}
