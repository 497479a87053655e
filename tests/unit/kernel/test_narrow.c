/* Weights in fewer bits, for every level and the oracle: widened they are what they stand for, and products of a few
 * rows have the bits that gemm_f32 gives with them widened. */
#include "base/half.h"
#include "guard.h"

#define MAX_N 104
#define MAX_K 100

struct matrix {
    struct kernel_narrow w;
    int k, n;
    int q[MAX_K][MAX_N];       /* S8: a byte; U4: 0 to 15; halves: their bits */
    float scale[MAX_K][MAX_N]; /* of each block */
    int32_t zero[MAX_K][MAX_N];
};

static struct guard narrow, wide, rows, outputs;
static struct matrix matrix;

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

static void make_matrix(struct matrix *m, enum kernel_type type)
{
    m->k = random_to(MAX_K);
    m->n = random_to(MAX_N);
    m->w = (struct kernel_narrow){.type = type, .block = random_to(m->k)};
    m->w.zero = guard_random() % 2 ? (int32_t)(guard_random() % 16) : 0;
    m->w.has_zeros = guard_random() % 2 && (type == KERNEL_S8 || type == KERNEL_U4);
    for (int i = 0; i < m->k; i++)
        for (int j = 0; j < m->n; j++) {
            m->scale[i][j] = guard_random_float(0.1f);
            m->zero[i][j] = !m->w.has_zeros     ? m->w.zero
                            : type == KERNEL_S8 ? (int32_t)(guard_random() % 511) - 255
                                                : (int32_t)(guard_random() % 16);
            m->q[i][j] = type == KERNEL_S8   ? (int)(guard_random() % 256) - 128
                         : type == KERNEL_U4 ? (int)(guard_random() % 16)
                                             : (int)(guard_random() % 0x4000 + 0x1000);
        }
}

static float weight(const struct matrix *m, int i, int j)
{
    int block = i / m->w.block;
    if (m->w.type == KERNEL_F16)
        return half_f16_to_f32((uint16_t)m->q[i][j]);
    if (m->w.type == KERNEL_BF16)
        return half_bf16_to_f32((uint16_t)m->q[i][j]);
    return ((float)m->q[i][j] - (float)m->zero[block][j]) * m->scale[block][j];
}

/* Four rows of halves of bytes take the room of two. */
static unsigned char *pack_row(unsigned char *to, const struct matrix *m, int i, int first, int nr)
{
    int row = i % m->w.block, size = m->w.type == KERNEL_U4 ? 2 * nr : m->w.type == KERNEL_S8 ? nr : 2 * nr;
    if (m->w.type != KERNEL_U4 || row % 4 == 0)
        memset(to, 0, (size_t)size);
    for (int j = 0; j < nr && first + j < m->n; j++)
        if (m->w.type == KERNEL_S8)
            to[j] = (unsigned char)m->q[i][first + j];
        else if (m->w.type == KERNEL_U4)
            to[row % 2 * nr + j] |= (unsigned char)(m->q[i][first + j] << row % 4 / 2 * 4);
        else
            memcpy(to + 2 * j, &(uint16_t){(uint16_t)m->q[i][first + j]}, 2);
    return m->w.type != KERNEL_U4 || row % 4 == 3 || row + 1 == m->w.block || i + 1 == m->k ? to + size : to;
}

static unsigned char *pack_head(unsigned char *to, const struct matrix *m, int block, int first, int nr)
{
    int size = (int)sizeof(float), zero_size = m->w.type == KERNEL_S8 ? size : 1;
    for (int j = 0; j < nr; j++) {
        int column = first + j < m->n ? first + j : 0;
        const int32_t *zero = &m->zero[block][column];
        memcpy(to + j * size, &m->scale[block][column], sizeof(float));
        for (int half = 0; m->w.has_zeros && half < (m->w.type == KERNEL_S8 ? 1 : 2); half++)
            memcpy(to + nr * size + (half * nr + j) * zero_size,
                   zero_size == 1 ? &(char){(char)*zero} : (const void *)zero, (size_t)zero_size);
    }
    return to + nr * (size + (!m->w.has_zeros ? 0 : m->w.type == KERNEL_S8 ? size : 2));
}

/* The panels, with the last byte before the forbidden page. */
static void *pack(const struct matrix *m, int nr)
{
    size_t panel = kernel_narrow_bytes(&m->w, (size_t)m->k, (size_t)nr);
    unsigned char *start = narrow.end - panel * (size_t)((m->n + nr - 1) / nr), *to = start;
    for (int first = 0; first < m->n; first += nr)
        for (int i = 0; i < m->k; i++) {
            if (i % m->w.block == 0 && (m->w.type == KERNEL_S8 || m->w.type == KERNEL_U4))
                to = pack_head(to, m, i / m->w.block, first, nr);
            to = pack_row(to, m, i, first, nr);
        }
    return start;
}

static void check_wide(const struct kernels *k, const struct matrix *m, const float *panels)
{
    int nr = k->gemm_f32->nr;
    for (int j = 0; j < m->n; j++) {
        int first = j / nr * nr, columns = m->n - first > k->gemm_f32->vector ? nr : k->gemm_f32->vector;
        for (int i = 0; i < m->k; i++) {
            float got = panels[first * m->k + i * columns + j - first], want = weight(m, i, j);
            CHECK_MSG(got == want, "%s type %d k %d n %d block %d: [%d][%d] %g, want %g", k->isa, (int)m->w.type, m->k,
                      m->n, m->w.block, i, j, (double)got, (double)want);
        }
    }
}

static void check_product(const struct kernels *k, const struct matrix *m, const void *panels, const float *floats)
{
    int count = random_to(KERNEL_NARROW_ROWS);
    float *a = guard_floats(rows, (size_t)(count * m->k)), want[KERNEL_NARROW_ROWS * MAX_N];
    float bias[MAX_N], *out = guard_out(outputs, sizeof(float) * (size_t)(count * m->n), 0);
    const void *row[KERNEL_NARROW_ROWS];
    void *c[KERNEL_NARROW_ROWS];
    static const ptrdiff_t tap[1] = {0};
    guard_fill(a, (size_t)(count * m->k), 1);
    guard_fill(bias, (size_t)m->n, 1);
    struct kernel_gemm g = {.a = row, .tap = tap, .taps = 1, .k = m->k, .b = floats, .c = c, .m = count, .n = m->n};
    g.to.bias = guard_random() % 2 ? bias : NULL;
    g.to.act.kind = guard_random() % 2 ? KERNEL_RELU : KERNEL_SIGMOID;
    for (int i = 0; i < count; i++) {
        row[i] = a + i * m->k;
        c[i] = want + i * m->n;
    }
    k->gemm_f32->run(&g);
    for (int i = 0; i < count; i++)
        c[i] = out + i * m->n;
    g.b = panels;
    k->gemm_narrow_f32(&g, &m->w);
    CHECK_MSG(memcmp(out, want, sizeof(float) * (size_t)(count * m->n)) == 0, "%s type %d m %d k %d n %d block %d",
              k->isa, (int)m->w.type, count, m->k, m->n, m->w.block);
    CHECK_MSG(guard_intact(outputs, out, sizeof(float) * (size_t)(count * m->n)), "%s: written elsewhere", k->isa);
}

static void check_level(const struct kernels *k, enum kernel_type type)
{
    make_matrix(&matrix, type);
    void *panels = pack(&matrix, k->gemm_f32->nr);
    size_t floats = kernel_product_packed(k->gemm_f32, 1, (size_t)matrix.k, (size_t)matrix.n) / sizeof(float);
    float *to = guard_floats(wide, floats);
    k->widen_narrow_f32(to, panels, &matrix.w, matrix.k, matrix.n);
    check_wide(k, &matrix, to);
    check_product(k, &matrix, panels, to);
}

static void every_level(void)
{
    static const enum kernel_type types[] = {KERNEL_S8, KERNEL_U4, KERNEL_F16, KERNEL_BF16};
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int round = 0; round < 400; round++)
            check_level(k, types[round % 4]);
    for (int round = 0; round < 100; round++)
        check_level(kernel_reference(), types[round % 4]);
}

int main(void)
{
    narrow = guard_new((MAX_N + 64) * MAX_K * 9);
    wide = guard_new((MAX_N + 64) * MAX_K * sizeof(float));
    rows = guard_new(KERNEL_NARROW_ROWS * MAX_K * sizeof(float));
    outputs = guard_new(KERNEL_NARROW_ROWS * MAX_N * sizeof(float));
    RUN(every_level);
    return TEST_END();
}
