/* RotaryEmbedding: pairs of a head's numbers, turned by an angle that grows with the position. (Su et al. 2021.) */
#include <stdlib.h>

#include "op/real.h"
#include "op/rows.h"

struct rotary {
    bool flat, interleaved; /* flat: heads side by side in the last axis */
    int64_t batch, heads, length, size, pairs;
};

static int read_rotary(struct rotary *r, const struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t heads = op_int(c->node, "num_heads"), turned = op_int(c->node, "rotary_embedding_dim");
    if (x->rank != 3 && x->rank != 4)
        return eval_error(c, err, "input X has rank %d, want 3 or 4", x->rank);
    r->flat = x->rank == 3;
    if (r->flat && (heads < 1 || x->dims[2] % heads))
        return eval_error(c, err, "attribute num_heads: %lld, want a divisor of %lld", (long long)heads,
                          (long long)x->dims[2]);
    r->interleaved = op_int(c->node, "interleaved") != 0;
    r->batch = x->dims[0];
    r->heads = r->flat ? heads : x->dims[1];
    r->length = r->flat ? x->dims[1] : x->dims[2];
    r->size = r->flat ? x->dims[2] / heads : x->dims[3];
    if (turned == 0)
        turned = r->size;
    if (turned < 0 || turned > r->size || turned % 2)
        return eval_error(c, err, "attribute rotary_embedding_dim: %lld, want an even number up to %lld",
                          (long long)turned, (long long)r->size);
    r->pairs = turned / 2;
    return 0;
}

/* The caches are tables by position, with position_ids, or else hold a row for each image and place. */
static int check_caches(struct op_eval *c, const struct rotary *r, struct error *err)
{
    const struct tensor *ids = eval_in(c, 3), *cosines = eval_in(c, 1);
    int64_t table[2] = {cosines->rank > 0 ? cosines->dims[0] : 0, r->pairs}, full[3] = {r->batch, r->length, r->pairs};
    int rank = ids ? 2 : 3;
    if (real_want_dims(c, 1, "cos_cache", rank, ids ? table : full, err) < 0 ||
        real_want_dims(c, 2, "sin_cache", rank, ids ? table : full, err) < 0 ||
        real_want_dims(c, 3, "position_ids", 2, full, err) < 0)
        return -1;
    for (int64_t i = 0; ids && i < ids->count; i++)
        if (tensor_get_i64(ids, i) < 0 || tensor_get_i64(ids, i) >= table[0])
            return eval_error(c, err, "input position_ids holds %lld, want 0 to %lld",
                              (long long)tensor_get_i64(ids, i), (long long)table[0] - 1);
    return 0;
}

static void turn(const struct rotary *r, double *head, const double *cosines, const double *sines)
{
    for (int64_t i = 0; i < r->pairs; i++) {
        double *a = r->interleaved ? head + 2 * i : head + i, *b = r->interleaved ? a + 1 : head + r->pairs + i;
        double real = cosines[i] * *a - sines[i] * *b, imaginary = sines[i] * *a + cosines[i] * *b;
        *a = real;
        *b = imaginary;
    }
}

static void turn_all(const struct rotary *r, double *x, const struct tensor *ids, const double *cosines,
                     const double *sines)
{
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < r->length; i++) {
            int64_t row = b * r->length + i, position = ids ? tensor_get_i64(ids, row) : row;
            for (int64_t h = 0; h < r->heads; h++) {
                int64_t head = r->flat ? row * r->heads + h : (b * r->heads + h) * r->length + i;
                turn(r, x + head * r->size, cosines + position * r->pairs, sines + position * r->pairs);
            }
        }
}

int eval_rotary_embedding(struct op_eval *c, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    struct rotary r = {0};
    if (read_rotary(&r, c, err) < 0 || check_caches(c, &r, err) < 0)
        return -1;
    double *x = real_load(in, err), *cosines = x ? real_load(eval_in(c, 1), err) : NULL;
    double *sines = cosines ? real_load(eval_in(c, 2), err) : NULL;
    int result = -1;
    if (sines) {
        if (in->count > 0)
            turn_all(&r, x, eval_in(c, 3), cosines, sines);
        result = real_give(c, 0, in->dtype, in->rank, in->dims, x, err);
    }
    free(x);
    free(cosines);
    free(sines);
    return result;
}
