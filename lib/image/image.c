#include "image/image.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/pages.h"
#include "image/resize.h"
#include "image/vector.h"

/* Asking the processor takes longer than what is asked for. */
enum { UNKNOWN, NO, YES };
static atomic_int avx2;

void image_use_avx2(bool use)
{
    atomic_store_explicit(&avx2, use && cpu_features() & CPU_AVX2 ? YES : NO, memory_order_relaxed);
}

bool image_has_avx2(void)
{
    if (atomic_load_explicit(&avx2, memory_order_relaxed) == UNKNOWN)
        image_use_avx2(true);
    return atomic_load_explicit(&avx2, memory_order_relaxed) == YES;
}

int image_check_size(int width, int height, int most, struct error *err)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || (int64_t)width * height > most)
        return error_set(err, "a picture of %dx%d pixels: want sides of 1 to %d and at most %d pixels", width, height,
                         IMAGE_MAX_SIDE, most);
    return 0;
}

int image_check_place(int in_width, int in_height, int width, int height, int x, int y, struct error *err)
{
    if (x < 0 || y < 0 || in_width > width - x || in_height > height - y)
        return error_set(err, "a picture of %dx%d at %d,%d: want it inside %dx%d", in_width, in_height, x, y, width,
                         height);
    return 0;
}

int image_init(struct image *out, int width, int height, int channels, struct error *err)
{
    if (image_check_size(width, height, IMAGE_MAX_PIXELS, err))
        return -1;
    if (channels != 1 && channels != 3)
        return error_set(err, "a picture of %d channels: want 1 or 3", channels);
    uint8_t *data = mem_calloc((size_t)width * height, channels, err);
    if (!data)
        return -1;
    pages_prefer_huge(data, (size_t)width * height * channels);
    *out = (struct image){width, height, channels, data, NULL};
    return 0;
}

void image_release(struct image *image)
{
    free(image->data);
    image_source_free(image->source);
    image->data = NULL;
    image->source = NULL;
}

int image_crop(struct image *out, const struct image *in, const struct image_rect *rect, struct error *err)
{
    if (rect->x < 0 || rect->y < 0 || rect->width < 1 || rect->height < 1 || rect->width > in->width - rect->x ||
        rect->height > in->height - rect->y)
        return error_set(err, "crop of %dx%d at %d,%d: want it inside the picture's %dx%d", rect->width, rect->height,
                         rect->x, rect->y, in->width, in->height);
    struct image part;
    if (image_init(&part, rect->width, rect->height, in->channels, err))
        return -1;
    size_t from_row = (size_t)in->width * in->channels, row = (size_t)part.width * part.channels;
    const uint8_t *from = in->data + rect->y * from_row + (size_t)rect->x * in->channels;
    for (int y = 0; y < part.height; y++)
        memcpy(part.data + y * row, from + y * from_row, row);
    *out = part;
    return 0;
}

int image_place(struct image *out, const struct image *in, int width, int height, int x, int y, const uint8_t *fill,
                struct error *err)
{
    struct image whole;
    if (image_check_place(in->width, in->height, width, height, x, y, err) ||
        image_init(&whole, width, height, in->channels, err))
        return -1;
    size_t row = (size_t)in->width * in->channels, to_row = (size_t)width * in->channels;
    for (size_t i = 0; i < height * to_row; i += in->channels)
        memcpy(whole.data + i, fill, in->channels);
    uint8_t *to = whole.data + y * to_row + (size_t)x * in->channels;
    for (int i = 0; i < in->height; i++)
        memcpy(to + i * to_row, in->data + i * row, row);
    *out = whole;
    return 0;
}

void image_mirror(void *pixels, size_t size, int width, int height, const struct image_rect *in, bool once)
{
    const int first[] = {in->x, in->y}, count[] = {in->width, in->height};
    char *to = pixels;
    for (int i = 0; i < width * height; i++, to += size) {
        int at[] = {i % width, i / width};
        for (int k = 0; k < 2; k++) {
            int period = 2 * (count[k] - once), place = (at[k] - first[k]) % (period ? period : 1);
            place += place < 0 ? period : 0;
            at[k] = first[k] + (place < count[k] ? place : period - 1 + once - place);
        }
        size_t from = (size_t)at[1] * (size_t)width + (size_t)at[0];
        if (from != (size_t)i)
            memcpy(to, (char *)pixels + from * size, size);
    }
}

int image_scaled(int a, int b, int c)
{
    int64_t product = (int64_t)a * b, whole = product / c, twice_rest = product % c * 2;
    if (twice_rest > c || (twice_rest == c && whole % 2))
        whole++;
    return whole < 1 ? 1 : whole > INT32_MAX ? INT32_MAX : (int)whole;
}

#ifdef IMAGE_AVX2
/* Eight pixels a step, as many as have 32 bytes to read; how many. Green's weight may have 16 bits, of which its
 * products with red's and blue's half each get a part. */
IMAGE_AVX2 static size_t weigh_inner(uint8_t *out, const uint8_t *p, size_t n, const uint32_t w[3], int bits)
{
    const __m256i spread = _mm256_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5);
    const __m256i red = _mm256_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1, 0, -1, 1, -1, 3, -1,
                                         4, -1, 6, -1, 7, -1, 9, -1, 10, -1);
    const __m256i blue = _mm256_setr_epi8(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1, 2, -1, 1, -1, 5, -1,
                                          4, -1, 8, -1, 7, -1, 11, -1, 10, -1);
    const __m256i red_by = _mm256_set1_epi32((int)(w[0] | w[1] / 2 << 16));
    const __m256i blue_by = _mm256_set1_epi32((int)(w[2] | (w[1] - w[1] / 2) << 16));
    const __m256i half = _mm256_set1_epi32(1 << (bits - 1));
    size_t i = 0;
    for (; i + 11 <= n; i += 8) {
        __m256i v = _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i *)(p + 3 * i)), spread);
        __m256i sum = _mm256_madd_epi16(_mm256_shuffle_epi8(v, red), red_by);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_shuffle_epi8(v, blue), blue_by));
        sum = _mm256_srli_epi32(_mm256_add_epi32(sum, half), bits);
        sum = _mm256_packus_epi32(sum, sum);
        sum = _mm256_packus_epi16(sum, sum);
        uint32_t first = (uint32_t)_mm256_cvtsi256_si32(sum), second = (uint32_t)_mm256_extract_epi32(sum, 4);
        memcpy(out + i, &first, 4);
        memcpy(out + i + 4, &second, 4);
    }
    return i;
}
#endif

/* Weights of `bits` bits of fraction. */
static int weigh_channels(struct image *out, const struct image *in, const uint32_t w[3], int bits, struct error *err)
{
    struct image grey;
    if (image_init(&grey, in->width, in->height, 1, err))
        return -1;
    size_t n = (size_t)in->width * in->height, i = 0;
    if (in->channels == 1)
        memcpy(grey.data, in->data, i = n);
#ifdef IMAGE_AVX2
    else if (image_has_avx2())
        i = weigh_inner(grey.data, in->data, n, w, bits);
#endif
    for (const uint8_t *p = in->data + 3 * i; i < n; i++, p += 3)
        grey.data[i] = (p[0] * w[0] + p[1] * w[1] + p[2] * w[2] + (1u << (bits - 1))) >> bits;
    *out = grey;
    return 0;
}

int image_grey(struct image *out, const struct image *in, struct error *err)
{
    static const uint32_t weights[] = {19595, 38470, 7471};
    return weigh_channels(out, in, weights, 16, err);
}

int image_grey_opencv(struct image *out, const struct image *in, struct error *err)
{
    static const uint32_t weights[] = {9798, 19235, 3735};
    return weigh_channels(out, in, weights, 15, err);
}

/* Product and sum rounded once, as PyTorch's vectors have it, or each by itself. */
static float add_product(float sum, float sample, float weight, bool once)
{
    return once ? (float)(sum + (double)sample * weight) : sum + sample * weight;
}

/* In floating point, of samples times `unit`, the sum times `end` being truncated. */
static int weigh_floats(struct image *out, const struct image *in, float unit, float end, bool once, struct error *err)
{
    struct image grey;
    if (image_init(&grey, in->width, in->height, 1, err))
        return -1;
    size_t n = (size_t)in->width * in->height;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *p = in->data + i * in->channels, step = in->channels == 3;
        float v = add_product(p[0] * unit * 0.2989f, p[step] * unit, 0.587f, once);
        v = add_product(v, p[2 * step] * unit, 0.114f, once);
        grey.data[i] = in->channels == 1 ? p[0] : (uint8_t)(v * end);
    }
    *out = grey;
    return 0;
}

int image_grey_tensorflow(struct image *out, const struct image *in, struct error *err)
{
    return weigh_floats(out, in, 1 / 255.f, 255.5f, false, err); /* multiplied with, as there */
}

int image_grey_torch(struct image *out, const struct image *in, struct error *err)
{
    return weigh_floats(out, in, 1, 1, true, err);
}
