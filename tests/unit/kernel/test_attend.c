/* Scores to weights, block after block, of every level. */
#include "guard.h"

#define ROWS    3
#define COLUMNS 37
#define MAX_N   257

static struct guard score_guard, mask_guard, out_guard;

static const size_t sizes[] = {1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 197, MAX_N};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* A call's operands, and a copy of what the oracle makes of them. */
struct block {
    struct kernel_attend_f32 call, want;
    float scores[ROWS * MAX_N], out[ROWS * COLUMNS], stats[2][2 * ROWS];
    const float *mask[ROWS];
    float *rows[2][ROWS];
    int seen[ROWS];
};

static void fill(struct block *b, size_t n, int given)
{
    float *scores = guard_floats(score_guard, ROWS * n), *mask = guard_floats(mask_guard, ROWS * n);
    float *out = guard_floats(out_guard, ROWS * COLUMNS);
    guard_fill(scores, ROWS * n, 20);
    guard_fill(mask, ROWS * n, 10);
    guard_fill(out, ROWS * COLUMNS, 3);
    for (int i = 0; i < ROWS; i++) {
        b->mask[i] = mask + (size_t)i * n;
        b->rows[0][i] = out + i * COLUMNS;
        b->rows[1][i] = b->out + i * COLUMNS;
        b->seen[i] = (int)((size_t)i * n / 2);
        b->stats[0][i] = i == 1 ? -INFINITY : guard_random_float(20);
        b->stats[0][ROWS + i] = i == 1 ? 0 : 5;
    }
    b->call = (struct kernel_attend_f32){.rows = ROWS,
                                         .n = n,
                                         .scores = scores,
                                         .step = (ptrdiff_t)n,
                                         .scale = given & 1 ? 0.3f : 1,
                                         .mask = given & 6 ? b->mask : NULL,
                                         .mask_step = (given & 6) == 2,
                                         .seen = given & 8 ? b->seen : NULL,
                                         .largest = b->stats[0],
                                         .sum = b->stats[0] + ROWS,
                                         .out = b->rows[0],
                                         .columns = given & 16 ? COLUMNS : 0};
}

static void copy(struct block *b, size_t n)
{
    memcpy(b->scores, b->call.scores, ROWS * n * sizeof(float));
    memcpy(b->out, b->rows[0][0], sizeof b->out);
    memcpy(b->stats[1], b->stats[0], sizeof b->stats[0]);
    b->want = b->call;
    b->want.scores = b->scores;
    b->want.largest = b->stats[1];
    b->want.sum = b->stats[1] + ROWS;
    b->want.out = b->rows[1];
}

static void compare(struct block *b, const struct kernels *k, size_t n, int given)
{
    copy(b, n);
    k->attend_f32(&b->call);
    kernel_reference()->attend_f32(&b->want);
    /* A score of 30 is rounded to 2e-6, which its weight feels as a relative error. */
    CHECK_CLOSE(b->call.scores, b->scores, ROWS * n, 1e-5, 1e-30, "%s n %zu given %d", k->isa, n, given);
    CHECK_CLOSE(b->rows[0][0], b->out, (size_t)(ROWS * COLUMNS), 1e-5, 1e-30, "%s n %zu given %d", k->isa, n, given);
    CHECK_CLOSE(b->stats[0], b->stats[1], (size_t)ROWS, 1e-7, 30, "%s n %zu given %d", k->isa, n, given);
    CHECK_CLOSE(b->stats[0] + ROWS, b->stats[1] + ROWS, (size_t)ROWS, 1e-5, 1e-30, "%s n %zu given %d", k->isa, n,
                given);
}

static void blocks(void)
{
    static struct block b;
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t i = 0; i < SIZES; i++)
            for (int given = 0; given < 32; given++) {
                fill(&b, sizes[i], given);
                compare(&b, k, sizes[i], given);
            }
}

/* What a mask forbids weighs nothing, also where it forbids all of a block; NaN and infinity spread. */
static void special(void)
{
    static const float values[] = {-INFINITY, INFINITY, NAN};
    static struct block b;
    int next = 0;
    enum { n = 37 };
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int v = 0; v < 3; v++)
            for (int from = 0; from < n; from++) {
                fill(&b, n, 2 + 16);
                for (int i = from; i < (v ? from + 1 : n); i++)
                    for (int row = 0; row < ROWS; row++)
                        b.call.scores[row * n + i] = values[v];
                copy(&b, n);
                k->attend_f32(&b.call);
                kernel_reference()->attend_f32(&b.want);
                if (v == 0)
                    CHECK_CLOSE(b.call.scores, b.scores, (size_t)(ROWS * n), 1e-5, 1e-30, "%s from %d", k->isa, from);
                CHECK_CLOSE(b.stats[0] + ROWS, b.stats[1] + ROWS, (size_t)ROWS, 1e-5, 1e-30, "%s %g at %d", k->isa,
                            values[v], from);
            }
}

int main(void)
{
    score_guard = guard_new(ROWS * MAX_N * sizeof(float));
    mask_guard = guard_new(ROWS * MAX_N * sizeof(float));
    out_guard = guard_new(ROWS * COLUMNS * sizeof(float));
    RUN(blocks);
    RUN(special);
    return TEST_END();
}
