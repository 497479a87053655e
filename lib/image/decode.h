/* Private to lib/image: what image_decode() is made of. */
#ifndef IMAGE_DECODE_H
#define IMAGE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "image/image.h"

/* Width and height as the file's header says; -1 when it cannot be read. */
int image_stb_size(const uint8_t *bytes, size_t n, int *width, int *height);

/* The picture of the size that image_stb_size() told; -1 when it cannot be decoded. Of a JPEG nothing is yet. */
int image_stb_decode(struct image *out, const uint8_t *bytes, size_t n, int width, int height);
int image_jpeg_open(struct image *out, const uint8_t *bytes, size_t n, int width, int height);

/* Whether the segments of a JPEG follow each other up to the end marker, with Huffman tables that are prefix codes: stb
 * takes both for granted. ITU-T T.81, annexes B and C. */
int image_jpeg_check(const uint8_t *bytes, size_t n, struct error *err);

/* The second byte of the next marker, whatever lies before it skipped; -1 at the end of the data. */
int image_jpeg_marker(struct bytes *b);

/* Whether nothing belongs to a marker, neither length nor body. */
bool image_jpeg_is_bare(int marker);

/* The body of the segment whose marker was just read; bad when it ends beyond the data. */
struct bytes image_jpeg_body(struct bytes *b);

/* Whether these files hold all the data that their headers speak of; stb would make up the rest. For a GIF, that of the
 * first frame. */
int image_png_check(const uint8_t *bytes, size_t n, struct error *err);
int image_bmp_check(const uint8_t *bytes, size_t n, struct error *err);
int image_gif_check(const uint8_t *bytes, size_t n, struct error *err);
int image_tga_check(const uint8_t *bytes, size_t n, struct error *err);

/* Netpbm's formats: man pages pbm(5), pgm(5), ppm(5), pam(5). */
int image_pnm_decode(struct image *out, const uint8_t *bytes, size_t n, struct error *err);

#endif
