/* gemm_f32 and its packing, for every level of this processor. */
#include "chain.h"

#define MAX_TILE 16
#define MAX_M    (3 * MAX_TILE) /* of even rows */
#define MAX_N    104            /* three panels and a part of one; of eight floats a vector six */
#define MAX_TAPS 9
#define MAX_K    70

struct problem {
    int m, n, taps, k;
    float b[MAX_TAPS * MAX_K * MAX_N]; /* [taps][k][n] */
    const void *a[MAX_M];
    ptrdiff_t tap[MAX_TAPS];
};

static struct guard rows, packed, outputs, addends, biases;
static struct problem problem;

static float naive(const struct kernels *k, const struct problem *p, const struct kernel_gemm *g, int i, int j,
                   float *size)
{
    struct chain c = chain_start(k);
    for (int t = 0; t < p->taps; t++)
        for (int l = 0; l < p->k; l++)
            chain_add(&c, ((const float *)p->a[i])[p->tap[t] + l], p->b[(t * p->k + l) * p->n + j]);
    const float *bias = g->to.bias, *add = g->to.add ? g->to.add[i] : NULL;
    *size = c.size + (bias ? fabsf(bias[j]) : 0) + (add ? fabsf(add[j]) : 0);
    return chain_end(&c, k, bias ? &bias[j] : NULL, add ? &add[j] : NULL, g->to.add_last, g->to.act);
}

/* Rows in random order, so that each is sometimes the one before the forbidden page; runs that overlap, in any order,
 * with the last element of the last one at the very end. */
static void make_rows(struct problem *p)
{
    int last = (int)(guard_random() % (unsigned)p->taps);
    ptrdiff_t span = 0;
    for (int t = 0; t < p->taps; t++) {
        p->tap[t] = (ptrdiff_t)(guard_random() % 40);
        span = p->tap[t] > span ? p->tap[t] : span;
    }
    p->tap[last] = span;
    span += p->k;
    float *all = guard_floats(rows, (size_t)(span * p->m));
    guard_fill(all, (size_t)(span * p->m), 1);
    int turn = p->m > MAX_TILE || guard_random() % 2 ? 0 : (int)(guard_random() % (unsigned)p->m);
    for (int i = 0; i < p->m; i++)
        p->a[i] = all + (i + turn) % p->m * span;
}

static void make_problem(struct problem *p, int m, int n, int taps, int k)
{
    *p = (struct problem){.m = m, .n = n, .taps = taps, .k = k};
    guard_fill(p->b, (size_t)(taps * k * n), 1);
    make_rows(p);
}

static void check_outputs(const struct kernels *k, const struct problem *p, const struct kernel_gemm *g)
{
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
            float size, want = naive(k, p, g, i, j, &size);
            float got = ((const float *)g->c[i])[j];
            CHECK_MSG(chain_same_bits(got, want), "%s m %d n %d taps %d k %d act %d: c[%d][%d] %a, want %a", k->isa,
                      p->m, p->n, p->taps, p->k, (int)g->to.act.kind, i, j, (double)got, (double)want);
        }
    }
}

/* The rows of C lie `gap` apart and what is between them must stay. */
static float *place_rows(const struct problem *p, void **c, int gap)
{
    float *out = guard_out(outputs, sizeof(float) * (size_t)(p->m * (p->n + gap)), 0);
    for (int i = 0; i < p->m; i++)
        c[i] = out + i * (p->n + gap) + gap;
    return out;
}

static void check_gaps(const struct kernels *k, const struct problem *p, const float *out, int gap)
{
    size_t bytes = sizeof(float) * (size_t)(p->m * (p->n + gap));
    CHECK_MSG(guard_intact(outputs, out, bytes), "%s: written before C", k->isa);
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < gap * (int)sizeof(float); j++)
            CHECK_MSG(((const unsigned char *)(out + i * (p->n + gap)))[j] == 0xa5, "%s n %d: written behind row %d",
                      k->isa, p->n, i - 1);
}

static bool is_even(const struct kernels *k, const struct kernel_gemm *g)
{
    const char *const *a = (const char *const *)g->a;
    bool even = k->gemm_f32->even && g->m % k->gemm_f32->mr == 0 && !g->to.add_last;
    for (int i = 1; i < g->m; i++)
        even = even && a[i] - a[i - 1] == a[1] - a[0];
    return even;
}

/* Even rows with their first pointers alone. */
static void run_even(const struct kernels *k, struct kernel_gemm g)
{
    const void *a[MAX_M] = {g.a[0]}, *add[MAX_M] = {g.to.add ? g.to.add[0] : NULL};
    void *c[MAX_M] = {g.c[0]};
    g.even = true;
    g.a_step = (const char *)g.a[1] - (const char *)g.a[0];
    g.c_step = (char *)g.c[1] - (char *)g.c[0];
    g.add_step = g.to.add ? (const char *)g.to.add[1] - (const char *)g.to.add[0] : 0;
    g.a = a;
    g.c = c;
    g.to.add = g.to.add ? add : NULL;
    k->gemm_f32->run(&g);
}

static void run_problem(const struct kernels *k, const struct problem *p)
{
    size_t depth = (size_t)(p->taps * p->k), floats = kernel_gemm_packed(k, depth, (size_t)p->n);
    float *b = guard_floats(packed, floats);
    void *c[MAX_M];
    k->gemm_f32->pack(b, p->b, p->taps, (ptrdiff_t)p->k * p->n, p->k, p->n, p->n, 1);
    float *bias = guard_floats(biases, (size_t)p->n), *add = guard_floats(addends, (size_t)(p->m * p->n));
    guard_fill(bias, (size_t)p->n, 1);
    guard_fill(add, (size_t)(p->m * p->n), 1);
    const void *add_row[MAX_M];
    for (int i = 0; i < p->m; i++)
        add_row[i] = add + i * p->n;
    int gap = 1 + (int)(guard_random() % 3);
    float *out = place_rows(p, c, gap);
    unsigned choice = guard_random();
    struct kernel_gemm g = {.a = p->a, .tap = p->tap, .taps = p->taps, .k = p->k, .b = b, .c = c};
    g.m = p->m;
    g.n = p->n;
    g.to.bias = choice & 1 ? bias : NULL;
    g.to.add = choice & 2 ? add_row : NULL;
    g.to.add_last = p->m <= MAX_TILE && choice & 4;
    do
        g.to.act = chain_random_act();
    while (p->m > MAX_TILE && !kernel_act_is_quick(g.to.act));
    if (choice & 8) {
        g.fetch = packed.end - 100; /* into the forbidden page, which a prefetch may name */
        g.fetch_bytes = guard_random() % 2000;
    }
    if (is_even(k, &g))
        run_even(k, g);
    else
        k->gemm_f32->run(&g);
    check_outputs(k, p, &g);
    check_gaps(k, p, out, gap);
}

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

static void every_tile(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int m = 1; m <= k->gemm_f32->mr; m++) {
            for (int n = 1; n <= k->gemm_f32->nr; n++) {
                int before = (int)(guard_random() % 3) * k->gemm_f32->nr;
                make_problem(&problem, m, before + n, random_to(3), random_to(19));
                run_problem(k, &problem);
            }
        }
    }
}

/* Several tiles in one call. */
static void even_tiles(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int n = 1; k->gemm_f32->even && n <= MAX_N; n++) {
            make_problem(&problem, k->gemm_f32->mr * (2 + n % 2), n, random_to(3), random_to(19));
            run_problem(k, &problem);
        }
}

/* One row may meet several panels at a time. */
static void one_row(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int n = 1; n <= MAX_N; n++) {
            make_problem(&problem, 1, n, random_to(3), random_to(19));
            run_problem(k, &problem);
        }
}

/* Panels of more taps than are summed, in an order of their own. */
static void some_taps_of(int m, int panels)
{
    enum { TAPS = 5, DEPTH = 7 };
    static const int which[] = {4, 1, 2};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        static float all[TAPS * DEPTH * MAX_N];
        int nr = k->gemm_f32->nr, n = panels * nr < MAX_N ? panels * nr + 1 : MAX_N;
        guard_fill(all, (size_t)(TAPS * DEPTH * n), 1);
        make_problem(&problem, m < k->gemm_f32->mr ? m : k->gemm_f32->mr, n, 3, DEPTH);
        for (int t = 0; t < 3; t++)
            memcpy(problem.b + t * DEPTH * n, all + which[t] * DEPTH * n, sizeof(float) * DEPTH * (size_t)n);
        float *b = guard_floats(packed, kernel_gemm_packed(k, TAPS * DEPTH, (size_t)n));
        void *c[MAX_M];
        k->gemm_f32->pack(b, all, TAPS, DEPTH * n, DEPTH, n, n, 1);
        place_rows(&problem, c, 0);
        struct kernel_gemm g = {.a = problem.a, .tap = problem.tap, .taps = 3, .k = DEPTH, .b = b, .c = c};
        g.b_tap = which;
        g.b_taps = TAPS;
        g.m = problem.m;
        g.n = n;
        k->gemm_f32->run(&g);
        check_outputs(k, &problem, &g);
    }
}

static void some_taps(void)
{
    some_taps_of(MAX_TILE, 2);
    some_taps_of(1, 6);
}

static void every_depth(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int taps = 1; taps <= MAX_TAPS; taps++) {
            for (int depth = 1; depth <= 19; depth++) {
                make_problem(&problem, random_to(k->gemm_f32->mr), random_to(k->gemm_f32->nr), taps, depth);
                run_problem(k, &problem);
            }
        }
        make_problem(&problem, k->gemm_f32->mr, k->gemm_f32->nr, MAX_TAPS, MAX_K);
        run_problem(k, &problem);
    }
}

/* The residual may be the output itself. */
static void residual_in_place(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int pass = 0; pass < 6; pass++) {
            make_problem(&problem, k->gemm_f32->mr, k->gemm_f32->nr - 1, 1, 8);
            struct problem *p = &problem;
            float b[MAX_K * MAX_N * 2], c[MAX_M][MAX_N], before[MAX_M][MAX_N];
            void *row[MAX_M];
            const void *add[MAX_M], *old[MAX_M];
            k->gemm_f32->pack(b, p->b, 1, 0, p->k, p->n, p->n, 1);
            guard_fill(c[0], MAX_M * MAX_N, 1);
            memcpy(before, c, sizeof c);
            for (int i = 0; i < p->m; i++) {
                add[i] = row[i] = c[i];
                old[i] = before[i];
            }
            struct kernel_act act = {pass % 3 == 0 ? KERNEL_NONE : pass % 3 == 1 ? KERNEL_RELU : KERNEL_SILU, 1, 0};
            struct kernel_gemm g = {.a = p->a,
                                    .tap = p->tap,
                                    .taps = 1,
                                    .k = p->k,
                                    .b = b,
                                    .c = row,
                                    .m = p->m,
                                    .n = p->n,
                                    .to = {.add = add, .add_last = pass >= 3, .act = act}};
            k->gemm_f32->run(&g);
            g.to.add = old;
            check_outputs(k, p, &g);
        }
    }
}

/* Agreement with the oracle in double, which has its own packing. */
static void oracle(void)
{
    const struct kernels *k, *ref = kernel_reference();
    for (int l = 0; (k = guard_level(&l));) {
        for (int round = 0; round < 60; round++) {
            int m = random_to(k->gemm_f32->mr < ref->gemm_f32->mr ? k->gemm_f32->mr : ref->gemm_f32->mr),
                n = random_to(3 * ref->gemm_f32->nr);
            make_problem(&problem, m, n, random_to(3), random_to(MAX_K));
            struct problem *p = &problem;
            float b[3 * MAX_K * 40], bref[3 * MAX_K * 24], c[2][MAX_M][MAX_N];
            void *row[2][MAX_M];
            k->gemm_f32->pack(b, p->b, p->taps, (ptrdiff_t)p->k * n, p->k, n, n, 1);
            ref->gemm_f32->pack(bref, p->b, p->taps, (ptrdiff_t)p->k * n, p->k, n, n, 1);
            for (int i = 0; i < m; i++) {
                row[0][i] = c[0][i];
                row[1][i] = c[1][i];
            }
            struct kernel_gemm g = {.a = p->a, .tap = p->tap, .taps = p->taps, .k = p->k, .b = b, .c = row[0]};
            g.m = m;
            g.n = n;
            g.to.act.kind = round % 2 ? KERNEL_RELU : KERNEL_NONE;
            k->gemm_f32->run(&g);
            g.b = bref;
            g.c = row[1];
            ref->gemm_f32->run(&g);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    float size;
                    naive(k, p, &g, i, j, &size);
                    CHECK_MSG(fabsf(c[0][i][j] - c[1][i][j]) <= 0x1p-24f * (float)(p->taps * p->k + 2) * size,
                              "%s: %g, oracle %g", k->isa, (double)c[0][i][j], (double)c[1][i][j]);
                }
            }
        }
    }
}

/* NaN and infinity stay in their row, and no activation drops a NaN. */
static void not_a_number(void)
{
    static const struct kernel_act acts[] = {{KERNEL_NONE, 0, 0}, {KERNEL_RELU, 0, 0}, {KERNEL_CLIP, 0, 6}};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        for (int n = 1; n <= k->gemm_f32->nr; n += k->gemm_f32->nr - 1) {
            for (int act = 0; act < 3; act++) {
                make_problem(&problem, k->gemm_f32->mr, n, 1, 6);
                float a[MAX_M][6], b[MAX_K * MAX_N], c[MAX_M][MAX_N];
                void *row[MAX_M];
                k->gemm_f32->pack(b, problem.b, 1, 0, 6, n, n, 1);
                for (int i = 0; i < k->gemm_f32->mr; i++) {
                    guard_fill(a[i], 6, 1);
                    problem.a[i] = a[i];
                    row[i] = c[i];
                }
                a[0][3] = NAN;
                a[k->gemm_f32->mr - 1][5] = INFINITY;
                problem.tap[0] = 0;
                struct kernel_gemm g = {.a = problem.a,
                                        .tap = problem.tap,
                                        .taps = 1,
                                        .k = 6,
                                        .b = b,
                                        .c = row,
                                        .m = k->gemm_f32->mr,
                                        .n = n,
                                        .to.act = acts[act]};
                k->gemm_f32->run(&g);
                check_outputs(k, &problem, &g);
                for (int j = 0; j < n; j++)
                    CHECK_MSG(isnan(c[0][j]), "%s act %d: %g", k->isa, act, (double)c[0][j]);
            }
        }
    }
}

/* The columns of panel p that b's definition in kernel.h gives. */
static int panel_columns(const struct kernels *k, int n, int p)
{
    return n - p * k->gemm_f32->nr > k->vector ? k->gemm_f32->nr : k->vector;
}

static void check_packing(const struct kernels *k, int taps, int depth, int n, bool by_columns)
{
    float b[3 * 5 * 100];
    guard_fill(b, 3 * 5 * 100, 1);
    ptrdiff_t tap_step = by_columns ? 1 : (ptrdiff_t)depth * n, k_step = by_columns ? taps : n;
    ptrdiff_t n_step = by_columns ? (ptrdiff_t)taps * depth : 1;
    size_t floats = kernel_gemm_packed(k, (size_t)(taps * depth), (size_t)n);
    float *to = guard_out(packed, floats * sizeof(float), 0), *at = to;
    k->gemm_f32->pack(to, b, taps, tap_step, depth, k_step, n, n_step);
    CHECK_MSG(guard_intact(packed, to, floats * sizeof(float)), "%s: written before the panels", k->isa);
    for (int p = 0; p * k->gemm_f32->nr < n; p++) {
        CHECK(at == to + p * taps * depth * k->gemm_f32->nr);
        for (int i = 0; i < taps * depth; i++) {
            for (int j = 0; j < panel_columns(k, n, p); j++, at++) {
                int column = p * k->gemm_f32->nr + j;
                float want = column < n ? b[i / depth * tap_step + i % depth * k_step + column * n_step] : 0;
                CHECK_MSG(*at == want, "%s taps %d k %d n %d: panel %d, row %d, column %d", k->isa, taps, depth, n, p,
                          i, j);
            }
        }
    }
    CHECK_MSG(at == to + floats, "%s: %zu floats promised, %td used", k->isa, floats, at - to);
}

static void packing(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int n = 1; n <= 100; n += n < 70 ? 1 : 9)
            for (int taps = 1; taps <= 3; taps += 2)
                for (int columns = 0; columns < 2; columns++)
                    check_packing(k, taps, random_to(5), n, columns);
    for (int n = 1; n <= 20; n++)
        check_packing(kernel_reference(), 3, 4, n, n % 2);
}

int main(void)
{
    rows = guard_new(sizeof(float) * MAX_M * (MAX_K + 40));
    packed = guard_new(sizeof(float) * MAX_TAPS * MAX_K * 128);
    outputs = guard_new(sizeof(float) * MAX_M * (MAX_N + 4));
    addends = guard_new(sizeof(float) * MAX_M * MAX_N);
    biases = guard_new(sizeof(float) * MAX_N);
    RUN(every_tile);
    RUN(every_depth);
    RUN(even_tiles);
    RUN(one_row);
    RUN(some_taps);
    RUN(residual_in_place);
    RUN(oracle);
    RUN(not_a_number);
    RUN(packing);
    return TEST_END();
}
