/* Winograd's transforms with matrices made from the points, in double. */
#include "kernel/ref.h"
#include "kernel/winograd.h"

#define TILE WINOGRAD_TILE

/* Bᵀ: products of (x - p), coefficients from the constant one on. */
static void input_matrix(int size, double (*b)[TILE])
{
    const double *p = winograd_points(size);
    for (int i = 0; i < size + 2; i++) {
        int degree = 0;
        for (int j = 0; j < TILE; j++)
            b[i][j] = j == 0;
        for (int j = 0; j <= size; j++) {
            if (j == i)
                continue;
            degree++;
            for (int k = degree; k > 0; k--)
                b[i][k] = b[i][k - 1] - p[j] * b[i][k];
            b[i][0] *= -p[j];
        }
    }
}

static void output_matrix(int size, double (*a)[TILE])
{
    const double *p = winograd_points(size);
    for (int j = 0; j <= size; j++) {
        double power = 1;
        for (int i = 0; i < size; i++, power *= p[j])
            a[i][j] = power;
    }
    for (int i = 0; i < size; i++)
        a[i][size + 1] = i == size - 1;
}

void winograd_input_f32_ref(const struct kernel_winograd_input_f32 *w)
{
    double b[TILE][TILE];
    int tile = w->size + 2;
    input_matrix(w->size, b);
    for (int i = 0; i < tile * tile; i++)
        for (int c = 0; c < w->channels; c++) {
            double sum = 0;
            for (int k = 0; k < tile * tile; k++)
                sum += b[i / tile][k / tile] * b[i % tile][k % tile] *
                       (double)w->x[k / tile * w->row + k % tile * w->pixel + c];
            w->out[i * w->plane + c] = (float)sum;
        }
}

static double output_sum(const struct kernel_winograd_output_f32 *w, double (*a)[TILE], int y, int x, int c)
{
    double sum = w->bias ? (double)w->bias[c] : 0;
    int tile = w->size + 2;
    for (int k = 0; k < tile * tile; k++)
        sum += a[y][k / tile] * a[x][k % tile] * (double)w->sums[k * w->plane + c];
    return sum;
}

void winograd_output_f32_ref(const struct kernel_winograd_output_f32 *w)
{
    double a[TILE][TILE];
    output_matrix(w->size, a);
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++)
            for (int c = 0; c < w->channels; c++) {
                double add = w->add ? (double)w->add[y * w->add_row + x * w->add_pixel + c] : 0;
                double sum = output_sum(w, a, y, x, c) + (w->add_last ? 0 : add);
                w->out[y * w->out_row + x * w->out_pixel + c] = (float)(act_ref(sum, w->act) + (w->add_last ? add : 0));
            }
}

void winograd_filter_f32_ref(float *out, size_t plane, int size, const float *w, size_t tap, size_t n)
{
    double g[TILE][3];
    int tile = size + 2;
    winograd_filter_matrix(size, g);
    for (int e = 0; e < tile * tile; e++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (int t = 0; t < 9; t++)
                sum += g[e / tile][t / 3] * g[e % tile][t % 3] * (double)w[(size_t)t * tap + i];
            out[(size_t)e * plane + i] = (float)sum;
        }
}
