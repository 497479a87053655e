/* Scaled dot-product attention: softmax(softcap(Q K' scale) + bias) V, for each image and query head. (Vaswani et al.
 * 2017; grouped heads: Ainslie et al. 2023.) A query that may see nothing gives zeros. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/gemm.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_LENGTHS };
enum output_mode { MODE_PRODUCT, MODE_CAPPED, MODE_BIASED, MODE_SOFTMAX };

struct attention {
    bool flat; /* 3-d: heads side by side in the last axis */
    bool causal;
    int64_t left, right; /* window, -1: none */
    enum output_mode mode;
    double scale, softcap;
    int64_t batch, heads, kv_heads, queries, keys, past, total, size,
        v_size; /* total = past + keys; head sizes of K and V */
    const struct tensor *mask;
    int64_t mask_keys, mask_steps[4]; /* entries of its last axis; steps for image, head, query, key */
};

/* ---- reading the node ---- */

static int read_attributes(struct attention *a, const struct node *n, struct error *err)
{
    int64_t mode = op_int(n, "qk_matmul_output_mode"), precision = op_int(n, "softmax_precision");
    a->causal = op_int(n, "is_causal") != 0;
    a->left = op_int(n, "left_window_size");
    a->right = op_int(n, "right_window_size");
    a->softcap = op_float(n, "softcap");
    if (mode < MODE_PRODUCT || mode > MODE_SOFTMAX)
        return error_set(err, "attribute qk_matmul_output_mode: %lld, want 0 to 3", (long long)mode);
    if (a->left < -1 || a->right < -1)
        return error_set(err, "attribute %s: %lld, want at least -1",
                         a->left < -1 ? "left_window_size" : "right_window_size",
                         (long long)(a->left < -1 ? a->left : a->right));
    if (op_has(n, "softmax_precision") && precision != DTYPE_F32 && precision != DTYPE_F16 && precision != DTYPE_F64 &&
        precision != DTYPE_BF16)
        return error_set(err, "attribute softmax_precision: %lld, want 1, 10, 11 or 16", (long long)precision);
    if (!(a->softcap >= 0))
        return error_set(err, "attribute softcap: %g, want at least 0", a->softcap);
    a->mode = (enum output_mode)mode;
    return 0;
}

/* The number of heads of a 3-d input with `hidden` columns. */
static int read_heads(const struct node *n, const char *name, int64_t hidden, int64_t *heads, struct error *err)
{
    *heads = op_int(n, name);
    if (*heads < 1)
        return error_set(err, "attribute %s: %lld, want at least 1 for inputs of rank 3", name, (long long)*heads);
    if (hidden >= 0 && hidden % *heads)
        return error_set(err, "attribute %s: %lld does not divide the hidden size %lld", name, (long long)*heads,
                         (long long)hidden);
    return 0;
}

/* An input's dims as batch x heads x length x size. */
static int split_dims(const struct attention *a, const struct node *n, const int64_t *dims, bool query, int64_t *to,
                      struct error *err)
{
    to[0] = dims[0];
    to[1] = dims[1];
    to[2] = dims[2];
    if (!a->flat) {
        to[3] = dims[3];
        return 0;
    }
    if (read_heads(n, query ? "q_num_heads" : "kv_num_heads", dims[2], &to[1], err) < 0)
        return -1;
    to[2] = dims[1];
    to[3] = dims[2] >= 0 ? dims[2] / to[1] : graph_dim_div(n->graph, dims[2], to[1]);
    return 0;
}

static int init_sizes(struct attention *a, const struct op_eval *c, struct error *err)
{
    const struct tensor *q = eval_in(c, IN_Q), *k = eval_in(c, IN_K), *v = eval_in(c, IN_V);
    int64_t qd[4], kd[4], vd[4];
    if ((q->rank != 3 && q->rank != 4) || k->rank != q->rank || v->rank != q->rank)
        return error_set(err, "Q, K and V have ranks %d, %d, %d, want all 3 or all 4", q->rank, k->rank, v->rank);
    a->flat = q->rank == 3;
    if (split_dims(a, c->node, q->dims, true, qd, err) < 0 || split_dims(a, c->node, k->dims, false, kd, err) < 0 ||
        split_dims(a, c->node, v->dims, false, vd, err) < 0)
        return -1;
    if (kd[0] != qd[0] || kd[3] != qd[3])
        return error_set(err, "K is for %lld images and head size %lld, but Q for %lld and %lld", (long long)kd[0],
                         (long long)kd[3], (long long)qd[0], (long long)qd[3]);
    if (vd[0] != kd[0] || vd[1] != kd[1] || vd[2] != kd[2])
        return error_set(err, "V has other images, heads or length than K");
    if (kd[1] < 1 || qd[1] % kd[1])
        return error_set(err, "Q has %lld heads, want a multiple of K's %lld", (long long)qd[1], (long long)kd[1]);
    a->batch = qd[0];
    a->heads = qd[1];
    a->kv_heads = kd[1];
    a->queries = qd[2];
    a->keys = kd[2];
    a->size = qd[3];
    a->v_size = vd[3];
    a->scale = op_has(c->node, "scale") ? op_float(c->node, "scale") : 1 / sqrt((double)a->size);
    return 0;
}

static int init_past(struct attention *a, const struct op_eval *c, struct error *err)
{
    const struct tensor *k = eval_in(c, IN_PAST_K), *v = eval_in(c, IN_PAST_V), *lengths = eval_in(c, IN_LENGTHS);
    if (!k != !v)
        return eval_error(c, err, "past_key and past_value are wanted together");
    if (k && k->rank == 4)
        a->past = k->dims[2];
    if (__builtin_add_overflow(a->past, a->keys, &a->total))
        return eval_error(c, err, "past_key is too long");
    if (real_want_dims(c, IN_PAST_K, "past_key", 4, (int64_t[]){a->batch, a->kv_heads, a->past, a->size}, err) < 0 ||
        real_want_dims(c, IN_PAST_V, "past_value", 4, (int64_t[]){a->batch, a->kv_heads, a->past, a->v_size}, err) <
            0 ||
        real_want_dims(c, IN_LENGTHS, "nonpad_kv_seqlen", 1, &a->batch, err) < 0)
        return -1;
    if (lengths && k)
        return eval_error(c, err, "nonpad_kv_seqlen cannot be used together with past_key");
    for (int64_t i = 0; lengths && i < a->batch; i++)
        if (tensor_get_i64(lengths, i) < 0 || tensor_get_i64(lengths, i) > a->total)
            return eval_error(c, err, "input nonpad_kv_seqlen holds %lld, want 0 to %lld",
                              (long long)tensor_get_i64(lengths, i), (long long)a->total);
    return 0;
}

/* A mask broadcasts to image x head x query x key, except that its last axis may be shorter: what is missing is
 * forbidden. */
static int init_mask(struct attention *a, const struct op_eval *c, struct error *err)
{
    const struct tensor *mask = a->mask = eval_in(c, IN_MASK);
    int64_t whole[4] = {a->batch, a->heads, a->queries, a->total}, dims[4] = {0};
    int rank = 4;
    if (!mask)
        return 0;
    if (mask->rank < 1 || mask->rank > 4)
        return eval_error(c, err, "input attn_mask has rank %d, want 1 to 4", mask->rank);
    a->mask_keys = mask->dims[mask->rank - 1];
    bool fits = a->mask_keys <= a->total;
    whole[3] = a->mask_keys;
    memcpy(dims, whole, sizeof dims);
    fits = fits && op_broadcast(dims, &rank, mask->dims, mask->rank) == 0 && !memcmp(dims, whole, sizeof dims);
    if (!fits)
        return eval_error(c, err, "input attn_mask does not broadcast to %lldx%lldx%lldx%lld", (long long)a->batch,
                          (long long)a->heads, (long long)a->queries, (long long)a->total);
    op_broadcast_steps(mask->rank, mask->dims, 4, whole, a->mask_steps);
    return 0;
}

/* ---- the operands as batch x heads x length x size ---- */

/* to[b][h][first + i][size] from t (batch x heads x length x size, or flat: batch x length x heads * size), of `total`
 * rows a head. */
static void gather_heads(const struct tensor *t, bool flat, int64_t batch, int64_t heads, int64_t length, int64_t size,
                         double *to, int64_t first, int64_t total)
{
    for (int64_t b = 0; b < batch; b++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < length; i++) {
                int64_t from = flat ? (b * length + i) * heads + h : (b * heads + h) * length + i;
                real_read(t, from * size, size, to + ((b * heads + h) * total + first + i) * size);
            }
}

/* K or V behind its past; NULL when memory is short. */
static double *load_keys(const struct attention *a, const struct op_eval *c, int input, int past, int64_t size,
                         struct error *err)
{
    double *all = real_new(a->batch * a->kv_heads, a->total * size, err);
    if (!all)
        return NULL;
    if (eval_in(c, past))
        gather_heads(eval_in(c, past), false, a->batch, a->kv_heads, a->past, size, all, 0, a->total);
    gather_heads(eval_in(c, input), a->flat, a->batch, a->kv_heads, a->keys, size, all, a->past, a->total);
    return all;
}

/* ---- one head ---- */

/* Whether query i of an image may see key j by causality, window and length. */
static bool allowed(const struct attention *a, int64_t offset, int64_t length, int64_t i, int64_t j)
{
    int64_t ahead = j - offset - i;
    return j < length && (!a->causal || ahead <= 0) && (a->left < 0 || -ahead <= a->left) &&
           (a->right < 0 || ahead <= a->right);
}

/* What the mask adds for one query and key. */
static double mask_at(const struct attention *a, int64_t image, int64_t head, int64_t i, int64_t j)
{
    if (!a->mask)
        return 0;
    if (j >= a->mask_keys)
        return -INFINITY;
    double value = tensor_get_f64(a->mask, image * a->mask_steps[0] + head * a->mask_steps[1] + i * a->mask_steps[2] +
                                               j * a->mask_steps[3]);
    if (a->mask->dtype == DTYPE_BOOL)
        return value != 0 ? 0 : -INFINITY;
    return value;
}

/* One query's scores to weights; keeps in `kept` (NULL: nothing) what the mode asks for. */
static void weigh_row(const struct attention *a, double *score, const double *bias, double *kept)
{
    double most = -INFINITY, sum = 0;
    bool any = false;
    for (int64_t j = 0; j < a->total; j++) {
        bool forbidden = bias[j] == -INFINITY;
        double capped = a->softcap > 0 ? a->softcap * tanh(score[j] / a->softcap) : score[j];
        double value = forbidden ? -INFINITY : capped + bias[j];
        if (kept && a->mode < MODE_SOFTMAX)
            kept[j] = a->mode == MODE_PRODUCT ? score[j] : a->mode == MODE_CAPPED ? capped : value;
        score[j] = value;
        any |= !forbidden;
        if (score[j] > most)
            most = score[j];
    }
    for (int64_t j = 0; j < a->total; j++)
        sum += score[j] = any ? exp(score[j] - most) : 0;
    for (int64_t j = 0; j < a->total; j++) {
        score[j] = any ? score[j] / sum : 0;
        if (kept && a->mode == MODE_SOFTMAX)
            kept[j] = score[j];
    }
}

/* Room and results, as doubles. */
struct room {
    double *q, *k, *v, *y, *kept; /* kept may be NULL */
    double *scores, *bias;        /* of one head: [queries][total], [total] */
};

static int run_head(const struct attention *a, const struct op_eval *c, const struct room *room, int64_t image,
                    int64_t head, struct error *err)
{
    const struct tensor *lengths = eval_in(c, IN_LENGTHS);
    int64_t at = image * a->heads + head, kv = image * a->kv_heads + head / (a->heads / a->kv_heads);
    int64_t length = lengths ? tensor_get_i64(lengths, image) : a->total;
    int64_t offset = lengths ? length - a->queries : a->past;
    struct gemm_arrays product = {.a = room->q + at * a->queries * a->size,
                                  .a_row = a->size,
                                  .a_step = 1,
                                  .c = room->scores,
                                  .b = room->k + kv * a->total * a->size,
                                  .b_row = 1,
                                  .b_step = a->size};
    if (gemm_arrays(&product, a->queries, a->total, a->size, err) < 0)
        return -1;
    for (int64_t i = 0; i < a->queries; i++) {
        double *score = room->scores + i * a->total;
        for (int64_t j = 0; j < a->total; j++) {
            score[j] *= a->scale;
            room->bias[j] = allowed(a, offset, length, i, j) ? mask_at(a, image, head, i, j) : -INFINITY;
        }
        weigh_row(a, score, room->bias, room->kept ? room->kept + (at * a->queries + i) * a->total : NULL);
    }
    product = (struct gemm_arrays){.a = room->scores,
                                   .a_row = a->total,
                                   .a_step = 1,
                                   .c = room->y + at * a->queries * a->v_size,
                                   .b = room->v + kv * a->total * a->v_size,
                                   .b_row = a->v_size,
                                   .b_step = 1};
    return gemm_arrays(&product, a->queries, a->v_size, a->total, err);
}

/* ---- outputs ---- */

static int give_y(struct op_eval *c, const struct attention *a, const double *y, struct error *err)
{
    int64_t flat[3] = {a->batch, a->queries, a->heads * a->v_size},
            deep[4] = {a->batch, a->heads, a->queries, a->v_size};
    struct tensor *t = eval_out(c, 0, eval_in(c, IN_Q)->dtype, a->flat ? 3 : 4, a->flat ? flat : deep, err);
    if (!t)
        return -1;
    for (int64_t row = 0; row < a->batch * a->heads * a->queries; row++) {
        int64_t i = row % a->queries, head = row / a->queries % a->heads, image = row / a->queries / a->heads;
        int64_t to = a->flat ? (image * a->queries + i) * a->heads + head : row;
        real_write(t, to * a->v_size, a->v_size, y + row * a->v_size);
    }
    return 0;
}

static int give_outputs(struct op_eval *c, const struct attention *a, const struct room *room, struct error *err)
{
    enum dtype dtype = eval_in(c, IN_Q)->dtype;
    int64_t k[4] = {a->batch, a->kv_heads, a->total, a->size}, v[4] = {a->batch, a->kv_heads, a->total, a->v_size};
    int64_t kept[4] = {a->batch, a->heads, a->queries, a->total};
    if (give_y(c, a, room->y, err) < 0 || (eval_wants(c, 1) && real_give(c, 1, dtype, 4, k, room->k, err) < 0) ||
        (eval_wants(c, 2) && real_give(c, 2, eval_in(c, IN_V)->dtype, 4, v, room->v, err) < 0))
        return -1;
    return room->kept ? real_give(c, 3, dtype, 4, kept, room->kept, err) : 0;
}

static bool make_room(const struct attention *a, const struct op_eval *c, struct room *room, struct error *err)
{
    int64_t heads = a->batch * a->heads;
    int64_t q_size, y_size, score_size;
    if (__builtin_mul_overflow(a->queries, a->size, &q_size) ||
        __builtin_mul_overflow(a->queries, a->v_size, &y_size) ||
        __builtin_mul_overflow(a->queries, a->total, &score_size)) {
        error_set(err, "the scores are too large");
        return false;
    }
    if (!(room->q = real_new(heads, q_size, err)) || !(room->k = load_keys(a, c, IN_K, IN_PAST_K, a->size, err)) ||
        !(room->v = load_keys(a, c, IN_V, IN_PAST_V, a->v_size, err)) || !(room->y = real_new(heads, y_size, err)) ||
        !(room->scores = real_new(score_size, 1, err)) || !(room->bias = real_new(a->total, 1, err)))
        return false;
    if (eval_wants(c, 3) && !(room->kept = real_new(heads, score_size, err)))
        return false;
    gather_heads(eval_in(c, IN_Q), a->flat, a->batch, a->heads, a->queries, a->size, room->q, 0, a->queries);
    return true;
}

int eval_attention(struct op_eval *c, struct error *err)
{
    struct attention a = {0};
    struct room room = {0};
    if (read_attributes(&a, c->node, err) < 0 || init_sizes(&a, c, err) < 0)
        return real_eval_fail(c, err);
    if (init_past(&a, c, err) < 0 || init_mask(&a, c, err) < 0)
        return -1;
    int result = make_room(&a, c, &room, err) ? 0 : -1;
    for (int64_t i = 0; !result && a.queries > 0 && a.v_size > 0 && i < a.batch * a.heads; i++)
        result = run_head(&a, c, &room, i / a.heads, i % a.heads, err);
    if (!result)
        result = give_outputs(c, &a, &room, err);
    double *all[] = {room.q, room.k, room.v, room.y, room.kept, room.scores, room.bias};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    return result;
}

/* ---- inference ---- */

int infer_attention(struct op_infer *c, struct error *err)
{
    const struct type *q = real_type(c, IN_Q), *k = real_type(c, IN_K), *v = real_type(c, IN_V),
                      *past = infer_type(c, IN_PAST_K);
    struct attention a = {.flat = q->rank == 3};
    int64_t qd[4], kd[4], vd[4];
    if (read_attributes(&a, c->node, err) < 0)
        return real_infer_fail(c, err);
    if (q->rank < 0 || k->rank < 0 || v->rank < 0)
        return infer_set(c, 0, q->dtype, -1, NULL, err);
    if ((q->rank != 3 && q->rank != 4) || k->rank != q->rank || v->rank != q->rank)
        return infer_error(c, err, "Q, K and V have ranks %d, %d, %d, want all 3 or all 4", q->rank, k->rank, v->rank);
    if (split_dims(&a, c->node, q->dims, true, qd, err) < 0 || split_dims(&a, c->node, k->dims, false, kd, err) < 0 ||
        split_dims(&a, c->node, v->dims, false, vd, err) < 0)
        return real_infer_fail(c, err);
    int64_t total = !past ? kd[2] : past->rank == 4 ? graph_dim_add(c->graph, past->dims[2], kd[2]) : DIM_UNKNOWN;
    const int64_t flat[3] = {qd[0], qd[2], graph_dim_mul(c->graph, qd[1], vd[3])},
                  deep[4] = {qd[0], qd[1], qd[2], vd[3]};
    const int64_t keys[4] = {qd[0], kd[1], total, kd[3]}, values[4] = {qd[0], kd[1], total, vd[3]};
    const int64_t kept[4] = {qd[0], qd[1], qd[2], total};
    if (infer_set(c, 0, q->dtype, q->rank, a.flat ? flat : deep, err) < 0 ||
        infer_set(c, 1, k->dtype, 4, keys, err) < 0 || infer_set(c, 2, v->dtype, 4, values, err) < 0)
        return -1;
    return infer_set(c, 3, q->dtype, 4, kept, err);
}
