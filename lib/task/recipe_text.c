#include "task/recipe_text.h"

#include <math.h>
#include <string.h>

struct slice slice_cut(struct slice *s, char c)
{
    const char *end = memchr(s->at, c, s->n);
    struct slice head = {s->at, end ? (size_t)(end - s->at) : s->n};
    size_t used = head.n + (end != NULL);
    s->at += used;
    s->n -= used;
    return head;
}

int slice_split(struct slice s, char c, struct slice *part, int most)
{
    int n = 0;
    for (bool more = true; more; n++) {
        if (n == most)
            return -1;
        more = memchr(s.at, c, s.n) != NULL;
        part[n] = slice_cut(&s, c);
    }
    return n;
}

bool slice_is(struct slice s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.at, word, s.n) == 0;
}

int slice_find(struct slice s, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (s.n && slice_is(s, words[i]))
            return i;
    return -1;
}

int slice_number(struct slice s, int low, int high, int *out)
{
    int64_t v;
    if (!text_to_i64(s.at, s.n, &v) || v < low || v > high)
        return -1;
    *out = (int)v;
    return 0;
}

int slice_float(struct slice s, float *out)
{
    return text_to_f32(s.at, s.n, out) && isfinite(*out) ? 0 : -1;
}
