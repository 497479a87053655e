/* Weights of products of bytes as they are read: every layout, and sizes about those of blocks. */
#include "../../test.h"
#include "exec/lower_quant.h"

enum { COLUMNS = 70, DEPTH = 130 };

static uint8_t stored[COLUMNS * DEPTH];
static int64_t at[DEPTH];
static int zero[COLUMNS];
static int8_t taken[COLUMNS * DEPTH * QUANT_RUNS_MAX];

static struct quant_weights weights(int columns, int depth, bool beside, bool is_signed, int most_zero)
{
    for (int i = 0; i < columns * depth; i++) /* one run is for what fits it */
        stored[i] = (uint8_t)(i * 37 + i / 7) & (most_zero || is_signed ? 255 : 127);
    for (int i = 0; i < depth; i++)
        at[i] = beside ? i * columns : (i + depth / 2) % depth;
    for (int j = 0; j < columns; j++)
        zero[j] = j * 29 % (most_zero + 1) - (is_signed ? most_zero / 2 : 0);
    return (struct quant_weights){.columns = columns,
                                  .depth = depth,
                                  .column_step = beside ? 1 : depth,
                                  .runs = most_zero ? QUANT_RUNS_MAX : 1,
                                  .at = at,
                                  .zero = zero,
                                  .is_signed = is_signed};
}

static void check_taken(const struct quant_weights *w, int64_t first, int64_t last)
{
    memset(taken, 99, sizeof taken);
    exec_quant_take(w, stored, first, last, taken);
    for (int64_t j = first; j < last; j++)
        for (int64_t i = 0; i < w->depth; i++) {
            uint8_t byte = stored[j * w->column_step + w->at[i]];
            int want = (w->is_signed ? (int8_t)byte : byte) - w->zero[j], got = 0;
            for (int r = 0; r < w->runs; r++)
                got += taken[((j - first) * w->runs + r) * w->depth + i];
            if (got != want) {
                CHECK_MSG(false, "column %d, row %d: %d, want %d", (int)j, (int)i, got, want);
                return;
            }
        }
    CHECK(last - first == w->columns || taken[(last - first) * w->runs * w->depth] == 99);
}

static void blocks(void)
{
    static const int columns[] = {1, 31, 32, 33, COLUMNS}, depth[] = {1, 63, 64, 65, 128, DEPTH};
    for (int i = 0; i < 5 * 6 * 8; i++) {
        int n = columns[i % 5], k = depth[i / 5 % 6], way = i / 30;
        struct quant_weights w = weights(n, k, way & 1, way & 2, way & 4 ? 255 : 0);
        check_taken(&w, 0, n);
        check_taken(&w, n / 3, n - n / 4);
    }
}

int main(void)
{
    RUN(blocks);
    return TEST_END();
}
