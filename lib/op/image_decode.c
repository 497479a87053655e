/* ImageDecoder: the formats of lib/image. */
#include <string.h>

#include "image/image.h"
#include "op/rows.h"

static const struct {
    const char *name;
    int channels;
} formats[] = {{"RGB", 3}, {"BGR", 3}, {"Grayscale", 1}};

enum { FORMATS = sizeof(formats) / sizeof(formats[0]), BGR = 1 };

/* The row of formats[] that the attribute names; FORMATS: none. */
static int pixel_format(const struct node *n)
{
    int i = 0;
    while (i < FORMATS && strcmp(op_string(n, "pixel_format"), formats[i].name))
        i++;
    return i;
}

int infer_image_decoder(struct op_infer *c, struct error *err)
{
    int format = pixel_format(c->node);
    if (format == FORMATS)
        return infer_error(c, err, "attribute pixel_format: '%.40s', want RGB, BGR or Grayscale",
                           op_string(c->node, "pixel_format"));
    if (infer_rank(c, 0) >= 0 && infer_rank(c, 0) != 1)
        return infer_error(c, err, "input encoded_stream has rank %d, want 1", infer_rank(c, 0));
    const int64_t dims[] = {DIM_UNKNOWN, DIM_UNKNOWN, formats[format].channels};
    return infer_set(c, 0, DTYPE_U8, 3, dims, err);
}

static void swap_red_and_blue(struct tensor *t)
{
    uint8_t *x = t->data;
    for (int64_t i = 0; i < t->count; i += 3) {
        uint8_t red = x[i];
        x[i] = x[i + 2];
        x[i + 2] = red;
    }
}

static int give_picture(struct op_eval *c, const struct image *image, int format, struct error *err)
{
    const int64_t dims[] = {image->height, image->width, formats[format].channels};
    struct image grey = {0};
    if (formats[format].channels == 1 && image_grey(&grey, image, err) != 0)
        return -1;
    struct tensor *t = eval_out(c, 0, DTYPE_U8, 3, dims, err);
    if (t)
        memcpy(t->data, grey.data ? grey.data : image->data, t->size);
    if (t && format == BGR)
        swap_red_and_blue(t);
    image_release(&grey);
    return t ? 0 : -1;
}

/* What cannot be decoded gives no pixels, as the standard wants, and no error. */
int eval_image_decoder(struct op_eval *c, struct error *err)
{
    const struct tensor *bytes = eval_in(c, 0);
    struct image image;
    int format = pixel_format(c->node);
    if (format == FORMATS)
        return eval_error(c, err, "attribute pixel_format: '%.40s', want RGB, BGR or Grayscale",
                          op_string(c->node, "pixel_format"));
    if (bytes->rank != 1)
        return eval_error(c, err, "input encoded_stream has rank %d, want 1", bytes->rank);
    if (image_decode(&image, bytes->data, bytes->size, NULL) != 0)
        return eval_out(c, 0, DTYPE_U8, 3, (const int64_t[]){0, 0, formats[format].channels}, err) ? 0 : -1;
    int result = give_picture(c, &image, format, err);
    image_release(&image);
    return result;
}
