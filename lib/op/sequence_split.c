/* SplitToSequence and ConcatFromSequence. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/sequence.h"
#include "op/util.h"

/* ---- SplitToSequence ---- */

int infer_split_to_sequence(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0), *split = axes_ranked(c, 1);
    struct type element = {.kind = TYPE_TENSOR, .dtype = infer_dtype(c, 0), .rank = -1};
    bool given = node_in(c->node, 1) != NULL, known;
    int64_t length;
    int axis;
    if (in) {
        element = *in;
        if (infer_axis(c, "axis", op_int(c->node, "axis"), in->rank, &axis, err))
            return -1;
        element.dims[axis] = given ? DIM_UNKNOWN : 1;
        if (given && split && split->rank == 0) {
            if (axes_scalar_infer(c, 1, "split", 1, &length, &known, err))
                return -1;
            if (known && length > 0 && in->dims[axis] >= 0 && in->dims[axis] % length == 0)
                element.dims[axis] = length;
        }
        if (!given && !op_int(c->node, "keepdims"))
            memmove(&element.dims[axis], &element.dims[axis + 1], (size_t)(--element.rank - axis) * sizeof(int64_t));
    }
    return sequence_set(c, 0, &element, err);
}

/* Elements [from, from + n) of an axis as a tensor of its own, without that axis when it is not `keep`. */
static struct tensor *part_of(const struct tensor *t, int axis, int64_t from, int64_t n, bool keep, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    op_steps(t->rank, t->dims, steps);
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = n;
    struct op_walk w;
    op_walk_init(&w, t->rank, dims, 1, (const int64_t *const[]){steps});
    int64_t base = from * steps[axis];
    int rank = t->rank;
    if (!keep)
        memmove(&dims[axis], &dims[axis + 1], (size_t)(--rank - axis) * sizeof *dims);
    struct tensor *part = tensor_new(t->dtype, rank, dims, err);
    if (!part)
        return NULL;
    while (op_walk(&w))
        op_move(part, w.done, 1, t, base + w.at[0], w.run_step[0], w.run);
    if (t->dtype != DTYPE_STRING)
        return part;
    struct tensor *own = tensor_of_strings(rank, dims, part->data, err);
    tensor_unref(part);
    return own;
}

/* The lengths of the parts. The list is to be given to free(); NULL with a message. */
static int64_t *part_lengths(const struct op_eval *c, int64_t size, int64_t *count, struct error *err)
{
    const struct tensor *split = eval_in(c, 1);
    bool listed = split && split->rank > 0;
    int64_t step = split && !listed ? tensor_get_i64(split, 0) : 1, sum = 0;
    if (step < 1) {
        eval_error(c, err, "input split is %lld, want at least 1", (long long)step);
        return NULL;
    }
    *count = listed ? split->count : size / step + (size % step != 0);
    /* Each part costs a few hundred bytes beside its elements. */
    if ((uint64_t)*count > c->memory / 256) {
        eval_error(c, err, "%lld parts are too many", (long long)*count);
        return NULL;
    }
    int64_t *lengths = mem_calloc((size_t)*count, sizeof *lengths, err);
    for (int64_t i = 0; lengths && i < *count; i++) {
        lengths[i] = listed ? tensor_get_i64(split, i) : size - i * step < step ? size - i * step : step;
        if (lengths[i] < 0 || __builtin_add_overflow(sum, lengths[i], &sum)) {
            eval_error(c, err, "input split: entry %lld is %lld", (long long)i, (long long)lengths[i]);
            free(lengths);
            return NULL;
        }
    }
    if (lengths && sum != size) {
        eval_error(c, err, "input split sums to %lld, the axis has %lld", (long long)sum, (long long)size);
        free(lengths);
        return NULL;
    }
    return lengths;
}

int eval_split_to_sequence(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *split = eval_in(c, 1);
    int64_t count = 0, at = 0, made = 0;
    int axis, status = -1;
    if (split && split->rank > 1)
        return eval_error(c, err, "input split has %d dims, want at most 1", split->rank);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
        return -1;
    int64_t *lengths = part_lengths(c, t->dims[axis], &count, err);
    struct item **parts = lengths ? mem_calloc((size_t)count, sizeof *parts, err) : NULL;
    bool keep = split || op_int(c->node, "keepdims");
    for (; parts && made < count; at += lengths[made++])
        if (!(parts[made] = item_of_tensor(part_of(t, axis, at, lengths[made], keep, err), err)))
            break;
    if (parts && made == count)
        status = eval_give_item(c, 0, item_sequence(t->dtype, parts, (size_t)count, err), err);
    for (int64_t i = 0; i < made; i++)
        item_unref(parts[i]);
    free(parts);
    free(lengths);
    return status;
}

/* ---- ConcatFromSequence ---- */

int infer_concat_from_sequence(struct op_infer *c, struct error *err)
{
    const struct type *element = sequence_element(c, 0);
    bool new_axis = op_int(c->node, "new_axis") != 0;
    int64_t out[TENSOR_MAX_RANK];
    int axis, rank = -1;
    if (element && element->rank >= 0) {
        rank = element->rank + new_axis;
        if (rank > TENSOR_MAX_RANK)
            return infer_error(c, err, "the output would have %d dims", rank);
        if (infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
            return -1;
        for (int i = 0; i < rank; i++)
            out[i] = i == axis ? DIM_UNKNOWN : element->dims[i - (new_axis && i > axis)];
    }
    return infer_set(c, 0, element ? element->dtype : DTYPE_NONE, rank, out, err);
}

/* The dims of the tensors one behind the other, along an axis that is new or theirs. */
static int joined_dims(const struct op_eval *c, bool new_axis, int *axis, int64_t *dims, int *rank, struct error *err)
{
    const struct item *s = c->in[0];
    if (s->n == 0)
        return eval_error(c, err, "input input_sequence is empty");
    const struct tensor *first = s->at[0]->tensor;
    *rank = first->rank + new_axis;
    if (*rank > TENSOR_MAX_RANK)
        return eval_error(c, err, "the output would have %d dims", *rank);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), *rank, axis, err))
        return -1;
    int64_t length = 0;
    for (size_t k = 0; k < s->n; k++) {
        const struct tensor *t = s->at[k]->tensor;
        bool same = t->rank == first->rank && t->dtype == first->dtype;
        for (int i = 0; same && i < t->rank; i++)
            same = t->dims[i] == first->dims[i] || (!new_axis && i == *axis);
        if (!same)
            return eval_error(c, err, "element %zu of the sequence does not fit the first", k);
        if (__builtin_add_overflow(length, new_axis ? 1 : t->dims[*axis], &length))
            return eval_error(c, err, "the elements are too long together");
    }
    for (int i = 0; i < *rank; i++)
        dims[i] = i == *axis ? length : first->dims[i - (new_axis && i > *axis)];
    return 0;
}

int eval_concat_from_sequence(struct op_eval *c, struct error *err)
{
    const struct item *s = c->in[0];
    bool new_axis = op_int(c->node, "new_axis") != 0;
    int64_t dims[TENSOR_MAX_RANK], at = 0;
    int axis = 0, rank = 0;
    if (joined_dims(c, new_axis, &axis, dims, &rank, err))
        return -1;
    struct tensor *out = eval_out(c, 0, s->at[0]->tensor->dtype, rank, dims, err);
    if (!out)
        return -1;
    int64_t outer = real_product(dims, 0, axis), row = out->count ? out->count / outer : 0;
    for (size_t k = 0; out->count && k < s->n; k++) {
        const struct tensor *t = s->at[k]->tensor;
        int64_t part = t->count / outer;
        for (int64_t o = 0; o < outer; o++)
            op_move(out, o * row + at, 1, t, o * part, 1, part);
        at += part;
    }
    return 0;
}
