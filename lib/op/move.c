/* Operators that move elements about: whole axes. Slice is in move_slice.c, Pad in move_pad.c. */
#include "op/move.h"

#include <string.h>

#include "op/attr.h"
#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- Transpose ---- */

static int transpose_perm(const struct node *n, int rank, int *perm, struct error *err)
{
    int count;
    const int64_t *axes = op_ints(n, "perm", &count);
    if (!op_has(n, "perm")) {
        for (int i = 0; i < rank; i++)
            perm[i] = rank - 1 - i;
        return 0;
    }
    if (count != rank)
        return error_set(err, "attribute perm has %d entries, input data %d dims", count, rank);
    for (int i = 0; i < count; i++)
        if (axes[i] < 0)
            return error_set(err, "attribute perm has %lld, want 0 to %d", (long long)axes[i], rank - 1);
    return axes_list("attribute perm", axes, count, rank, perm, err);
}

int infer_transpose(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK];
    int perm[TENSOR_MAX_RANK], rank = -1, count;
    if (in && transpose_perm(c->node, in->rank, perm, err))
        return real_infer_fail(c, err);
    if (in) {
        rank = in->rank;
        for (int i = 0; i < rank; i++)
            out[i] = in->dims[perm[i]];
    } else if (op_has(c->node, "perm")) {
        op_ints(c->node, "perm", &count);
        rank = count <= TENSOR_MAX_RANK ? count : -1;
        for (int i = 0; i < rank; i++)
            out[i] = DIM_UNKNOWN;
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_transpose(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t dims[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK], in_steps[TENSOR_MAX_RANK];
    int perm[TENSOR_MAX_RANK];
    if (transpose_perm(c->node, t->rank, perm, err))
        return real_eval_fail(c, err);
    op_steps(t->rank, t->dims, in_steps);
    for (int i = 0; i < t->rank; i++) {
        dims[i] = t->dims[perm[i]];
        steps[i] = in_steps[perm[i]];
    }
    return op_give_view(c, 0, t, 0, t->rank, dims, steps, err);
}

/* ---- Concat ---- */

int concat_infer(struct op_infer *c, int first, int step, struct error *err)
{
    int64_t out[TENSOR_MAX_RANK], sum = 0;
    int axis = 0, rank = -1, count = c->node->in_count;
    for (int i = first; i < count; i += step) {
        const struct type *in = axes_ranked(c, i);
        if (!in) {
            sum = DIM_UNKNOWN;
            continue;
        }
        if (rank < 0) {
            rank = in->rank;
            memcpy(out, in->dims, sizeof out);
            if (infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
                return -1;
        } else if (rank != in->rank) {
            return infer_error(c, err, "input %d has %d dims, others %d", i, in->rank, rank);
        }
        for (int d = 0; d < rank; d++)
            if (d != axis && axes_same_dim(out[d], in->dims[d], &out[d]))
                return infer_error(c, err, "input %d: dim %d is %lld, others have %lld", i, d, (long long)in->dims[d],
                                   (long long)out[d]);
        sum = graph_dim_add(c->graph, sum, in->dims[axis]);
    }
    if (rank >= 0)
        out[axis] = sum;
    return infer_set(c, 0, infer_dtype(c, first), rank, out, err);
}

int infer_concat(struct op_infer *c, struct error *err)
{
    return concat_infer(c, 0, 1, err);
}

/* The dims of the inputs side by side. */
static int concat_dims(const struct op_eval *c, int *axis, int64_t *dims, struct error *err)
{
    const struct tensor *first = eval_in(c, 0);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), first->rank, axis, err))
        return -1;
    memcpy(dims, first->dims, sizeof first->dims);
    for (int i = 1; i < c->in_count; i++) {
        const struct tensor *t = eval_in(c, i);
        if (t->rank != first->rank)
            return eval_error(c, err, "input %d has %d dims, input 0 has %d", i, t->rank, first->rank);
        for (int d = 0; d < t->rank; d++)
            if (d != *axis && t->dims[d] != first->dims[d])
                return eval_error(c, err, "input %d: dim %d is %lld, that of input 0 %lld", i, d, (long long)t->dims[d],
                                  (long long)first->dims[d]);
        if (__builtin_add_overflow(dims[*axis], t->dims[*axis], &dims[*axis]))
            return eval_error(c, err, "the inputs are too long together");
    }
    return 0;
}

int eval_concat(struct op_eval *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], at = 0;
    int axis;
    if (concat_dims(c, &axis, dims, err))
        return -1;
    const struct tensor *first = eval_in(c, 0);
    struct tensor *out = eval_out(c, 0, first->dtype, first->rank, dims, err);
    if (!out)
        return -1;
    int64_t outer = real_product(dims, 0, axis), row = real_product(dims, axis, out->rank);
    for (int i = 0; out->count && i < c->in_count; i++) {
        const struct tensor *t = eval_in(c, i);
        int64_t part = real_product(t->dims, axis, t->rank);
        for (int64_t o = 0; o < outer; o++)
            op_move(out, o * row + at, 1, t, o * part, 1, part);
        at += part;
    }
    return 0;
}

/* ---- Split ---- */

/* Without input split: equal parts, the last ones shorter. */
static int64_t split_part(int64_t size, int parts, int index)
{
    int64_t part = size / parts + (size % parts != 0), left = size - part * index;
    return left < 0 ? 0 : left < part ? left : part;
}

static int split_parts(const struct node *n, struct error *err)
{
    if (op_has(n, "num_outputs") && op_int(n, "num_outputs") != n->out_count)
        return error_set(err, "attribute num_outputs is %lld, the node has %d outputs",
                         (long long)op_int(n, "num_outputs"), n->out_count);
    if (op_has(n, "num_outputs") && node_in(n, 1))
        return error_set(err, "both attribute num_outputs and input split are given");
    return n->out_count;
}

/* The lengths must be as many as the outputs and fill the axis, when its size is a number. */
static int split_check(const int64_t *lengths, int n, int parts, int64_t size, struct error *err)
{
    int64_t sum = 0;
    if (n != parts)
        return error_set(err, "input split has %d entries, the node %d outputs", n, parts);
    for (int i = 0; i < n; i++) {
        if (lengths[i] < 0)
            return error_set(err, "input split: entry %d is %lld", i, (long long)lengths[i]);
        if (__builtin_add_overflow(sum, lengths[i], &sum))
            return error_set(err, "input split: the entries are too large");
    }
    if (size >= 0 && sum != size)
        return error_set(err, "input split sums to %lld, the axis has %lld", (long long)sum, (long long)size);
    return 0;
}

enum { SPLIT_MAX = 4096 };

int infer_split(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK], lengths[SPLIT_MAX], size;
    int axis = 0, n = -1, rank = in ? in->rank : -1, parts = split_parts(c->node, err);
    if (parts < 0)
        return real_infer_fail(c, err);
    if (in && infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
        return -1;
    if (node_in(c->node, 1))
        n = infer_ints(c, 1, lengths, SPLIT_MAX);
    size = in ? in->dims[axis] : DIM_UNKNOWN;
    if (n >= 0 && split_check(lengths, n, parts, size, err))
        return real_infer_fail(c, err);
    if (in)
        memcpy(out, in->dims, sizeof out);
    for (int o = 0; o < parts; o++) {
        if (in && n >= 0)
            out[axis] = lengths[o];
        else if (in && node_in(c->node, 1))
            out[axis] = DIM_UNKNOWN;
        else if (in)
            out[axis] = size >= 0 ? split_part(size, parts, o) : graph_dim_div(c->graph, size, parts);
        if (infer_set(c, o, infer_dtype(c, 0), rank, out, err))
            return -1;
    }
    return 0;
}

int eval_split(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t lengths[SPLIT_MAX], dims[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK], at = 0;
    int axis, n = 0, parts = split_parts(c->node, err);
    if (parts < 0)
        return real_eval_fail(c, err);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
        return -1;
    bool listed = eval_in(c, 1) != NULL;
    if (listed && (n = eval_ints(c, 1, lengths, SPLIT_MAX, err)) < 0)
        return -1;
    if (listed && split_check(lengths, n, parts, t->dims[axis], err))
        return real_eval_fail(c, err);
    op_steps(t->rank, t->dims, steps);
    memcpy(dims, t->dims, sizeof dims);
    for (int o = 0; o < parts; o++) {
        dims[axis] = listed ? lengths[o] : split_part(t->dims[axis], parts, o);
        if (eval_wants(c, o) && op_give_view(c, o, t, at * steps[axis], t->rank, dims, steps, err))
            return -1;
        at += dims[axis];
    }
    return 0;
}

/* ---- Tile ---- */

int infer_tile(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    struct known repeats[TENSOR_MAX_RANK];
    int64_t out[TENSOR_MAX_RANK];
    int n = infer_known(c, 1, repeats, TENSOR_MAX_RANK), rank = in ? in->rank : n;
    if (in && n >= 0 && n != rank)
        return infer_error(c, err, "input repeats has %d entries, input %d dims", n, rank);
    for (int i = 0; i < rank; i++) {
        if (n >= 0 && repeats[i].kind == KNOWN_NUMBER && repeats[i].value < 0)
            return infer_error(c, err, "input repeats: entry %d is %lld", i, (long long)repeats[i].value);
        out[i] = in && n >= 0 && repeats[i].kind != KNOWN_NOT ? graph_dim_mul(c->graph, in->dims[i], repeats[i].value)
                                                              : DIM_UNKNOWN;
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_tile(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t repeats[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK] = {0};
    int last = t->rank - 1, n = eval_ints(c, 1, repeats, TENSOR_MAX_RANK, err);
    if (n < 0)
        return -1;
    if (n != t->rank)
        return eval_error(c, err, "input repeats has %d entries, input %d dims", n, t->rank);
    for (int i = 0; i < n; i++)
        if (repeats[i] < 0 || __builtin_mul_overflow(t->dims[i], repeats[i], &dims[i]))
            return eval_error(c, err, "input repeats: entry %d is %lld", i, (long long)repeats[i]);
    if (n == 0)
        return op_give_view(c, 0, t, 0, 0, NULL, NULL, err);
    struct tensor *out = eval_out(c, 0, t->dtype, n, dims, err);
    if (!out)
        return -1;
    op_steps(n, t->dims, steps);
    for (int64_t at = 0; at < out->count;) {
        int64_t from = 0;
        for (int i = 0; i < last; i++)
            from += index[i] % t->dims[i] * steps[i];
        for (int64_t r = 0; r < repeats[last]; r++, at += t->dims[last])
            op_move(out, at, 1, t, from, 1, t->dims[last]);
        for (int i = last - 1; i >= 0 && ++index[i] == dims[i]; i--)
            index[i] = 0;
    }
    return 0;
}

/* ---- DepthToSpace, SpaceToDepth: a transpose of six axes ---- */

static int block_size(const struct node *n, int64_t *block, struct error *err)
{
    *block = op_int(n, "blocksize");
    if (*block < 1 || *block > INT32_MAX)
        return error_set(err, "attribute blocksize is %lld, want at least 1", (long long)*block);
    return 0;
}

/* Checks the four dims and gives those of the output. */
static int block_dims(struct graph *g, bool to_space, int rank, const int64_t *in, int64_t b, int64_t *out,
                      struct error *err)
{
    if (rank != 4)
        return error_set(err, "input has %d dims, want 4", rank);
    for (int i = to_space ? 1 : 2; i < (to_space ? 2 : 4); i++) {
        int64_t by = to_space ? b * b : b;
        if (in[i] >= 0 && in[i] % by)
            return error_set(err, "dim %d is %lld, want a multiple of %lld", i, (long long)in[i], (long long)by);
    }
    out[0] = in[0];
    out[1] = to_space ? graph_dim_div(g, in[1], b * b) : graph_dim_mul(g, in[1], b * b);
    out[2] = to_space ? graph_dim_mul(g, in[2], b) : graph_dim_div(g, in[2], b);
    out[3] = to_space ? graph_dim_mul(g, in[3], b) : graph_dim_div(g, in[3], b);
    return 0;
}

static int block_infer(struct op_infer *c, bool to_space, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t block, out[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN};
    if (block_size(c->node, &block, err) || (in && block_dims(c->graph, to_space, in->rank, in->dims, block, out, err)))
        return real_infer_fail(c, err);
    return infer_set(c, 0, infer_dtype(c, 0), 4, out, err);
}

/* The input seen as six axes, in the order of the output's: split[perm[i]] long, steps likewise; then given with dims
 * out[4]. */
static int block_give(struct op_eval *c, const int64_t *split, const int *perm, const int64_t *out, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t all[6], dims[6], steps[6];
    op_steps(6, split, all);
    for (int i = 0; i < 6; i++) {
        dims[i] = split[perm[i]];
        steps[i] = all[perm[i]];
    }
    struct tensor *to = eval_out(c, 0, t->dtype, 4, out, err);
    if (!to)
        return -1;
    struct op_walk w;
    op_walk_init(&w, 6, dims, 1, (const int64_t *const[]){steps});
    while (op_walk(&w))
        op_move(to, w.done, 1, t, w.at[0], w.run_step[0], w.run);
    return 0;
}

int infer_depth_to_space(struct op_infer *c, struct error *err)
{
    static const char *const modes[] = {"DCR", "CRD"};
    int mode;
    return attr_choice(c->node, "mode", modes, 2, &mode, err) ? real_infer_fail(c, err) : block_infer(c, true, err);
}

int eval_depth_to_space(struct op_eval *c, struct error *err)
{
    static const int orders[2][6] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
    const int64_t *d = eval_in(c, 0)->dims;
    bool crd = strcmp(op_string(c->node, "mode"), "CRD") == 0;
    int64_t b, out[4];
    if (block_size(c->node, &b, err) || block_dims(c->node->graph, true, eval_in(c, 0)->rank, d, b, out, err))
        return real_eval_fail(c, err);
    const int64_t dcr_split[6] = {d[0], b, b, out[1], d[2], d[3]}, crd_split[6] = {d[0], out[1], b, b, d[2], d[3]};
    return block_give(c, crd ? crd_split : dcr_split, orders[crd], out, err);
}

int infer_space_to_depth(struct op_infer *c, struct error *err)
{
    return block_infer(c, false, err);
}

int eval_space_to_depth(struct op_eval *c, struct error *err)
{
    static const int order[6] = {0, 3, 5, 1, 2, 4};
    const int64_t *d = eval_in(c, 0)->dims;
    int64_t b, out[4];
    if (block_size(c->node, &b, err) || block_dims(c->node->graph, false, eval_in(c, 0)->rank, d, b, out, err))
        return real_eval_fail(c, err);
    return block_give(c, (const int64_t[6]){d[0], d[1], out[2], b, out[3], b}, order, out, err);
}

/* ---- ReverseSequence ---- */

int infer_reverse_sequence(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    if (in && in->rank < 2)
        return infer_error(c, err, "input has %d dims, want at least 2", in->rank);
    return real_infer_same(c, 0, 0, err);
}

int eval_reverse_sequence(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *lens = eval_in(c, 1);
    int64_t batch = op_int(c->node, "batch_axis"), time = op_int(c->node, "time_axis");
    if (t->rank < 2)
        return eval_error(c, err, "input has %d dims, want at least 2", t->rank);
    if (batch < 0 || batch > 1 || time != 1 - batch)
        return eval_error(c, err, "attributes batch_axis and time_axis are %lld and %lld, want 0 and 1 or 1 and 0",
                          (long long)batch, (long long)time);
    if (lens->rank != 1 || lens->count != t->dims[batch])
        return eval_error(c, err, "input sequence_lens has %lld entries, want %lld", (long long)lens->count,
                          (long long)t->dims[batch]);
    struct tensor *out = eval_out(c, 0, t->dtype, t->rank, t->dims, err);
    if (!out)
        return -1;
    int64_t inner = real_product(t->dims, 2, t->rank), steps[2] = {t->dims[1] * inner, inner};
    for (int64_t b = 0; b < t->dims[batch]; b++) {
        int64_t n = ((const int64_t *)lens->data)[b];
        if (n < 0 || n > t->dims[time])
            return eval_error(c, err, "input sequence_lens: entry %lld is %lld, want 0 to %lld", (long long)b,
                              (long long)n, (long long)t->dims[time]);
        for (int64_t i = 0; i < t->dims[time]; i++)
            op_move(out, b * steps[batch] + i * steps[time], 1, t,
                    b * steps[batch] + (i < n ? n - 1 - i : i) * steps[time], 1, inner);
    }
    return 0;
}

/* ---- Trilu ---- */

int infer_trilu(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    if (in && in->rank < 2)
        return infer_error(c, err, "input has %d dims, want at least 2", in->rank);
    return real_infer_same(c, 0, 0, err);
}

int eval_trilu(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t k;
    if (t->rank < 2)
        return eval_error(c, err, "input has %d dims, want at least 2", t->rank);
    if (axes_scalar(c, 1, "k", 0, &k, err))
        return -1;
    struct tensor *out = eval_out(c, 0, t->dtype, t->rank, t->dims, err);
    if (!out)
        return -1;
    bool upper = op_int(c->node, "upper") != 0;
    int64_t rows = t->dims[t->rank - 2], columns = t->dims[t->rank - 1], lines = columns ? t->count / columns : 0;
    k = k < -rows ? -rows : k > columns ? columns : k;
    for (int64_t line = 0; line < lines; line++) {
        int64_t edge = line % rows + k + !upper; /* first column above, or the first not below */
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        int64_t from = line * columns + (upper ? edge : 0);
        op_move(out, from, 1, t, from, 1, upper ? columns - edge : edge);
    }
    return 0;
}

/* ---- Compress ---- */

int infer_compress(struct op_infer *c, struct error *err)
{
    return axes_infer_fewer(c, err);
}

int eval_compress(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *condition = eval_in(c, 1);
    int64_t dims[TENSOR_MAX_RANK] = {t->count}, kept = 0, to = 0;
    int axis = 0, rank = 1;
    if (condition->rank != 1)
        return eval_error(c, err, "input condition has %d dims, want 1", condition->rank);
    if (op_has(c->node, "axis")) {
        if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
            return -1;
        rank = t->rank;
        memcpy(dims, t->dims, sizeof dims);
    }
    const uint8_t *keep = condition->data;
    int64_t size = dims[axis], n = condition->count < size ? condition->count : size;
    int64_t outer = real_product(dims, 0, axis), inner = real_product(dims, axis + 1, rank);
    for (int64_t i = 0; i < condition->count; i++) {
        if (keep[i] && i >= size)
            return eval_error(c, err, "input condition has %lld entries and is true at %lld, the axis has %lld",
                              (long long)condition->count, (long long)i, (long long)size);
        kept += keep[i] != 0;
    }
    dims[axis] = kept;
    struct tensor *out = eval_out(c, 0, t->dtype, rank, dims, err);
    if (!out)
        return -1;
    for (int64_t o = 0; out->count && o < outer; o++)
        for (int64_t i = 0; i < n; i++)
            if (keep[i]) {
                op_move(out, to, 1, t, (o * size + i) * inner, 1, inner);
                to += inner;
            }
    return 0;
}
