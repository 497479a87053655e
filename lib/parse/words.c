#include "parse/words.h"

#include <ctype.h>

#include "base/text.h"

bool words_skip(struct words *w)
{
    for (; w->at < w->end && isspace((unsigned char)*w->at); w->at++)
        w->line += *w->at == '\n';
    return w->at < w->end;
}

struct word words_next(struct words *w)
{
    if (w->any_line)
        words_skip(w);
    while (w->at < w->end && *w->at != '\n' && isspace((unsigned char)*w->at))
        w->at++;
    struct word word = {w->at, 0};
    while (w->at < w->end && *w->at && !isspace((unsigned char)*w->at))
        w->at++;
    word.size = (size_t)(w->at - word.at);
    return word;
}

int words_error(const struct words *w, const char *what, struct word found)
{
    return error_set(w->err, "line %d: %s was expected, not '%.*s'", w->line, what,
                     found.size > 60 ? 60 : (int)found.size, found.at);
}

const char *words_name(struct words *w, const char *what)
{
    struct word word = words_next(w);
    if (!word.size) {
        words_error(w, what, word);
        return NULL;
    }
    return arena_strndup(w->arena, word.at, word.size, w->err);
}

int words_names(struct words *w, const char *what, int64_t count, int *named, const char ***names)
{
    *names = arena_alloc(w->arena, (size_t)count * sizeof(**names), w->err);
    if (!*names)
        return -1;
    for (; *named < count; ++*named)
        if (!((*names)[*named] = words_name(w, what)))
            return -1;
    return 0;
}

int words_count(struct words *w, const char *what, int64_t *count)
{
    struct word word = words_next(w);
    bool fits = text_to_i64(word.at, word.size, count) && *count >= 0 && *count <= w->end - word.at;
    return fits ? 0 : words_error(w, what, word);
}
