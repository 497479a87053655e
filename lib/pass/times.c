#include "pass/util.h"

static void times_f32(float *to, const float *from, int64_t n, const double *scale, int step)
{
    double one = scale[0];
    for (int64_t i = 0; step == 0 && i < n; i++)
        to[i] = (float)((double)from[i] * one);
    for (int64_t i = 0; step == 1 && i < n; i++)
        to[i] = (float)((double)from[i] * scale[i]);
}

void pass_times(struct tensor *to, const struct tensor *from, int64_t i, int64_t n, const double *scale, int step)
{
    double run[256];
    if (to->dtype == DTYPE_F32)
        times_f32((float *)to->data + i, (const float *)from->data + i, n, scale, step);
    for (int64_t done = 0, some; to->dtype != DTYPE_F32 && done < n; done += some) {
        some = n - done < 256 ? n - done : 256;
        tensor_load_f64(from, i + done, some, run);
        for (int64_t k = 0; k < some; k++)
            run[k] *= scale[(done + k) * step];
        tensor_store_f64(to, i + done, some, run);
    }
}
