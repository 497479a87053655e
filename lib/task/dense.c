/* Outputs with a best class at each pixel or step. */
#include <math.h>
#include <string.h>

#include "task/task.h"

/* The index of the largest of n values `step` apart, the first of equals; nan never wins. */
static size_t argmax(const float *values, size_t n, size_t step)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (values[i * step] > values[best * step] || isnan(values[best * step]))
            best = i;
    return best;
}

int task_mask(const float *values, const int64_t *dims, int rank, bool channels_last, struct image *out,
              struct error *err)
{
    if ((rank != 3 && rank != 4) || (rank == 4 && dims[0] != 1))
        return error_set(err, "task mask: an output of %d dimensions: want one picture of channels, rows and columns",
                         rank);
    const int64_t *d = dims + rank - 3;
    int64_t channels = d[channels_last ? 2 : 0], height = d[!channels_last], width = d[channels_last ? 1 : 2];
    if (channels < 1 || channels > 256 || height < 1 || height > IMAGE_MAX_SIDE || width < 1 || width > IMAGE_MAX_SIDE)
        return error_set(err, "task mask: %lld channels of %lldx%lld: want 1 to 256 of sides up to %d",
                         (long long)channels, (long long)width, (long long)height, IMAGE_MAX_SIDE);
    struct image mask;
    if (image_init(&mask, (int)width, (int)height, 1, err))
        return -1;
    size_t pixels = (size_t)width * height, step = channels_last ? 1 : pixels, next = channels_last ? channels : 1;
    for (size_t i = 0; i < pixels; i++)
        mask.data[i] = channels == 1 ? values[i] > 0.5f : argmax(values + i * next, channels, step);
    *out = mask;
    return 0;
}

static int ctc_shape(const int64_t *dims, int rank, size_t *steps, size_t *classes, struct error *err)
{
    size_t outer = 1;
    if (rank < 2 || rank > 3 || dims[rank - 1] < 2)
        return error_set(err, "task ctc: %d dimensions, the last %lld: want [1, steps, classes] with 2 classes or more",
                         rank, rank > 0 ? (long long)dims[rank - 1] : 0);
    for (int i = 0; i < rank - 1; i++) {
        if (dims[i] < 0 || (outer > 1 && dims[i] != 1))
            return error_set(err, "task ctc: dimension %d is %lld: want one line of text", i, (long long)dims[i]);
        outer *= dims[i];
    }
    *steps = outer;
    *classes = dims[rank - 1];
    return 0;
}

int task_ctc(const float *values, const int64_t *dims, int rank, const struct task_labels *labels, struct text *out,
             float *score, struct error *err)
{
    size_t steps = 0, classes = 0, last = 0, characters = 0;
    double sum = 0;
    if (ctc_shape(dims, rank, &steps, &classes, err))
        return -1;
    if (labels->count + 1 != classes && labels->count + 2 != classes)
        return error_set(err, "task ctc: %zu labels for %zu classes: want %zu, or %zu and a space", labels->count,
                         classes, classes - 1, classes - 2);
    for (size_t t = 0; t < steps; t++) {
        const float *v = values + t * classes;
        size_t best = argmax(v, classes, 1);
        if (best && best != last) {
            const char *name = task_labels_name(labels, best - 1);
            text_puts(out, name ? name : " ");
            sum += v[best];
            characters++;
        }
        last = best;
    }
    *score = characters ? (float)(sum / characters) : 0;
    return out->failed ? error_memory(err) : 0;
}
