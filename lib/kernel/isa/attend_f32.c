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
    v_f32 y = v_exp_less(v_sub(part_load(scores + i, count), largest));
    *sum = v_add(*sum, part_fill(y, count, v_zero()));
    part_store(scores + i, y, count);
}

/* The largest of each lane. A NaN may get lost here: its weight is NaN all the same. */
static v_f32 find_largest(const struct kernel_attend_f32 *a, float *scores, const float *mask, size_t n, float most)
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
    return largest;
}

/* Rows that go together. */
#define ATTEND_ROWS 16

static size_t seen_by(const struct kernel_attend_f32 *a, int row)
{
    return a->seen ? (size_t)a->seen[row] : a->n;
}

/* Scores less `base` to weights, whose sums of each lane it gives; what was summed before counts `factor` times. */
static v_f32 weigh_row(const struct kernel_attend_f32 *a, int row, float base, float factor)
{
    float *scores = a->scores + row * a->step;
    size_t n = seen_by(a, row);
    v_f32 sum = v_zero(), b = v_set1(base);
    PART_LOOP(n, weight_body, scores, b, &sum);
    for (size_t i = n; i < a->n; i++)
        scores[i] = 0;
    if (a->columns)
        K(scale_rows_f32)(a->out[row], a->out[row], &factor, 0, 1, a->columns);
    return sum;
}

/* Lanes are put together for one row right after the other: what one waits for, others' are under way. */
static void attend_rows(const struct kernel_attend_f32 *a, int first, int rows)
{
    float base[ATTEND_ROWS], factor[ATTEND_ROWS] = {0}, *sum = a->sum + first;
    v_f32 lanes[ATTEND_ROWS];
    for (int i = 0, row = first; i < rows; i++, row++)
        lanes[i] =
            find_largest(a, a->scores + row * a->step, a->mask ? a->mask[row] : NULL, seen_by(a, row), a->largest[row]);
    for (int i = 0, row = first; i < rows; i++, row++) {
        float most = v_hmax(lanes[i]);
        /* Of nothing but -inf all weights are zero, not NaN: finite scores may follow. */
        base[i] = most == -INFINITY ? 0 : most;
        factor[i] = a->largest[row] - base[i];
        a->largest[row] = most;
    }
    for (int i = 0; i < rows; i += VL)
        v_store(factor + i, v_exp(v_load(factor + i)));
    for (int i = 0; i < rows; i++)
        lanes[i] = weigh_row(a, first + i, base[i], factor[i]);
    for (int i = 0; i < rows; i++)
        sum[i] = sum[i] * factor[i] + v_hsum(lanes[i]);
}

void K(attend_f32)(const struct kernel_attend_f32 *a)
{
    for (int i = 0; i < a->rows; i += ATTEND_ROWS)
        attend_rows(a, i, a->rows - i < ATTEND_ROWS ? a->rows - i : ATTEND_ROWS);
}
