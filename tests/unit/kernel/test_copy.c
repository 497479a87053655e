/* Transposes, conversions of every level, and strided copies of every shape. */
#include "guard.h"

#define MAX_BYTES 40000

static struct guard in_guard, out_guard;
static unsigned char want[MAX_BYTES];

/* ---- transpose_32 ---- */

static void check_transpose(const struct kernels *k, size_t rows, size_t columns, size_t in_gap, size_t out_gap)
{
    size_t in_step = columns + in_gap, out_step = rows + out_gap;
    size_t in_size = (rows - 1) * in_step + columns, out_size = (columns - 1) * out_step + rows;
    uint32_t *in = (void *)guard_floats(in_guard, in_size), *out = guard_out(out_guard, out_size * 4, rows % 3 * 4);
    for (size_t i = 0; i < in_size; i++)
        in[i] = (uint32_t)i;
    memset(want, 0xa5, out_size * 4); /* the gaps stay as they are */
    kernel_reference()->transpose_32(want, (ptrdiff_t)out_step, in, (ptrdiff_t)in_step, rows, columns);
    k->transpose_32(out, (ptrdiff_t)out_step, in, (ptrdiff_t)in_step, rows, columns);
    CHECK_MSG(memcmp(out, want, out_size * 4) == 0, "%s %zu x %zu gaps %zu %zu", k->isa, rows, columns, in_gap,
              out_gap);
    CHECK_MSG(guard_intact(out_guard, out, out_size * 4), "%s %zu x %zu writes elsewhere", k->isa, rows, columns);
}

static void transpose(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t rows = 1; rows < 39; rows++)
            for (size_t columns = 1; columns < 39; columns++)
                check_transpose(k, rows, columns, columns % 4, rows % 3);
}

static void transpose_large(void)
{
    static const size_t sizes[][2] = {{3, 1500}, {1500, 3}, {64, 99}, {99, 64}, {4, 1001}, {70, 130}};
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
            check_transpose(k, sizes[i][0], sizes[i][1], 0, 0);
}

/* ---- conversions ---- */

static bool same_half(uint16_t a, uint16_t b)
{
    bool a_nan = (a & 0x7fff) > 0x7c00, b_nan = (b & 0x7fff) > 0x7c00;
    return a_nan && b_nan ? true : a == b;
}

static void check_widen(const char *isa, void (*got)(float *, const uint16_t *, size_t),
                        void (*expected)(float *, const uint16_t *, size_t), size_t first, size_t n)
{
    uint16_t *in = (uint16_t *)(void *)in_guard.end - n;
    float *out = guard_out(out_guard, n * 4, n % 4 * 4), *reference = (void *)want;
    for (size_t i = 0; i < n; i++)
        in[i] = (uint16_t)(first + i);
    got(out, in, n);
    CHECK_MSG(guard_intact(out_guard, out, n * 4), "%s n %zu writes elsewhere", isa, n);
    expected(reference, in, n);
    CHECK_CLOSE(out, reference, n, 0, 0, "%s from %zu", isa, first);
}

static void widen(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t first = 0, n = 1; first < 65536; first += n, n = n < 70 ? n + 1 : 4000) {
            check_widen(k->isa, k->f16_to_f32, kernel_reference()->f16_to_f32, first, n);
            check_widen(k->isa, k->bf16_to_f32, kernel_reference()->bf16_to_f32, first, n);
        }
}

/* Every half, its neighbours, the ties between and random floats. */
static void fill_for_halves(float *in, size_t n, size_t first)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t half = (uint16_t)((first + i) * 13);
        uint32_t bits = i % 8 == 7 ? guard_random() : 0;
        if (bits == 0) {
            float value;
            kernel_reference()->f16_to_f32(&value, &half, 1);
            memcpy(&bits, &value, 4);
            bits += i % 3 == 1 ? 0x1000u : i % 3 == 2 ? guard_random() % 0x3000 : 0;
        }
        memcpy(&in[i], &bits, 4);
    }
}

static void narrow(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t first = 0, n = 1; first < 65536; first += n, n = n < 70 ? n + 1 : 4000) {
            float *in = guard_floats(in_guard, n);
            uint16_t *out = guard_out(out_guard, n * 2, n % 4 * 2), *reference = (void *)want;
            fill_for_halves(in, n, first);
            k->f32_to_f16(out, in, n);
            CHECK_MSG(guard_intact(out_guard, out, n * 2), "%s n %zu writes elsewhere", k->isa, n);
            kernel_reference()->f32_to_f16(reference, in, n);
            for (size_t i = 0; i < n; i++)
                CHECK_MSG(same_half(out[i], reference[i]), "%s %.9g: got %04x, want %04x", k->isa, in[i], out[i],
                          reference[i]);
        }
}

/* ---- kernel_copy ---- */

#define MAX_RANK 20

struct shape {
    int64_t dims[MAX_RANK];
    ptrdiff_t out[MAX_RANK], in[MAX_RANK];
    int rank;
};

static void naive(const struct shape *s, int axis, unsigned char *out, const unsigned char *in, ptrdiff_t size,
                  int64_t first, int64_t last)
{
    if (axis == s->rank) {
        memcpy(out, in, (size_t)size);
        return;
    }
    for (int64_t i = first; i < last; i++)
        naive(s, axis + 1, out + i * s->out[axis] * size, in + i * s->in[axis] * size, size, 0,
              axis + 1 < s->rank ? s->dims[axis + 1] : 0);
}

/* Steps of a dense layout in a random order of the axes, with gaps; returns elements spanned. */
static ptrdiff_t random_layout(const struct shape *s, ptrdiff_t *step)
{
    int order[MAX_RANK];
    ptrdiff_t next = 1;
    for (int i = 0; i < s->rank; i++)
        order[i] = i;
    for (int i = s->rank - 1; i > 0 && guard_random() % 3; i--) {
        int j = (int)(guard_random() % (uint32_t)(i + 1)), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    for (int i = s->rank - 1; i >= 0; i--) {
        step[order[i]] = next;
        next = next * s->dims[order[i]] + (guard_random() % 6 == 0);
        if (i == s->rank - 1 && guard_random() % 8 == 0)
            next *= 2;
    }
    return next;
}

/* What an axis of the input may be besides: broadcast or reversed. Moves *origin. */
static void vary_input(struct shape *s, ptrdiff_t *origin)
{
    for (int i = 0; i < s->rank; i++) {
        uint32_t choice = guard_random() % 10;
        if (choice == 0) {
            s->in[i] = 0;
        } else if (choice == 1) {
            *origin += (s->dims[i] - 1) * s->in[i];
            s->in[i] = -s->in[i];
        }
    }
}

static ptrdiff_t span(const struct shape *s, const ptrdiff_t *step)
{
    ptrdiff_t last = 0;
    for (int i = 0; i < s->rank; i++)
        last += step[i] > 0 ? (s->dims[i] - 1) * step[i] : 0;
    return last + 1;
}

static void random_shape(struct shape *s, int rank)
{
    int64_t total = 1;
    s->rank = rank;
    for (int i = 0; i < rank; i++) {
        int64_t most = 1200 / total;
        s->dims[i] = 1 + guard_random() % (most > 40 ? 40 : (uint64_t)most);
        if (guard_random() % 5 == 0)
            s->dims[i] = most < 3 ? most : 3;
        total *= s->dims[i];
    }
}

static void check_copy(const struct kernels *k, const struct shape *s, ptrdiff_t origin, ptrdiff_t in_span,
                       size_t element)
{
    ptrdiff_t size = (ptrdiff_t)element;
    size_t out_size = (size_t)(span(s, s->out) * size);
    unsigned char *in = in_guard.end - in_span * size;
    unsigned char *out = guard_out(out_guard, out_size, guard_random() % 2 * element);
    for (ptrdiff_t i = 0; i < in_span * size; i++)
        in[i] = (unsigned char)guard_random();
    in += origin * size;
    int64_t n = s->rank ? s->dims[0] : 1, cut = guard_random() % (uint64_t)(n + 1);
    memset(want, 0xa5, out_size);
    naive(s, 0, want, in, size, 0, n);
    kernel_copy(k, out, s->out, in, s->in, s->dims, s->rank, element, 0, cut);
    kernel_copy(k, out, s->out, in, s->in, s->dims, s->rank, element, cut, n);
    CHECK_MSG(memcmp(out, want, out_size) == 0, "%s rank %d element %zu dims %d %d %d", k->isa, s->rank, element,
              (int)s->dims[0], (int)s->dims[1], (int)s->dims[2]);
    CHECK_MSG(guard_intact(out_guard, out, out_size), "%s rank %d writes elsewhere", k->isa, s->rank);
}

static void copies(void)
{
    for (int round = 0; round < 3000; round++) {
        int next = 0;
        struct shape s = {.rank = 0};
        ptrdiff_t origin = 0, in_span;
        random_shape(&s, (int)(guard_random() % 6));
        random_layout(&s, s.out);
        random_layout(&s, s.in);
        in_span = span(&s, s.in);
        vary_input(&s, &origin);
        size_t element = 1u << guard_random() % 5;
        if ((size_t)span(&s, s.out) * element > MAX_BYTES || (size_t)in_span * element > MAX_BYTES)
            continue;
        for (const struct kernels *k; (k = guard_level(&next));)
            check_copy(k, &s, origin, in_span, element);
    }
}

/* More axes than the copy keeps at once, all of two elements but a few. */
static void many_axes(void)
{
    const struct kernels *k = kernel_reference();
    struct shape s = {.rank = MAX_RANK};
    for (int i = 0; i < MAX_RANK; i++)
        s.dims[i] = i % 2 ? 1 : 2;
    ptrdiff_t out = 1, in = 1;
    for (int i = 0; i < MAX_RANK; i++) {
        s.in[i] = in;
        s.out[MAX_RANK - 1 - i] = out;
        in *= s.dims[i];
        out *= s.dims[MAX_RANK - 1 - i];
    }
    check_copy(k, &s, 0, in, 4);
}

static void nothing(void)
{
    const int64_t dims[] = {4, 0, 3}, slices[] = {4, 2};
    const ptrdiff_t step[] = {6, 3, 1};
    unsigned char byte = 7, from = 9;
    kernel_copy(kernel_reference(), &byte, step, &from, step, dims, 3, 1, 0, 4);
    kernel_copy(kernel_reference(), &byte, step, &from, step, slices, 2, 1, 2, 2);
    CHECK(byte == 7);
    kernel_copy(kernel_reference(), &byte, NULL, &from, NULL, NULL, 0, 1, 0, 1);
    CHECK(byte == 9);
}

int main(void)
{
    in_guard = guard_new(MAX_BYTES);
    out_guard = guard_new(MAX_BYTES + 64);
    RUN(transpose);
    RUN(transpose_large);
    RUN(widen);
    RUN(narrow);
    RUN(copies);
    RUN(many_axes);
    RUN(nothing);
    return TEST_END();
}
