/* UTF-8 (RFC 3629) and simple case mappings (Unicode's UnicodeData). */
#include "op/utf8.h"

#include <stdbool.h>

#include "base/text.h"

uint32_t utf8_read(const char *s, size_t n, size_t *size)
{
    static const uint32_t lowest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)s;
    size_t length = at[0] < 0x80                    ? 1
                    : at[0] >= 0xf0 && at[0] < 0xf8 ? 4
                    : at[0] >= 0xe0 && at[0] < 0xf0 ? 3
                    : at[0] >= 0xc0 && at[0] < 0xe0 ? 2
                                                    : 0;
    uint32_t code = length < 2 ? at[0] : at[0] & (0x7fu >> length);
    bool good = length > 0 && length <= n;
    for (size_t i = 1; good && i < length; i++) {
        good = (at[i] & 0xc0) == 0x80;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (!good || code < lowest[length] || code > UTF8_MAX || (code >= 0xd800 && code < 0xe000)) {
        *size = 1;
        return UTF8_MAX + 1 + at[0];
    }
    *size = length;
    return code;
}

size_t utf8_write(char *to, uint32_t code)
{
    if (code <= UTF8_MAX)
        return text_utf8(to, code);
    *to = (char)(code - (UTF8_MAX + 1));
    return 1;
}

/* Upper-case letters first, first + step, …, last, and how far behind each its lower-case letter is. */
static const struct {
    uint16_t first, last, step;
    int16_t lower;
} cases[] = {
    {0x41, 0x5a, 1, 32},   {0xc0, 0xd6, 1, 32},   {0xd8, 0xde, 1, 32},    {0x100, 0x12e, 2, 1},
    {0x132, 0x136, 2, 1},  {0x139, 0x147, 2, 1},  {0x14a, 0x176, 2, 1},   {0x178, 0x178, 1, -121},
    {0x179, 0x17d, 2, 1},  {0x1cd, 0x1db, 2, 1},  {0x1de, 0x1ee, 2, 1},   {0x1f8, 0x21e, 2, 1},
    {0x222, 0x232, 2, 1},  {0x386, 0x386, 1, 38}, {0x388, 0x38a, 1, 37},  {0x38c, 0x38c, 1, 64},
    {0x38e, 0x38f, 1, 63}, {0x391, 0x3a1, 1, 32}, {0x3a3, 0x3ab, 1, 32},  {0x400, 0x40f, 1, 80},
    {0x410, 0x42f, 1, 32}, {0x460, 0x480, 2, 1},  {0x48a, 0x4be, 2, 1},   {0x4c1, 0x4cd, 2, 1},
    {0x4d0, 0x52e, 2, 1},  {0x531, 0x556, 1, 48}, {0x1e00, 0x1e94, 2, 1}, {0x1ea0, 0x1efe, 2, 1},
};

uint32_t utf8_lower(uint32_t code)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (code >= cases[i].first && code <= cases[i].last)
            return (code - cases[i].first) % cases[i].step == 0 ? (uint32_t)((int32_t)code + cases[i].lower) : code;
    return code;
}

uint32_t utf8_upper(uint32_t code)
{
    if (code == 0x3c2) /* final sigma */
        return 0x3a3;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t upper = (int32_t)code - cases[i].lower;
        if (upper >= cases[i].first && upper <= cases[i].last && (upper - cases[i].first) % cases[i].step == 0)
            return (uint32_t)upper;
    }
    return code;
}
