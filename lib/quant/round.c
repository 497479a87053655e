#include "quant/round.h"

#include <math.h>
#include <stdlib.h>

struct quant_shape quant_shape_of(const struct tensor *t, int axis)
{
    struct quant_shape s = {1, 1, 1};
    for (int i = 0; i < t->rank; i++)
        *(i < axis ? &s.outer : i == axis ? &s.channels : &s.inner) *= (size_t)t->dims[i];
    return s;
}

float quant_channel_scale(const float *w, const struct quant_shape *shape, size_t channel)
{
    float most = 0;
    for (size_t o = 0; o < shape->outer; o++) {
        const float *row = w + (o * shape->channels + channel) * shape->inner;
        for (size_t i = 0; i < shape->inner; i++)
            most = fmaxf(most, fabsf(row[i]));
    }
    return most / 127 >= 1e-30f ? most / 127 : 1; /* a channel of zeros: any scale will do */
}

void quant_channel_round(const float *w, const struct quant_shape *shape, size_t channel, float scale, int8_t *rounded)
{
    for (size_t o = 0; o < shape->outer; o++) {
        size_t first = (o * shape->channels + channel) * shape->inner;
        for (size_t i = first; i < first + shape->inner; i++)
            rounded[i] = (int8_t)fminf(127, fmaxf(-127, nearbyintf(w[i] / scale)));
    }
}

int quant_weights_init(struct quant_weights *w, const struct tensor *real, int axis, struct error *err)
{
    struct quant_shape shape = quant_shape_of(real, axis);
    int64_t channels = (int64_t)shape.channels;
    *w = (struct quant_weights){.rounded = tensor_new(DTYPE_I8, real->rank, real->dims, err)};
    w->scale = w->rounded ? tensor_new(DTYPE_F32, axis >= 0, &channels, err) : NULL;
    if (!w->scale)
        return -1;
    for (size_t c = 0; c < shape.channels; c++) {
        float scale = quant_channel_scale(real->data, &shape, c);
        ((float *)w->scale->data)[c] = scale;
        quant_channel_round(real->data, &shape, c, scale, w->rounded->data);
    }
    return 0;
}

void quant_weights_release(struct quant_weights *w)
{
    tensor_unref(w->rounded);
    tensor_unref(w->scale);
    free(w->shift);
    *w = (struct quant_weights){0};
}
