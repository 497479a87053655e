/* UTF-8, and upper and lower case of the alphabets that have them. */
#ifndef OP_UTF8_H
#define OP_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 0x10ffff

/* The code point at s[0..n), n > 0, and its bytes in *size. A byte that begins no valid sequence gives UTF8_MAX + 1 +
 * the byte. */
uint32_t utf8_read(const char *s, size_t n, size_t *size);
/* Writes a value of utf8_read() (such bytes as they were); returns the bytes, at most 4. */
size_t utf8_write(char *to, uint32_t code);

/* Simple case mappings of Latin, Greek, Cyrillic and Armenian; others stay as they are. Neither changes the number of
 * bytes by more than one. */
uint32_t utf8_upper(uint32_t code);
uint32_t utf8_lower(uint32_t code);

#endif
