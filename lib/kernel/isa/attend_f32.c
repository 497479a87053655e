/* Scores of attention to weights, a block of keys at a time: each query keeps its largest score and its sum so far, and
 * what is summed of values is scaled when a larger score comes. (Milakov and Gimelshein, "Online normalizer calculation
 * for softmax", 2018; Dao et al., "FlashAttention", 2022.) */
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_math.h"

/* A score as it counts: scaled, with what the mask adds; they lie where the scores were then. */
V_FN void score_body(size_t i, int count, float *scores, v_f32 scale, const float *mask, bool is_one, v_f32 *largest)
{
    v_f32 x = v_mul(part_load(scores + i, count), scale);
    if (mask)
        x = v_add(x, is_one ? v_set1(*mask) : part_load(mask + i, count));
    part_store(scores + i, x, count);
    *largest = v_max(*largest, part_fill(x, count, v_set1(-INFINITY)));
}

V_FN void largest_body(size_t i, int count, const float *scores, v_f32 *largest)
{
    *largest = v_max(*largest, part_fill(part_load(scores + i, count), count, v_set1(-INFINITY)));
}

V_FN void weight_body(size_t i, int count, float *scores, v_f32 largest, v_f32 *sum)
{
    v_f32 y = v_exp(v_sub(part_load(scores + i, count), largest));
    *sum = v_add(*sum, part_fill(y, count, v_zero()));
    part_store(scores + i, y, count);
}

/* A NaN may get lost here: its weight is NaN all the same. */
static float find_largest(const struct kernel_attend_f32 *a, float *scores, const float *mask, size_t n, float most)
{
    v_f32 largest = v_set1(most), scale = v_set1(a->scale);
    if (mask && a->mask_step)
        PART_LOOP(n, score_body, scores, scale, mask, false, &largest);
    else if (mask)
        PART_LOOP_LONG(n, score_body, scores, scale, mask, true, &largest);
    else if (a->scale != 1)
        PART_LOOP(n, score_body, scores, scale, NULL, true, &largest);
    else
        PART_LOOP(n, largest_body, scores, &largest);
    return v_hmax(largest);
}

static void attend_row(const struct kernel_attend_f32 *a, int row)
{
    float *scores = a->scores + row * a->step;
    size_t n = a->seen ? (size_t)a->seen[row] : a->n;
    float most = find_largest(a, scores, a->mask ? a->mask[row] : NULL, n, a->largest[row]);
    /* Of nothing but -inf all weights are zero, not NaN: finite scores may follow. */
    v_f32 sum = v_zero(), base = v_set1(most == -INFINITY ? 0 : most);
    PART_LOOP(n, weight_body, scores, base, &sum);
    for (size_t i = n; i < a->n; i++)
        scores[i] = 0;
    float factor = v_exp(v_sub(v_set1(a->largest[row]), base))[0];
    a->sum[row] = a->sum[row] * factor + v_hsum(sum);
    a->largest[row] = most;
    if (a->columns && factor != 1)
        K(scale_rows_f32)(a->out[row], a->out[row], &factor, 0, 1, a->columns);
}

void K(attend_f32)(const struct kernel_attend_f32 *a)
{
    for (int i = 0; i < a->rows; i++)
        attend_row(a, i);
}
