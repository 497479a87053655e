/* Attention, as ONNX's operator and as nn.Attention. */
#include <math.h>
#include <string.h>

#include "exec/attend.h"
#include "exec/lower.h"
#include "op/util.h"

/* Sizes of matrices that are counted in an int, none of them empty. */
static bool is_counted(const struct node *n, int i)
{
    const struct type *t = &n->in[i]->type;
    bool fits = exec_lower_is_f32(n, i) && t->rank >= 2;
    for (int k = 0; fits && k < t->rank; k++)
        fits = t->dims[k] >= 1 && t->dims[k] <= INT32_MAX / 4;
    return fits;
}

static void swap_axes(struct view *v, int a, int b)
{
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < v->rank; i++)
        perm[i] = i == a ? b : i == b ? a : i;
    view_permute(v, perm, v);
}

/* The result as [batch, queries, heads, columns] in memory where that is how its only user takes it, which a Reshape
 * then sees without a copy; else as it is. */
static int place_result(struct plan *p, struct node *n, struct view *out, struct error *err)
{
    const struct value *v = n->out[0];
    const struct node *user = v->use_count == 1 && !v->is_output ? v->uses[0].node : NULL;
    int count, rank = v->type.rank;
    const int64_t *perm = user && node_is(user, "Transpose") ? op_ints(user, "perm", &count) : NULL;
    bool swaps = perm && rank >= 3 && count == rank && !plan_place(v)->concat_parent;
    for (int i = 0; swaps && i < rank; i++)
        swaps = perm[i] == (i == rank - 3 ? rank - 2 : i == rank - 2 ? rank - 3 : i);
    if (!swaps)
        return plan_out(p, n, 0, ORDER_ROWS, out, err);
    struct view memory;
    if (plan_scratch(p, (size_t)tensor_count(rank, v->type.dims) * sizeof(float), &memory, err) < 0)
        return -1;
    *out = (struct view){.buffer = memory.buffer, .dtype = DTYPE_F32, .rank = rank};
    memcpy(out->dims, v->type.dims, sizeof out->dims);
    swap_axes(out, rank - 3, rank - 2);
    view_dense(out, ORDER_ROWS);
    swap_axes(out, rank - 3, rank - 2);
    return plan_alias(p, n, 0, out, err);
}

/* The mask, input i or loaded already, as the scores want it. */
static int load_mask(struct plan *p, struct node *n, int i, const struct attend_job *j, struct view *mask,
                     struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    if (!node_in(n, i))
        return 0;
    int rank = j->q.rank, last = n->in[i]->type.rank - 1;
    if (mask->buffer)
        ;
    else if (last < 0 || n->in[i]->type.dims[last] == 1)
        *mask = *plan_in(n, i);
    else if (plan_in_contiguous(p, n, i, last, mask, err) < 0)
        return -1;
    memcpy(dims, j->q.dims, sizeof dims);
    dims[rank - 1] = j->k.dims[rank - 1];
    view_broadcast(mask, rank, dims, mask);
    return 0;
}

int exec_lower_fused_attention(struct plan *p, struct node *n, struct error *err)
{
    struct attend_job j = {.scale = op_float(n, "scale")};
    if (!is_counted(n, 0) || !is_counted(n, 1) || !is_counted(n, 2) || (node_in(n, 3) && !exec_lower_is_f32(n, 3)))
        return 1;
    int rank = n->in[0]->type.rank;
    if (memcmp(n->in[1]->type.dims, n->in[2]->type.dims, sizeof(int64_t) * (size_t)(rank - 2)) != 0)
        return 1;
    if (plan_in_contiguous(p, n, 0, rank - 1, &j.q, err) < 0)
        return -1;
    j.k = *plan_in(n, 1);
    j.v = *plan_in(n, 2);
    if (load_mask(p, n, 3, &j, &j.mask, err) < 0 || place_result(p, n, &j.out, err) < 0)
        return -1;
    return attend_emit(p, n, &j, err);
}

/* ---- ONNX's operator ---- */

/* The plain form: no past, no lengths, no window, no soft cap, and the scores are not wanted. */
static bool is_plain(const struct node *n)
{
    for (int i = 4; i < n->in_count; i++)
        if (n->in[i])
            return false;
    for (int o = 1; o < n->out_count; o++)
        if (n->out[o])
            return false;
    return op_float(n, "softcap") == 0 && op_int(n, "left_window_size") < 0 && op_int(n, "right_window_size") < 0;
}

/* [batch, length, heads × size] as [batch, heads, length, size]. */
static void split_flat(struct view *v, int64_t heads)
{
    ptrdiff_t length = v->stride[1], one = v->stride[2];
    v->rank = 4;
    v->dims[3] = v->dims[2] / heads;
    v->dims[2] = v->dims[1];
    v->dims[1] = heads;
    v->stride[3] = one;
    v->stride[2] = length;
    v->stride[1] = v->dims[3] * one;
}

/* Axis 1 of a view of four as [count, the heads that share one of K and V]. */
static void split_groups(struct view *v, int64_t count)
{
    for (int i = 4; i > 1; i--) {
        v->dims[i] = v->dims[i - 1];
        v->stride[i] = v->stride[i - 1];
    }
    v->rank = 5;
    v->dims[1] = count;
    v->dims[2] /= count;
    v->stride[1] = v->stride[2] * v->dims[2];
}

struct bool_args {
    struct view from, to;
};

static void run_hide(const struct step *s, struct tile tile)
{
    const struct bool_args *a = s->args;
    const uint8_t *from = view_data(&a->from);
    float *to = view_data(&a->to);
    for (int64_t i = tile.first; i < tile.last; i++)
        to[i] = from[i] ? 0 : -INFINITY;
}

/* A mask of truth values as what is added to scores. */
static int emit_hide(struct plan *p, struct node *n, struct view *mask, struct error *err)
{
    struct bool_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || plan_in_dense(p, n, 3, ORDER_ROWS, &a->from, err) < 0)
        return -1;
    int64_t count = view_count(&a->from);
    if (plan_scratch(p, (size_t)count * sizeof(float), &a->to, err) < 0)
        return -1;
    *mask = a->from;
    mask->buffer = a->to.buffer;
    mask->offset = 0;
    mask->dtype = DTYPE_F32;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "hide",
                                    .run = run_hide,
                                    .args = a,
                                    .units = count,
                                    .tiles = plan_tiles(count, 16384, count)},
                     err, PLAN_WRITES(&a->to, &a->from));
}

/* Whether the mask, of truth values or f32, broadcasts to the scores, with an entry for each key: those beyond a
 * shorter last axis would be forbidden. */
static bool mask_fits(const struct node *n, const struct attend_job *j)
{
    const int64_t scores[4] = {j->q.dims[0], j->q.dims[1], j->q.dims[2], j->k.dims[2]};
    const struct type *t = node_in(n, 3) ? &n->in[3]->type : NULL;
    int64_t dims[TENSOR_MAX_RANK] = {0};
    int rank = 4;
    if (!t)
        return true;
    memcpy(dims, scores, sizeof scores);
    return (t->dtype == DTYPE_BOOL || t->dtype == DTYPE_F32) && t->rank >= 1 && t->rank <= 4 &&
           t->dims[t->rank - 1] == scores[3] && op_broadcast(dims, &rank, t->dims, t->rank) == 0 &&
           memcmp(dims, scores, sizeof scores) == 0;
}

/* Whether Q, K and V, [batch, heads, length, size], are of the same images, lengths and sizes. Inference leaves that to
 * evaluation. */
static bool heads_fit(const struct attend_job *j)
{
    const int64_t *q = j->q.dims, *k = j->k.dims, *v = j->v.dims;
    return k[0] == q[0] && v[0] == q[0] && k[1] == v[1] && q[1] % k[1] == 0 && k[2] == v[2] && k[3] == q[3];
}

/* Q, K and V as [batch, heads, length, size]. */
static int load_heads(struct plan *p, struct node *n, struct attend_job *j, struct error *err)
{
    bool flat = n->in[0]->type.rank == 3;
    if (plan_in_contiguous(p, n, 0, n->in[0]->type.rank - 1, &j->q, err) < 0)
        return -1;
    j->k = *plan_in(n, 1);
    j->v = *plan_in(n, 2);
    if (flat) {
        split_flat(&j->q, op_int(n, "q_num_heads"));
        split_flat(&j->k, op_int(n, "kv_num_heads"));
        split_flat(&j->v, op_int(n, "kv_num_heads"));
    }
    return 0;
}

int exec_lower_attention(struct plan *p, struct node *n, struct error *err)
{
    struct attend_job j = {.causal = op_int(n, "is_causal") != 0, .empty_is_zero = true};
    if (!is_plain(n) || !is_counted(n, 0) || !is_counted(n, 1) || !is_counted(n, 2))
        return 1;
    if (load_heads(p, n, &j, err) < 0)
        return -1;
    int64_t shared = j.k.dims[1];
    if (!heads_fit(&j) || !mask_fits(n, &j))
        return 1;
    j.scale = op_has(n, "scale") ? op_float(n, "scale") : (float)(1 / sqrt((double)j.q.dims[3]));
    swap_axes(&j.k, 2, 3);
    if (node_in(n, 3) && n->in[3]->type.dtype == DTYPE_BOOL && emit_hide(p, n, &j.mask, err) < 0)
        return -1;
    if (load_mask(p, n, 3, &j, &j.mask, err) < 0 || plan_out(p, n, 0, ORDER_ROWS, &j.out, err) < 0)
        return -1;
    if (j.out.rank == 3)
        split_flat(&j.out, op_int(n, "q_num_heads"));
    struct view *const all[] = {&j.q, &j.k, &j.v, &j.out, &j.mask};
    for (int i = 0; i < 4 + (j.mask.buffer != NULL); i++)
        split_groups(all[i], shared);
    return attend_emit(p, n, &j, err);
}
