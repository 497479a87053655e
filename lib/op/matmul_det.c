/* Det. */
#include <math.h>
#include <stdlib.h>

#include "op/real.h"
#include "op/rows.h"

/* By elimination with row pivoting; destroys the matrix. */
static double determinant(double *a, int64_t n)
{
    double det = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
                pivot = i;
        for (int64_t j = 0; pivot != k && j < n; j++) {
            double swap = a[k * n + j];
            a[k * n + j] = a[pivot * n + j];
            a[pivot * n + j] = swap;
        }
        det *= pivot != k ? -a[k * n + k] : a[k * n + k];
        if (a[k * n + k] == 0)
            return 0;
        for (int64_t i = k + 1; i < n; i++) {
            double factor = a[i * n + k] / a[k * n + k];
            for (int64_t j = k + 1; j < n; j++)
                a[i * n + j] -= factor * a[k * n + j];
        }
    }
    return det;
}

int eval_det(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2])
        return eval_error(c, err, "input X is no square matrix or stack of them");
    int64_t n = x->dims[x->rank - 1];
    struct tensor *y = eval_out(c, 0, x->dtype, x->rank - 2, x->dims, err);
    double *matrix = y ? real_new(n, n, err) : NULL;
    for (int64_t i = 0; matrix && i < y->count; i++) {
        real_read(x, i * n * n, n * n, matrix);
        double det = determinant(matrix, n);
        real_write(y, i, 1, &det);
    }
    int result = matrix ? 0 : -1;
    free(matrix);
    return result;
}

int infer_det(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    if (x->rank < 2)
        return infer_error(c, err, "input X has rank %d, want at least 2", x->rank);
    int64_t a = x->dims[x->rank - 2], b = x->dims[x->rank - 1];
    if (a >= 0 && b >= 0 && a != b)
        return infer_error(c, err, "input X is no square matrix: %lldx%lld", (long long)a, (long long)b);
    return infer_set(c, 0, x->dtype, x->rank - 2, x->dims, err);
}
