#include "kernel/winograd.h"

const double *winograd_points(int size)
{
    static const double of_2[] = {0, 1, -1}, of_4[] = {0, 0.70710678118654752, -0.70710678118654752,
                                                       1.41421356237309505, -1.41421356237309505};
    return size == 2 ? of_2 : of_4;
}

void winograd_filter_matrix(int size, double (*g)[3])
{
    const double *p = winograd_points(size);
    for (int i = 0; i <= size; i++) {
        double slope = 1;
        for (int j = 0; j <= size; j++)
            slope *= j == i ? 1 : p[i] - p[j];
        g[i][0] = 1 / slope;
        g[i][1] = p[i] / slope;
        g[i][2] = p[i] * p[i] / slope;
    }
    g[size + 1][0] = g[size + 1][1] = 0;
    g[size + 1][2] = 1;
}

static void filter_line(int *o, int a, int b, int c)
{
    o[0] = 6 * a;
    o[1] = -4 * (a + b + c);
    o[2] = -4 * (a - b + c);
    o[3] = a + 2 * b + 4 * c;
    o[4] = a - 2 * b + 4 * c;
    o[5] = 12 * c;
}

void winograd_filter_q8(int16_t *out, const int8_t *w, ptrdiff_t step)
{
    int columns[3][WINOGRAD_TILE], o[WINOGRAD_TILE];
    for (int x = 0; x < 3; x++)
        filter_line(columns[x], w[x * step], w[(3 + x) * step], w[(6 + x) * step]);
    for (int y = 0; y < WINOGRAD_TILE; y++) {
        filter_line(o, columns[0][y], columns[1][y], columns[2][y]);
        for (int x = 0; x < WINOGRAD_TILE; x++)
            *out++ = (int16_t)o[x];
    }
}
