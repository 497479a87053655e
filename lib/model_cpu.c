/* The processor: levels, threads, and what one thread can reach. */
#include "model_private.h"

#include <stdlib.h>
#include <time.h>

#include "base/cpu.h"

const char *model_level(struct model_error *err)
{
    const struct kernels *k = kernel_select(getenv("NN_ISA"), model_inner(err));
    return k ? k->isa : NULL;
}

const char *model_level_at(size_t index)
{
    const struct kernels *const *levels = kernel_levels();
    for (size_t i = 0; levels[i]; i++)
        if ((cpu_features() & levels[i]->needs) == levels[i]->needs && index-- == 0)
            return levels[i]->isa;
    return NULL;
}

int model_processors(void)
{
    return cpu_count();
}

/* ---- peak ---- */

#define PEAK_DEPTH  128 /* of the product: its panel and rows fit the smallest first-level cache */
#define PEAK_ROWS   64
#define PEAK_REPEAT 100
#define PEAK_ROUNDS 60

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The best of many short rounds of one tile of the product. */
static double measure_peak(const struct kernels *k, float *a, float *b, float *c)
{
    const void *a_rows[PEAK_ROWS];
    void *c_rows[PEAK_ROWS];
    ptrdiff_t tap = 0;
    int rows = k->gemm_f32->mr < PEAK_ROWS ? k->gemm_f32->mr : PEAK_ROWS, nr = k->gemm_f32->nr;
    for (int i = 0; i < rows; i++) {
        a_rows[i] = a + i * PEAK_DEPTH;
        c_rows[i] = c + i * nr;
    }
    struct kernel_gemm g = {
        .a = a_rows, .tap = &tap, .taps = 1, .k = PEAK_DEPTH, .b = b, .c = c_rows, .m = rows, .n = nr};
    double best = 1e30;
    for (int round = 0; round < PEAK_ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < PEAK_REPEAT; i++)
            k->gemm_f32->run(&g);
        double took = now() - start;
        best = took < best ? took : best;
    }
    return 1e-9 * PEAK_REPEAT * PEAK_DEPTH * rows * nr / best;
}

double model_peak(struct model_error *err)
{
    const struct kernels *k = kernel_select(getenv("NN_ISA"), model_inner(err));
    if (!k)
        return 0;
    size_t a = PEAK_ROWS * PEAK_DEPTH, b = (size_t)PEAK_DEPTH * (size_t)k->gemm_f32->nr,
           c = PEAK_ROWS * (size_t)k->gemm_f32->nr;
    struct blob *memory = blob_new((a + b + c) * sizeof(float), model_inner(err));
    if (!memory)
        return 0;
    float *f = memory->data;
    double peak = measure_peak(k, f, f + a, f + a + b);
    blob_unref(memory);
    return peak;
}
