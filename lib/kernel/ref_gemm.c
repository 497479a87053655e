/* The oracle's products: kernel.h's definitions, element by element. */
#include "kernel/ref.h"

#define PANEL  6
#define VECTOR 3

/* The panel of n columns is narrow when one vector holds them. */
static int panel_columns(int n)
{
    return n > VECTOR ? PANEL : VECTOR;
}

double finish_ref(double sum, const float *add, bool add_last, struct kernel_act act)
{
    if (add && !add_last)
        sum += (double)*add;
    sum = act_ref(sum, act);
    return add && add_last ? sum + (double)*add : sum;
}

static void run(const struct kernel_gemm *g)
{
    const struct kernel_epilogue *to = &g->to;
    const float *bias = to->bias;
    for (int i = 0; i < g->m; i++) {
        const float *a = g->a[i], *add = to->add ? to->add[i] : NULL;
        for (int j = 0; j < g->n; j++) {
            int first = j / PANEL * PANEL, columns = panel_columns(g->n - first);
            double sum = bias ? (double)bias[j] : 0;
            const float *b =
                (const float *)g->b + (ptrdiff_t)first * (g->b_tap ? g->b_taps : g->taps) * g->k + j - first;
            for (int t = 0; t < g->taps; t++) {
                ptrdiff_t row = (ptrdiff_t)(g->b_tap ? g->b_tap[t] : t) * g->k;
                for (int l = 0; l < g->k; l++)
                    sum += (double)a[g->tap[t] + l] * (double)b[(row + l) * columns];
            }
            ((float *)g->c[i])[j] = (float)finish_ref(sum, add ? &add[j] : NULL, to->add_last, to->act);
        }
    }
}

static void pack(void *packed, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    float *to = packed;
    const float *from = b;
    for (int first = 0; first < n; first += PANEL)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i++)
                for (int j = first; j < first + panel_columns(n - first); j++)
                    *to++ = j < n ? from[t * tap_step + i * k_step + j * n_step] : 0;
}

const struct kernel_product gemm_f32_ref = {.name = "gemm_f32",
                                            .a = KERNEL_F32,
                                            .b = KERNEL_F32,
                                            .mr = 5,
                                            .nr = PANEL,
                                            .vector = VECTOR,
                                            .kr = 1,
                                            .run = run,
                                            .pack = pack};

/* The first channel of the block that c is packed in. */
static int depthwise_block(int c, int channels, int group)
{
    int block = VECTOR / group * group, first = c / block * block;
    return group == 1 && channels >= VECTOR && first > channels - VECTOR ? channels - VECTOR : first;
}

static double depthwise_sum(const struct kernel_depthwise_f32 *d, int y, int x, int c)
{
    int group = d->group > 1 ? d->group : 1, area = d->kernel_h * d->kernel_w, taps = area * group,
        block = VECTOR / group * group, lane = c - depthwise_block(c, d->channels, group);
    double sum = d->bias ? (double)d->bias[c] : 0;
    for (int tap = 0; tap < taps; tap++) {
        const float *row = d->row[y * d->row_step + tap % area / d->kernel_w];
        long column = (long)x * d->stride + (long)(tap % d->kernel_w) * d->dilation - d->pad_left;
        float weight = d->weight[((long)(c / block) * taps + tap) * VECTOR + lane];
        if (row && column >= 0 && column < d->in_width)
            sum += (double)row[column * d->in_step + c / group * group + tap / area] * (double)weight;
    }
    return sum;
}

void depthwise_f32_ref(const struct kernel_depthwise_f32 *d)
{
    for (int i = 0; i < d->rows * d->width; i++) {
        int y = i / d->width, x = i % d->width;
        for (int c = 0; c < d->channels; c++) {
            const float *add = d->add ? &d->add[y * d->add_row + x * d->add_step + c] : NULL;
            d->out[y * d->out_row + x * d->out_step + c] =
                (float)finish_ref(depthwise_sum(d, y, x, c), add, d->add_last, d->act);
        }
    }
}

void depthwise_pack_f32_ref(float *packed, const float *w, ptrdiff_t c_step, int channels, int group, int taps)
{
    int block = VECTOR / group * group;
    for (int c = 0; c < channels; c += block)
        for (int tap = 0, first = depthwise_block(c, channels, group); tap < taps; tap++)
            for (int i = 0; i < VECTOR; i++)
                *packed++ = i < block && first + i < channels ? w[(first + i) * c_step + tap] : 0;
}
