/* The one file that holds the code of stb_image. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/pages.h"
#include "image/decode.h"

/* One allocation's limit: a PNG's compressed data may claim a thousand times its size. Zeroed, so that a damaged file
 * gives the same picture every time. */
#define ALLOC_MAX ((size_t)1 << 30)

static void *limited_alloc(size_t size)
{
    void *p = size <= ALLOC_MAX ? calloc(1, size ? size : 1) : NULL;
    pages_prefer_huge(p, p ? size : 0);
    return p;
}

static void *limited_realloc(void *old, size_t old_size, size_t size)
{
    uint8_t *new = size <= ALLOC_MAX ? realloc(old, size ? size : 1) : NULL;
    if (new && size > old_size)
        memset(new + old_size, 0, size - old_size);
    return new;
}

/* It copies no bytes from or to NULL, which memcpy() does not allow. */
static void *copy_any(void *to, const void *from, size_t n)
{
    return n ? memcpy(to, from, n) : to;
}

#pragma GCC diagnostic ignored "-Wunused-function" /* told at the end of the file, so not popped */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_NO_PSD
#define STBI_NO_PNM             /* takes 16-bit samples for 8-bit ones */
#define STBI_NO_FAILURE_STRINGS /* would write to a global */
#define STBI_MAX_DIMENSIONS IMAGE_MAX_SIDE
#define STBI_MALLOC limited_alloc
#define STBI_REALLOC_SIZED limited_realloc
#define STBI_FREE free
#define STBI_ASSERT(x) ((void)0)
#define STBI_NO_SIMD /* of JPEG alone, whose arithmetic is ours */
/* Where stb defines these, with parameters, it defines something unused; where it takes their address, ours. */
#include "image/jpeg_exact.h"
#define stbi__resample_row_h_2(...) unused_h_2(__VA_ARGS__)
#define stbi__resample_row_v_2(...) unused_v_2(__VA_ARGS__)
#define stbi__resample_row_hv_2(...) unused_hv_2(__VA_ARGS__)
#define stbi__YCbCr_to_RGB_row(...) unused_row(__VA_ARGS__)
#define stbi__idct_block(...) unused_idct(__VA_ARGS__)
/* A macro cannot tell a function's definition from its call, but what is pasted to the parameter can: the definition
 * becomes that of unused_scan(), and the call that of ours. */
static int jpeg_scan(void *jpeg);
#define stbi__parse_entropy_coded_data(jpeg) SCAN_##jpeg)
#define SCAN_stbi__jpeg unused_scan(stbi__jpeg
#define SCAN_j jpeg_scan(j
static void jpeg_finish(void *jpeg);
#define stbi__jpeg_finish(jpeg) FINISH_##jpeg)
#define FINISH_stbi__jpeg unused_finish(stbi__jpeg
#define FINISH_j jpeg_finish(j
/* And for making the picture: JPEG files do not come here. */
#define load_jpeg_image(jpeg, ...) LOAD_##jpeg, __VA_ARGS__)
#define LOAD_stbi__jpeg            unused_load(stbi__jpeg
#define LOAD_j                     no_picture(j
#define no_picture(...)            NULL
/* The same for unpacking PNG's pixels, which zlib does faster. */
static int png_unpack(void *packed, int header);
#define stbi__parse_zlib(packed, header) ZLIB_##packed, header)
#define ZLIB_stbi__zbuf stb_unpack(stbi__zbuf
#define ZLIB_a png_unpack(a
/* For undoing the filters of its rows. */
static int png_rows(void *png, uint8_t *raw, uint32_t size, int want, uint32_t width, uint32_t height, int depth,
                    int colour);
#define stbi__create_png_image_raw(png, ...) ROWS_##png, __VA_ARGS__)
#define ROWS_stbi__png unused_rows(stbi__png
#define ROWS_a         png_rows(a
/* And for its palettes, of which there may be less than pixels ask for. */
static int png_colours(void *png, unsigned char *palette, int n, int channels);
#define stbi__expand_png_palette(png, ...) PALETTE_##png, __VA_ARGS__)
#define PALETTE_stbi__png stb_colours(stbi__png
#define PALETTE_z png_colours(z
#define memcpy copy_any
/* Vectors are for JPEG's loops, which are ours, as are those of PNG's rows: of stb's own, size counts. */
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("no-tree-vectorize")
#pragma GCC push_options
#pragma GCC optimize("Os")
#endif
#include <stb/stb_image.h>
#undef memcpy
#ifndef __clang__
#pragma GCC pop_options
#endif
#include "image/png_rows.h"
#ifndef __clang__
#pragma GCC pop_options
#endif
#include "image/jpeg_scan.h"
#include "image/jpeg_rows.h"

/* The room is what rows take that are not interlaced. Those that are have a few bytes more: the filters of at most 15
 * rows for 8, and at the end of each a byte that is not full; nobody reads what is beyond. What goes wrong behind the
 * room does not matter, as it does not to stb, nor do checksums. */
static int png_unpack(void *packed, int header)
{
    stbi__zbuf *a = packed;
    z_stream z = {.next_in = a->zbuffer, .avail_in = (unsigned)(a->zbuffer_end - a->zbuffer)};
    uint8_t more[64];
    const size_t most = 4 * (size_t)(a->zout_end - a->zout) + sizeof(more);
    int status = inflateInit2(&z, header ? MAX_WBITS : -MAX_WBITS), full = 0;
    inflateValidate(&z, 0);
    while (status == Z_OK) {
        z.next_out = (uint8_t *)a->zout;
        z.avail_out = (unsigned)(a->zout_end - a->zout);
        status = inflate(&z, Z_SYNC_FLUSH);
        a->zout = (char *)z.next_out;
        if (z.avail_out > 0 || (size_t)(a->zout - a->zout_start) > most)
            break;
        full = 1;
        z.next_out = more;
        z.avail_out = sizeof(more);
        status = inflate(&z, Z_SYNC_FLUSH);
        int n = (int)(sizeof(more) - z.avail_out);
        if (n > 0 && !stbi__zexpand(a, a->zout, n))
            break;
        memcpy(a->zout, more, (size_t)n);
        a->zout += n;
    }
    inflateEnd(&z);
    return status == Z_STREAM_END || full;
}

/* What the palette of 1024 bytes does not have is black, not what the stack held before. */
static int png_colours(void *png, unsigned char *palette, int n, int channels)
{
    memset(palette + 4 * n, 0, 1024 - 4 * (size_t)n);
    return stb_colours(png, palette, n, channels);
}

#pragma GCC diagnostic pop

int image_stb_size(const uint8_t *bytes, size_t n, int *width, int *height)
{
    int channels;
    return n <= INT32_MAX && stbi_info_from_memory(bytes, (int)n, width, height, &channels) ? 0 : -1;
}

int image_stb_decode(struct image *out, const uint8_t *bytes, size_t n, int width, int height)
{
    int channels;
    uint8_t *data = stbi_load_from_memory(bytes, (int)n, &width, &height, &channels, 3);
    *out = (struct image){width, height, 3, data, NULL};
    return data ? 0 : -1;
}
