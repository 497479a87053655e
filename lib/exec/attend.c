/* Attention without a matrix of scores: some queries meet one block of keys after the other, whose scores lie in the
 * thread's scratch memory. K and V are packed by a step before, block by block. */
#include "exec/attend.h"

#include <math.h>
#include <string.h>

#include "exec/gemm_cut.h"

/* Keys of a block at most, and queries that meet it together at most: scores, K and V stay in the caches. */
#define BLOCK_KEYS    256
#define BLOCK_QUERIES 48

struct attend_args {
    struct attend_job job;
    const struct kernels *kernels;
    const struct kernel_product *to_scores, *to_sums;
    int size, columns;
    int64_t queries, keys, matrices; /* matrices: of K and of V */
    int64_t blocks, block;           /* of keys, and how many are in each but the last */
    int64_t tiles;                   /* of queries, for each matrix of out */
    int together, most;              /* queries of each but the last, and of any at most */
    size_t k_bytes, v_bytes;         /* of a packed block */
    struct view packed;              /* [matrices][blocks] of K, then V */
};

static int64_t block_keys(const struct attend_args *a, int64_t block)
{
    int64_t left = a->keys - block * a->block;
    return left < a->block ? left : a->block;
}

static char *packed_block(const struct attend_args *a, int64_t matrix, int64_t block)
{
    return (char *)view_data(&a->packed) + (size_t)(matrix * a->blocks + block) * (a->k_bytes + a->v_bytes);
}

/* ---- packing ---- */

static void pack_block(const struct attend_args *a, int64_t matrix, int64_t block, bool of_values)
{
    const struct view *from = of_values ? &a->job.v : &a->job.k;
    int row = from->rank - 2, column = from->rank - 1, keys = (int)block_keys(a, block);
    const float *b = (const float *)view_data(from) + view_matrix(from, from, matrix);
    char *to = packed_block(a, matrix, block);
    b += block * a->block * from->stride[of_values ? row : column];
    if (of_values)
        a->to_sums->pack(to + a->k_bytes, b, 1, 0, keys, from->stride[row], a->columns, from->stride[column]);
    else
        a->to_scores->pack(to, b, 1, 0, a->size, from->stride[row], keys, from->stride[column]);
}

static void run_pack(const struct step *s, struct tile tile)
{
    const struct attend_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++)
        pack_block(a, i / 2 / a->blocks, i / 2 % a->blocks, i % 2);
}

/* ---- queries ---- */

/* Some queries of a matrix. */
struct queries {
    int count;
    int64_t first;
    const void *q[BLOCK_QUERIES];
    float *scores[BLOCK_QUERIES], *out[BLOCK_QUERIES];
    const float *mask[BLOCK_QUERIES];
    int seen[BLOCK_QUERIES];
    float largest[BLOCK_QUERIES], sum[BLOCK_QUERIES];
};

static void find_queries(const struct attend_args *a, int64_t matrix, float *scores, struct queries *q)
{
    const struct attend_job *j = &a->job;
    int row = j->out.rank - 2;
    const float *from = (const float *)view_data(&j->q) + view_matrix(&j->q, &j->out, matrix);
    float *to = (float *)view_data(&j->out) + view_matrix(&j->out, &j->out, matrix);
    const float *mask =
        j->mask.buffer ? (const float *)view_data(&j->mask) + view_matrix(&j->mask, &j->out, matrix) : NULL;
    for (int i = 0; i < q->count; i++) {
        q->q[i] = from + (q->first + i) * j->q.stride[row];
        q->out[i] = to + (q->first + i) * j->out.stride[row];
        q->mask[i] = mask ? mask + (q->first + i) * j->mask.stride[row] : NULL;
        q->scores[i] = scores + i * a->block;
        q->largest[i] = -INFINITY;
        q->sum[i] = 0;
    }
}

/* One product for all queries; rows of A and C are so many floats apart. */
static void multiply(const struct kernel_product *product, const struct queries *q, const void *const *a,
                     ptrdiff_t a_step, float *const *c, ptrdiff_t c_step, struct kernel_gemm g)
{
    static const ptrdiff_t no_tap[1] = {0};
    const void *const *add = g.to.add;
    g.tap = no_tap;
    g.taps = 1;
    g.a_step = a_step * (ptrdiff_t)sizeof(float);
    g.c_step = g.add_step = c_step * (ptrdiff_t)sizeof(float);
    for (int first = 0; first < q->count; first += g.m) {
        g.m = gemm_next_rows(product, q->count - first, true);
        g.even = product->even && g.m % product->mr == 0;
        g.a = a + first;
        g.c = (void *const *)(c + first);
        g.to.add = add ? add + first : NULL;
        product->run(&g);
    }
}

/* The keys of a block that each query sees; false when none does see one. */
static bool find_seen(const struct attend_args *a, struct queries *q, int64_t block, int64_t keys)
{
    bool any = false;
    for (int i = 0; i < q->count; i++) {
        int64_t seen = q->first + i + 1 - block * a->block;
        q->seen[i] = seen < 0 ? 0 : seen < keys ? (int)seen : (int)keys;
        any |= seen > 0;
    }
    return any;
}

static void meet_block(const struct attend_args *a, struct queries *q, int64_t matrix, int64_t block)
{
    const struct view *mask = &a->job.mask;
    int64_t keys = block_keys(a, block);
    const char *packed = packed_block(a, matrix, block);
    if (a->job.causal && !find_seen(a, q, block, keys) && block > 0)
        return;
    ptrdiff_t mask_step = mask->buffer ? mask->stride[mask->rank - 1] : 0;
    int row = a->job.out.rank - 2;
    multiply(a->to_scores, q, q->q, a->job.q.stride[row], q->scores, a->block,
             (struct kernel_gemm){.k = a->size, .b = packed, .n = (int)keys});
    a->kernels->attend_f32(&(struct kernel_attend_f32){.rows = q->count,
                                                       .n = (size_t)keys,
                                                       .scores = q->scores[0],
                                                       .step = a->block,
                                                       .scale = a->job.scale,
                                                       .mask = mask->buffer ? q->mask : NULL,
                                                       .mask_step = mask_step != 0,
                                                       .seen = a->job.causal ? q->seen : NULL,
                                                       .largest = q->largest,
                                                       .sum = q->sum,
                                                       .out = q->out,
                                                       .columns = block > 0 ? (size_t)a->columns : 0});
    for (int i = 0; mask_step && i < q->count; i++)
        q->mask[i] += keys;
    multiply(a->to_sums, q, (const void *const *)q->scores, a->block, q->out, a->job.out.stride[row],
             (struct kernel_gemm){.k = (int)keys,
                                  .b = packed + a->k_bytes,
                                  .n = a->columns,
                                  .to.add = block > 0 ? (const void *const *)q->out : NULL});
}

static int64_t first_query(const struct attend_args *a, int64_t tile)
{
    return tile < a->tiles ? tile * a->together : a->queries;
}

static void run_attend(const struct step *s, struct tile tile)
{
    const struct attend_args *a = s->args;
    struct queries q;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t matrix = i / a->tiles, part = i % a->tiles;
        q.first = first_query(a, part);
        q.count = (int)(first_query(a, part + 1) - q.first);
        find_queries(a, matrix, tile.scratch, &q);
        for (int64_t b = 0; b < a->blocks; b++)
            meet_block(a, &q, view_matrix_index(&a->job.k, &a->job.out, matrix), b);
        for (int r = 0; r < q.count; r++) {
            float factor = q.sum[r] == 0 && a->job.empty_is_zero ? 0 : 1 / q.sum[r];
            a->kernels->scale_rows_f32(q.out[r], q.out[r], &factor, 0, 1, (size_t)a->columns);
        }
    }
}

/* ---- steps ---- */

/* Blocks nearly even, of whole panels; queries by whole tiles, of which the last one takes a few more. */
static void cut(struct attend_args *a)
{
    int panel = a->to_scores->nr, rows = a->to_scores->mr;
    a->together = BLOCK_QUERIES / rows * rows;
    a->blocks = (a->keys + BLOCK_KEYS - 1) / BLOCK_KEYS;
    a->block = (a->keys + a->blocks - 1) / a->blocks;
    a->block = (a->block + panel - 1) / panel * panel;
    a->blocks = (a->keys + a->block - 1) / a->block;
    a->tiles = (a->queries + a->together - 1) / a->together;
    int64_t rest = a->queries % a->together;
    if (a->tiles > 1 && rest > 0 && rest <= BLOCK_QUERIES - a->together)
        a->tiles--;
    a->most = a->queries < BLOCK_QUERIES ? (int)a->queries : BLOCK_QUERIES;
}

static int emit_pack(struct plan *p, const struct node *n, struct attend_args *a, struct error *err)
{
    size_t bytes;
    a->k_bytes = kernel_product_packed(a->to_scores, 1, (size_t)a->size, (size_t)a->block);
    a->v_bytes = kernel_product_packed(a->to_sums, 1, (size_t)a->block, (size_t)a->columns);
    if (!mem_mul(a->k_bytes + a->v_bytes, (size_t)(a->matrices * a->blocks), &bytes))
        return error_set(err, "the keys are too large");
    if (plan_scratch(p, bytes, &a->packed, err) < 0)
        return -1;
    int64_t units = a->matrices * a->blocks * 2;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "pack_f32",
                                    .run = run_pack,
                                    .args = a,
                                    .units = units,
                                    .tiles = plan_tiles(a->matrices * a->keys * (a->size + a->columns), 16384, units)},
                     err, PLAN_WRITES(&a->packed, &a->job.k, &a->job.v));
}

/* MACs of a tile at least. */
#define GRAIN 500000

int attend_emit(struct plan *p, const struct node *n, const struct attend_job *job, struct error *err)
{
    struct attend_args *a = plan_alloc(p, sizeof *a, err);
    int rank = job->out.rank;
    if (!a)
        return -1;
    *a = (struct attend_args){.job = *job,
                              .kernels = p->kernels,
                              .size = (int)job->q.dims[rank - 1],
                              .columns = (int)job->out.dims[rank - 1],
                              .queries = job->q.dims[rank - 2],
                              .keys = job->k.dims[rank - 1],
                              .matrices = view_matrices(&job->k)};
    a->to_scores = kernel_gemm_f32(p->kernels, (size_t)a->keys);
    a->to_sums = kernel_gemm_f32(p->kernels, (size_t)a->columns);
    cut(a);
    if (emit_pack(p, n, a, err) < 0)
        return -1;
    int64_t units = view_matrices(&job->out) * a->tiles;
    double macs = (double)view_matrices(&job->out) * (double)a->queries * (double)a->keys * (a->size + a->columns);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "attend_f32",
                                    .run = run_attend,
                                    .args = a,
                                    .units = units,
                                    .tiles = plan_tiles(macs, GRAIN, units),
                                    .scratch = (size_t)a->most * (size_t)a->block * sizeof(float),
                                    .macs = macs},
                     err, PLAN_WRITES(&job->out, &job->q, &job->mask, &a->packed));
}
