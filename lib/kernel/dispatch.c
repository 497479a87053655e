/* The levels compiled in, and the choice of one at run time. */
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "kernel/kernel.h"

extern const struct kernels kernels_generic, kernels_avx2, kernels_avxvnni, kernels_avx512, kernels_avx512vnni,
    kernels_avx512vbmi, kernels_amx, kernels_neon, kernels_dotprod, kernels_i8mm;

static const struct kernels *const levels[] = {
#if defined(__x86_64__)
    &kernels_amx,        &kernels_avx512vbmi,
    &kernels_avx512vnni, &kernels_avx512,
    &kernels_avxvnni,    &kernels_avx2,
#elif defined(__aarch64__)
    &kernels_i8mm, &kernels_dotprod, &kernels_neon,
#endif
    &kernels_generic,    NULL};

const struct kernels *const *kernel_levels(void)
{
    return levels;
}

static bool is_usable(const struct kernels *k)
{
    return (cpu_features() & k->needs) == k->needs;
}

/* "avx512, avx2, generic", as far as usable and as it fits. */
static const char *usable_names(char *names, size_t size)
{
    size_t used = 0;
    names[0] = '\0';
    for (int i = 0; levels[i]; i++) {
        size_t n = strlen(levels[i]->isa);
        if (!is_usable(levels[i]) || used + n + 3 > size)
            continue;
        if (used) {
            memcpy(names + used, ", ", 2);
            used += 2;
        }
        memcpy(names + used, levels[i]->isa, n + 1);
        used += n;
    }
    return names;
}

const struct kernels *kernel_select(const char *isa, struct error *err)
{
    bool known = false;
    for (int i = 0; levels[i]; i++) {
        bool named = !isa || !isa[0] || strcmp(isa, levels[i]->isa) == 0;
        if (named && is_usable(levels[i]))
            return levels[i];
        known |= named;
    }
    char names[128];
    usable_names(names, sizeof names);
    error_set(err, "instruction set '%.40s': %s; want one of %s", isa ? isa : "",
              known ? "this processor does not have it" : "not known", names);
    return NULL;
}

/* Above so many panels the wider vectors' fewer loads outweigh the lanes that a last panel leaves empty. */
#define HALF_PANELS 2

const struct kernel_product *kernel_gemm_f32(const struct kernels *k, size_t n)
{
    size_t panel = (size_t)k->gemm_f32->nr, rest = n % panel;
    bool narrow = n < HALF_PANELS * panel && rest > 0 && rest <= panel * 3 / 4;
    return narrow && cpu_halves_512() ? k->gemm_half_f32 : k->gemm_f32;
}

/* n rounded up to a multiple; false when that does not fit. */
static bool round_up(size_t n, size_t multiple, size_t *result)
{
    size_t rest = n % multiple;
    return mem_add(n, rest ? multiple - rest : 0, result);
}

static bool is_worth(const struct kernel_product *p, size_t rows, size_t depth, size_t n)
{
    return p && rows >= (size_t)p->least_rows && depth >= (size_t)p->least && n >= (size_t)p->least;
}

const struct kernel_product *kernel_gemm_weights(const struct kernels *k, size_t rows, size_t depth, size_t n)
{
    return is_worth(k->gemm_weights, rows, depth, n) ? k->gemm_weights : NULL;
}

/* Runs are filled up with zeros, at most by a third. */
const struct kernel_product *kernel_gemm_split(const struct kernels *k, size_t rows, size_t taps, size_t depth,
                                               size_t n)
{
    const struct kernel_product *s = k->gemm_split;
    size_t whole;
    bool fits = s && round_up(depth, (size_t)s->scratch_k, &whole) && whole - depth <= depth / 3;
    return fits && is_worth(s, rows, taps * depth, n) ? s : NULL;
}

const struct kernel_product *kernel_gemm_16(const struct kernels *k, enum kernel_type type)
{
    uint32_t has = cpu_features();
    return type == KERNEL_BF16 && has & CPU_BF16  ? k->gemm_bf16
           : type == KERNEL_F16 && has & CPU_FP16 ? k->gemm_f16
                                                  : NULL;
}

enum kernel_type kernel_fastest_type(const struct kernels *k)
{
    if (k->needs & CPU_AMX_BF16)
        return KERNEL_BF16;
    if (kernel_gemm_16(k, KERNEL_F16))
        return KERNEL_F16;
    return kernel_gemm_16(k, KERNEL_BF16) && cpu_features() & CPU_BF16_DOUBLE ? KERNEL_BF16 : KERNEL_F32;
}

size_t kernel_type_size(enum kernel_type type)
{
    return type == KERNEL_U8 || type == KERNEL_S8 ? 1 : type == KERNEL_BF16 || type == KERNEL_F16 ? 2 : 4;
}

size_t kernel_narrow_bytes(const struct kernel_narrow *w, size_t k, size_t nr)
{
    size_t block = (size_t)w->block, blocks = k / block + (k % block != 0), row = 2 * nr, head = 0, bytes;
    if (w->type == KERNEL_S8) {
        row = nr;
        head = (w->has_zeros ? 2 : 1) * sizeof(float) * nr;
    }
    if (w->type == KERNEL_U4) { /* rows by four */
        k = k / block * ((block + 3) / 4) + (k % block + 3) / 4;
        head = sizeof(float) * nr + (w->has_zeros ? row : 0);
    }
    bool fits = mem_mul(k, row, &bytes) && mem_mul(head, blocks, &head) && mem_add(bytes, head, &bytes);
    return fits ? bytes : 0;
}

size_t kernel_product_packed(const struct kernel_product *p, size_t taps, size_t k, size_t n)
{
    size_t panel = (size_t)p->nr, rest = n % panel, columns = n - rest, bytes, heads;
    if (rest)
        rest = rest <= (size_t)p->vector ? (size_t)p->vector : panel;
    bool fits = round_up(k, (size_t)p->kr, &k) && mem_add(columns, rest, &columns) && mem_mul(k, taps, &bytes) &&
                mem_mul(bytes, columns, &bytes) && mem_mul(bytes, kernel_type_size(p->b), &bytes) &&
                mem_mul(columns, (size_t)p->head, &heads) && mem_add(bytes, heads, &bytes);
    return fits ? bytes : 0;
}

size_t kernel_product_widened(const struct kernel_product *p, size_t taps, size_t k)
{
    size_t bytes;
    bool fits = round_up(k, (size_t)p->scratch_k, &k) && mem_mul(k, taps, &bytes) &&
                mem_mul(bytes, (size_t)p->nr * (size_t)p->widened, &bytes);
    return fits ? bytes : 0;
}

size_t kernel_product_scratch(const struct kernel_product *p, size_t rows, size_t taps, size_t k)
{
    size_t bytes, multiple = (size_t)(p->scratch_k ? p->scratch_k : p->kr);
    bool fits = round_up(k, multiple, &k) && round_up(rows, p->scratch_rows ? (size_t)p->scratch_rows : 1, &rows) &&
                mem_mul(k, taps, &bytes) && mem_mul(bytes, rows, &bytes) && mem_mul(bytes, (size_t)p->scratch, &bytes);
    return fits ? bytes : SIZE_MAX;
}

size_t kernel_gemm_packed(const struct kernels *k, size_t depth, size_t n)
{
    return kernel_product_packed(k->gemm_f32, 1, depth, n) / sizeof(float);
}

size_t kernel_depthwise_packed(const struct kernels *k, size_t channels, size_t group, size_t taps)
{
    size_t vector = (size_t)k->vector, block = group > 1 ? vector / group * group : vector, floats, bytes;
    if (!mem_mul(channels / block + (channels % block > 0), vector, &floats) || !mem_mul(floats, taps, &floats) ||
        !mem_mul(floats, sizeof(float), &bytes))
        return 0;
    return floats;
}

size_t kernel_depthwise_q8_packed(const struct kernel_depthwise *d, size_t channels, size_t taps)
{
    size_t bytes;
    bool fits = round_up(channels, (size_t)d->channels, &channels) && round_up(taps, (size_t)d->group, &taps) &&
                mem_mul(channels, taps, &bytes) && mem_mul(bytes, (size_t)d->bytes, &bytes);
    return fits ? bytes : 0;
}

bool kernel_depthwise_slides(const struct kernel_depthwise_q8 *d)
{
    const ptrdiff_t pixel = d->taps == 9 ? d->tap[1] - d->tap[0] : 0;
    bool slides = d->taps == 9 && (d->x_step == pixel || d->x_step == 2 * pixel);
    for (int t = 0; slides && t < d->taps; t++)
        slides = d->tap[t] == d->tap[t - t % 3] + t % 3 * pixel;
    return slides;
}

bool kernel_depthwise_groups(const struct kernels *k, int64_t group, int64_t channels, int64_t kernel_w, int64_t stride,
                             int64_t dilation)
{
    return group > 1 && group <= k->vector && channels >= k->vector && kernel_w == 3 && stride <= 2 && dilation == 1;
}
