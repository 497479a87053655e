/* Inside lib/data: UTF-8 and code points. */
#ifndef DATA_UTF_H
#define DATA_UTF_H

#include "base/text.h"

/* Appends a code point; what is none becomes U+FFFD. */
void data_utf8_put(struct text *text, uint32_t point);

/* The code point at *at, which moves behind it (at least one byte); U+FFFD for malformed bytes. *at < end. */
uint32_t data_utf8_get(const uint8_t **at, const uint8_t *end);

#endif
