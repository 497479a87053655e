/* A growing text buffer, and numbers as text without regard to the locale. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Appending to a text whose memory ran out does nothing; `failed` tells at the end. */
struct text {
    char *data; /* NUL-terminated once anything was added; NULL before */
    size_t size, cap;
    bool failed;
};

void text_init(struct text *t);
void text_release(struct text *t);
void text_add(struct text *t, const char *bytes, size_t n);
void text_puts(struct text *t, const char *string);

/* Numbers in the C locale's form, whatever setlocale() was told. */
void text_printf(struct text *t, const char *format, ...) BASE_PRINTF(2, 3);

/* The decimal of fewest digits that reads back to the same number: "3", "0.1", "1e+20"; or "nan", "inf", "-inf". */
void text_f32(struct text *t, float value);
void text_f64(struct text *t, double value);

/* Whether a terminal may obey the character: below U+0020, or from U+007F to U+009F. */
bool text_is_control(uint32_t point);
/* The bytes of such a character that text in UTF-8 begins with: 1 or 2; 0: it begins with another, or n is 0. */
size_t text_control_size(const char *bytes, size_t n);

/* Bytes <= 0x20, 0x7f, '%', those in `also`, and those of U+0080 to U+009F in UTF-8 as %XX. */
void text_escape(struct text *t, const char *bytes, size_t n, const char *also);

/* Undoes text_escape() in place; the new length, or -1 for a malformed escape. The result is NUL-terminated: bytes[n]
 * must be writable. It may hold NULs of its own where the text said %00. */
ptrdiff_t text_unescape(char *bytes, size_t n);

/* A code point as UTF-8, without a NUL; its bytes, 1 to 4. It must be one: below 0x110000. */
size_t text_utf8(char to[4], uint32_t point);

/* Appends a code point; what is none becomes U+FFFD. */
void text_put_utf8(struct text *t, uint32_t point);

/* The code point at *at, which moves behind it (at least one byte); U+FFFD for malformed bytes. *at < end. */
uint32_t text_get_utf8(const uint8_t **at, const uint8_t *end);

/* Whether a word is in a list, whose words have blanks or commas between them. */
bool text_has_word(const char *list, const char *word);

/* Whole-string conversions: true when all of [s, s+n), which needs no NUL behind it, is a number that fits; else *value
 * stays. Base 10, no spaces; integers take a leading '-' (i64), floats either sign and nan, inf in any case. A float
 * too small becomes 0 or a denormal, one too large does not fit. */
bool text_to_i64(const char *s, size_t n, int64_t *value);
bool text_to_u64(const char *s, size_t n, uint64_t *value);
bool text_to_f64(const char *s, size_t n, double *value);
bool text_to_f32(const char *s, size_t n, float *value);

#endif
