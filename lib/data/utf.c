#include "data/utf.h"

#define REPLACEMENT 0xfffd

static bool is_point(uint32_t p)
{
    return p < 0x110000 && (p < 0xd800 || p > 0xdfff);
}

void data_utf8_put(struct text *text, uint32_t p)
{
    char c[4];
    text_add(text, c, text_utf8(c, is_point(p) ? p : REPLACEMENT));
}

uint32_t data_utf8_get(const uint8_t **at, const uint8_t *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *at;
    uint32_t c = *p++;
    int n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
    *at = p;
    if (n <= 1)
        return n ? c : REPLACEMENT;
    c &= 0x7fu >> n;
    for (int i = 1; i < n; i++, p++) {
        if (p == end || *p >> 6 != 2)
            return REPLACEMENT;
        c = c << 6 | (*p & 0x3f);
    }
    if (c < least[n] || !is_point(c))
        return REPLACEMENT;
    *at = p;
    return c;
}
