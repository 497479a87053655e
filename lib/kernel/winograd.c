#include "kernel/winograd.h"

/* Those of floats; whole numbers have 0, ±1 and ±2. */
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
