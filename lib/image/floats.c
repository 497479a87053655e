/* Pictures of float32 samples. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"

int image_floats_init(struct image_floats *out, int width, int height, int channels, struct error *err)
{
    if (image_check_size(width, height, IMAGE_MAX_FLOATS, err))
        return -1;
    float *data = mem_calloc((size_t)width * height, channels * sizeof *data, err);
    if (!data)
        return -1;
    *out = (struct image_floats){width, height, channels, data};
    return 0;
}

void image_floats_release(struct image_floats *image)
{
    free(image->data);
    image->data = NULL;
}

void image_floats_grey(struct image_floats *image)
{
    size_t n = (size_t)image->width * image->height;
    float *v = image->data;
    for (size_t i = 0; i < n; i++)
        v[i] = v[3 * i] * 0.2989f + v[3 * i + 1] * 0.587f + v[3 * i + 2] * 0.114f;
    image->channels = 1;
}

int image_floats_place(struct image_floats *out, const struct image_floats *in, int width, int height, int x, int y,
                       const float *fill, struct error *err)
{
    struct image_floats whole;
    if (image_check_place(in->width, in->height, width, height, x, y, err) ||
        image_floats_init(&whole, width, height, in->channels, err))
        return -1;
    size_t row = (size_t)in->width * in->channels, to_row = (size_t)width * in->channels;
    for (size_t i = 0; i < height * to_row; i++)
        whole.data[i] = fill[i % in->channels];
    for (int i = 0; i < in->height; i++)
        memcpy(whole.data + (y + i) * to_row + (size_t)x * in->channels, in->data + i * row, row * sizeof *in->data);
    *out = whole;
    return 0;
}
