/* Sequences and optionals of tensors. What splits tensors into sequences and joins them again is in sequence_split.c.
 */
#include "op/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/rows.h"

/* ---- types ---- */

const struct type *sequence_element(const struct op_infer *c, int i)
{
    const struct type *type = infer_type(c, i);
    return type && type->kind == TYPE_SEQUENCE && type->element && type->element->kind == TYPE_TENSOR ? type->element
                                                                                                      : NULL;
}

int sequence_set(struct op_infer *c, int o, struct type *element, struct error *err)
{
    struct type type = {.kind = TYPE_SEQUENCE, .element = element};
    return infer_set_type(c, o, &type, err);
}

/* What is true of both types. */
static void type_join(struct type *a, const struct type *b)
{
    if (b->kind != TYPE_TENSOR || a->rank != b->rank)
        a->rank = -1;
    if (a->dtype == DTYPE_NONE)
        a->dtype = b->dtype;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            a->dims[i] = DIM_UNKNOWN;
}

/* ---- items ---- */

/* Input i as a position in [-n, n) or, for inserting, [-n, n]; absent: `otherwise`. */
static int sequence_position(const struct op_eval *c, int i, int64_t n, bool insert, int64_t otherwise,
                             int64_t *position, struct error *err)
{
    if (axes_scalar(c, i, "position", otherwise, position, err))
        return -1;
    if (*position < -n || *position >= n + insert)
        return eval_error(c, err, "input position is %lld, the sequence has %lld elements", (long long)*position,
                          (long long)n);
    *position += *position < 0 ? n : 0;
    return 0;
}

int infer_sequence_at(struct op_infer *c, struct error *err)
{
    const struct type *element = sequence_element(c, 0);
    return element ? infer_set_type(c, 0, element, err) : 0;
}

int eval_sequence_at(struct op_eval *c, struct error *err)
{
    int64_t position;
    if (sequence_position(c, 1, (int64_t)c->in[0]->n, false, 0, &position, err))
        return -1;
    return eval_give_item(c, 0, item_ref(c->in[0]->at[position]), err);
}

int infer_sequence_construct(struct op_infer *c, struct error *err)
{
    const struct type *first = infer_type(c, 0);
    struct type element = {.kind = TYPE_TENSOR, .rank = -1};
    if (first && first->kind == TYPE_TENSOR)
        element = *first;
    for (int i = 1; i < c->node->in_count; i++)
        type_join(&element, infer_type(c, i));
    return sequence_set(c, 0, &element, err);
}

int eval_sequence_construct(struct op_eval *c, struct error *err)
{
    return eval_give_item(c, 0, item_sequence(c->in[0]->dtype, c->in, (size_t)c->in_count, err), err);
}

static int sequence_dtype(const struct node *n, enum dtype *dtype, struct error *err)
{
    int64_t value = op_int(n, "dtype");
    if (value <= DTYPE_NONE || value >= DTYPE_COUNT)
        return error_set(err, "attribute dtype is %lld, which is no element type", (long long)value);
    *dtype = (enum dtype)value;
    return 0;
}

int infer_sequence_empty(struct op_infer *c, struct error *err)
{
    struct type element = {.kind = TYPE_TENSOR, .rank = -1};
    struct error inner;
    if (sequence_dtype(c->node, &element.dtype, &inner))
        return infer_error(c, err, "%s", inner.text);
    return sequence_set(c, 0, &element, err);
}

int eval_sequence_empty(struct op_eval *c, struct error *err)
{
    enum dtype dtype = DTYPE_NONE;
    struct error inner;
    if (sequence_dtype(c->node, &dtype, &inner))
        return eval_error(c, err, "%s", inner.text);
    return eval_give_item(c, 0, item_sequence(dtype, NULL, 0, err), err);
}

int infer_sequence_erase(struct op_infer *c, struct error *err)
{
    return infer_set_type(c, 0, infer_type(c, 0), err);
}

/* Output 0: the sequence without the element at `position`, or with `insert` before it. */
static int sequence_edit(struct op_eval *c, int64_t position, struct item *insert, struct error *err)
{
    const struct item *s = c->in[0];
    size_t n = s->n, at = (size_t)position, to = 0;
    struct item **all = mem_calloc(n + 1, sizeof *all, err);
    if (!all)
        return -1;
    for (size_t i = 0; i <= n; i++) {
        if (i == at && insert)
            all[to++] = insert;
        if (i < n && (i != at || insert))
            all[to++] = s->at[i];
    }
    enum dtype dtype = insert && s->dtype == DTYPE_NONE ? insert->dtype : s->dtype;
    int status = eval_give_item(c, 0, item_sequence(dtype, all, to, err), err);
    free(all);
    return status;
}

int eval_sequence_erase(struct op_eval *c, struct error *err)
{
    int64_t position, n = (int64_t)c->in[0]->n;
    if (n == 0)
        return eval_error(c, err, "input input_sequence is empty");
    if (sequence_position(c, 1, n, false, -1, &position, err))
        return -1;
    return sequence_edit(c, position, NULL, err);
}

int infer_sequence_insert(struct op_infer *c, struct error *err)
{
    const struct type *have = sequence_element(c, 0), *new = infer_type(c, 1);
    struct type element = {.kind = TYPE_TENSOR, .rank = -1};
    if (have) {
        element = *have;
        type_join(&element, new);
    } else if (new->kind == TYPE_TENSOR) {
        element.dtype = new->dtype;
    }
    return sequence_set(c, 0, &element, err);
}

int eval_sequence_insert(struct op_eval *c, struct error *err)
{
    int64_t position, n = (int64_t)c->in[0]->n;
    enum dtype have = c->in[0]->dtype, new = c->in[1]->dtype;
    if (have != DTYPE_NONE && have != new)
        return eval_error(c, err, "input tensor is %s, the sequence's are %s", dtype_info(new)->name,
                          dtype_info(have)->name);
    if (sequence_position(c, 2, n, true, n, &position, err))
        return -1;
    return sequence_edit(c, position, c->in[1], err);
}

int infer_sequence_length(struct op_infer *c, struct error *err)
{
    return infer_set(c, 0, DTYPE_I64, 0, NULL, err);
}

int eval_sequence_length(struct op_eval *c, struct error *err)
{
    return eval_give(c, 0, tensor_scalar_i64((int64_t)c->in[0]->n, err), err);
}

/* ---- optionals ---- */

int infer_optional(struct op_infer *c, struct error *err)
{
    const struct attr *attr = node_attr(c->node, "type");
    const struct type *in = infer_type(c, 0);
    struct type element = {.kind = TYPE_UNKNOWN, .rank = -1}, type = {.kind = TYPE_OPTIONAL, .element = &element};
    if (!in && !attr)
        return infer_error(c, err, "neither the input nor attribute type is there");
    if (in)
        element = *in;
    else if (attr->kind == ATTR_TYPE && attr->type)
        element = *attr->type;
    return infer_set_type(c, 0, &type, err);
}

int eval_optional(struct op_eval *c, struct error *err)
{
    struct item *in = c->in_count ? c->in[0] : NULL;
    const struct attr *attr = node_attr(c->node, "type");
    const struct type *type = attr && attr->kind == ATTR_TYPE ? attr->type : NULL;
    enum dtype dtype = in ? in->dtype : DTYPE_NONE;
    if (!in && !attr)
        return eval_error(c, err, "neither the input nor attribute type is there");
    for (; !in && type; type = type->element)
        if (type->kind == TYPE_TENSOR)
            dtype = type->dtype;
    return eval_give_item(c, 0, item_optional(in, dtype, err), err);
}

int infer_optional_get_element(struct op_infer *c, struct error *err)
{
    const struct type *in = infer_type(c, 0);
    if (in->kind == TYPE_OPTIONAL)
        in = in->element;
    return in ? infer_set_type(c, 0, in, err) : 0;
}

int eval_optional_get_element(struct op_eval *c, struct error *err)
{
    struct item *in = c->in[0];
    if (in->kind == ITEM_OPTIONAL && in->n == 0)
        return eval_error(c, err, "the optional is empty");
    return eval_give_item(c, 0, item_ref(in->kind == ITEM_OPTIONAL ? in->at[0] : in), err);
}

int infer_optional_has_element(struct op_infer *c, struct error *err)
{
    return infer_set(c, 0, DTYPE_BOOL, 0, NULL, err);
}

int eval_optional_has_element(struct op_eval *c, struct error *err)
{
    const struct item *in = c->in_count ? c->in[0] : NULL;
    struct tensor *out = eval_out(c, 0, DTYPE_BOOL, 0, NULL, err);
    if (!out)
        return -1;
    *(uint8_t *)out->data = in && (in->kind != ITEM_OPTIONAL || in->n);
    return 0;
}
