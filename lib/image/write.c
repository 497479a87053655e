#include "image/decode.h"

int image_write_png(const struct image *image, struct text *out, struct error *err)
{
    return image_stb_png(image, out) || out->failed ? error_memory(err) : 0;
}

int image_write_pnm(const struct image *image, struct text *out, struct error *err)
{
    text_printf(out, "P%c\n%d %d\n255\n", image->channels == 1 ? '5' : '6', image->width, image->height);
    text_add(out, (const char *)image->data, (size_t)image->width * image->height * image->channels);
    return out->failed ? error_memory(err) : 0;
}
