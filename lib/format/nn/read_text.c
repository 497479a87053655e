/* Words, names and numbers of the header. */
#include "format/nn/read.h"

#include <string.h>

bool nn_is(struct nn_span s, const char *text)
{
    return strlen(text) == s.n && memcmp(s.at, text, s.n) == 0;
}

bool nn_begins(struct nn_span s, const char *text)
{
    size_t n = strlen(text);

    return n <= s.n && memcmp(s.at, text, n) == 0;
}

size_t nn_find(struct nn_span s, char c)
{
    const char *at = s.n ? memchr(s.at, c, s.n) : NULL;

    return at ? (size_t)(at - s.at) : s.n;
}

int nn_shown(struct nn_span s)
{
    return s.n < 80 ? (int)s.n : 80;
}

bool nn_word(struct nn_span *line, struct nn_span *word)
{
    while (line->n && *line->at == ' ')
        *line = nn_skip(*line, 1);
    *word = (struct nn_span){line->at, nn_find(*line, ' ')};
    *line = nn_skip(*line, word->n);
    return word->n > 0;
}

/* ---- escapes ---- */

int nn_unescape(struct nn_span word, struct text *buffer, struct str *result, struct error *err)
{
    ptrdiff_t n;

    buffer->size = 0;
    text_add(buffer, word.at, word.n);
    if (buffer->failed)
        return error_memory(err);
    n = text_unescape(buffer->data, buffer->size);
    if (n < 0)
        return error_set(err, "'%.*s' has a malformed escape; want %% and two hexadecimal digits", nn_shown(word),
                         word.at);
    *result = (struct str){buffer->data, (size_t)n};
    return 0;
}

const char *nn_name(struct nn_span word, struct text *buffer, struct error *err)
{
    struct str name;

    if (nn_is(word, "-"))
        return "";
    if (nn_unescape(word, buffer, &name, err) != 0)
        return NULL;
    if (strlen(name.data) == name.size)
        return name.data;
    error_set(err, "the name '%.*s' holds a NUL byte", nn_shown(word), word.at);
    return NULL;
}

int nn_unquote(struct nn_span quoted, struct text *buffer, struct str *result, struct error *err)
{
    if (quoted.n < 2 || quoted.at[0] != '"' || nn_find(nn_skip(quoted, 1), '"') != quoted.n - 2)
        return error_set(err, "'%.*s' is no quoted string", nn_shown(quoted), quoted.at);
    return nn_unescape((struct nn_span){quoted.at + 1, quoted.n - 2}, buffer, result, err);
}

/* ---- lists ---- */

bool nn_item(struct nn_span *list, char separator, struct nn_span *item)
{
    size_t n = 0;

    if (!list->n)
        return false;
    if (*list->at == '"') {
        n = 1 + nn_find(nn_skip(*list, 1), '"');
        n += n < list->n;
    }
    n += nn_find(nn_skip(*list, n), separator);
    n += n + 1 == list->n; /* a separator at the very end stays in the item and makes it a wrong one */
    *item = (struct nn_span){list->at, n};
    *list = nn_skip(*list, n + (n < list->n));
    return true;
}

/* ---- numbers ---- */

int nn_i64(struct nn_span s, int64_t *value, struct error *err)
{
    if (text_to_i64(s.at, s.n, value))
        return 0;
    return error_set(err, "'%.*s' is no integer of 64 bits", nn_shown(s), s.at);
}

static bool hex_bits(struct nn_span s, size_t digits, uint64_t *bits)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t sum = 0;

    for (size_t i = 0; i < s.n; i++) {
        const char *digit = strchr(hex, s.at[i]);

        if (!digit)
            return false;
        sum = sum << 4 | (uint64_t)(digit - hex);
    }
    *bits = sum;
    return s.n == digits;
}

int nn_float_element(struct nn_span s, enum dtype dtype, uint64_t *bits, struct error *err)
{
    const struct nn_float *f = nn_float_of(dtype);

    if (nn_is(s, "nan")) {
        *bits = f->nan;
        return 0;
    }
    if (nn_begins(s, "nan:") ? hex_bits(nn_skip(s, 4), 2 * f->bytes, bits) && nn_is_nan(f, *bits)
                             : nn_decimal_bits(s.at, s.n, dtype, bits))
        return 0;
    return error_set(err, "'%.*s' is no number of type %s", nn_shown(s), s.at, dtype_info(dtype)->name);
}

int nn_float(struct nn_span s, float *value, struct error *err)
{
    uint64_t bits;
    uint32_t low;

    if (nn_float_element(s, DTYPE_F32, &bits, err) != 0)
        return -1;
    low = (uint32_t)bits;
    memcpy(value, &low, sizeof low);
    return 0;
}
