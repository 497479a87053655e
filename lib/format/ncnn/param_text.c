/* The text form of a .param file: "type name inputs outputs blobs… id=value…" for each layer. Line ends mean no more
 * than blanks, as to ncnn's own reader. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "format/ncnn/net.h"
#include "parse/words.h"

/* The bytes before the '=' of a parameter, when one comes next; it and the '=' are taken then. */
static bool next_key(struct words *w, int64_t *key)
{
    words_skip(w);
    const char *p = w->at;
    if (p < w->end && *p == '-')
        p++;
    const char *digits = p;
    while (p < w->end && isdigit((unsigned char)*p))
        p++;
    if (p == digits || p == w->end || *p != '=' || !text_to_i64(w->at, (size_t)(p - w->at), key))
        return false;
    w->at = p + 1;
    return true;
}

static bool is_float(struct word t)
{
    return memchr(t.at, '.', t.size) || memchr(t.at, 'e', t.size) || memchr(t.at, 'E', t.size);
}

/* One number as a word; its kind becomes that of the parameter. ncnn reads integers as C does, modulo 2^32. */
static int number(struct words *w, struct word t, uint32_t *word, enum ncnn_kind *kind)
{
    int64_t i;
    float f;
    if (is_float(t) && text_to_f32(t.at, t.size, &f)) {
        memcpy(word, &f, sizeof(f));
        *kind = NCNN_FLOAT;
        return 0;
    }
    if (!text_to_i64(t.at, t.size, &i) || i < INT32_MIN || i > UINT32_MAX)
        return words_error(w, "a number", t);
    *word = (uint32_t)i;
    return 0;
}

/* The elements of "a,b,c", of which there must be `expected` when it is not negative. */
static int array(struct words *w, struct word t, int64_t expected, struct ncnn_param *p)
{
    size_t commas = 0;
    for (size_t i = 0; i < t.size; i++)
        commas += t.at[i] == ',';
    uint32_t *words = arena_alloc(w->arena, (commas + 1) * sizeof(*words), w->err);
    if (!words)
        return -1;
    const char *end = t.at + t.size;
    for (const char *at = t.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        struct word one = {at, (size_t)((comma ? comma : end) - at)};
        if (number(w, one, &words[p->count], &p->kind) != 0)
            return -1;
        p->count++;
        at = comma ? comma + 1 : end;
    }
    p->words = words;
    p->is_array = commas > 0 || expected >= 0;
    if (expected >= 0 && (size_t)expected != p->count)
        return error_set(w->err, "line %d: an array of %lld elements has %zu", w->line, (long long)expected, p->count);
    return 0;
}

/* "-23303=2,a,b": the number of elements stands first. */
static int counted_array(struct words *w, struct ncnn_param *p)
{
    struct word t = words_next(w);
    const char *comma = memchr(t.at, ',', t.size);
    size_t size = comma ? (size_t)(comma - t.at) : t.size;
    int64_t expected;
    if (!text_to_i64(t.at, size, &expected) || expected < 0)
        return words_error(w, "the number of elements of an array", t);
    struct word rest = {t.at + size, t.size - size};
    if (rest.size) {
        rest.at++;
        rest.size--;
    }
    return array(w, rest, expected, p);
}

/* A word, or anything between quotes on one line. */
static int string(struct words *w, struct ncnn_param *p)
{
    struct word t = {w->at, 0};
    if (*w->at == '"') {
        t.at++;
        const char *limit = memchr(t.at, '\n', (size_t)(w->end - t.at));
        const char *quote = memchr(t.at, '"', (size_t)((limit ? limit : w->end) - t.at));
        if (!quote)
            return error_set(w->err, "line %d: a string without its closing quote", w->line);
        t.size = (size_t)(quote - t.at);
        w->at = quote + 1;
    } else {
        t = words_next(w);
    }
    p->kind = NCNN_STRING;
    p->string = arena_strndup(w->arena, t.at, t.size, w->err);
    return p->string ? 0 : -1;
}

static int parameter(struct words *w, int64_t key, struct ncnn_param *p)
{
    bool counted = key <= -23300;
    if (counted)
        key = -key - 23300;
    if (key < 0 || key > 31)
        return error_set(w->err, "line %d: parameter %lld; 0 to 31 were expected", w->line, (long long)key);
    p->id = (int)key;
    if (counted)
        return counted_array(w, p);
    if (w->at < w->end && (isalpha((unsigned char)*w->at) || *w->at == '"'))
        return string(w, p);
    struct word t = words_next(w);
    return t.size ? array(w, t, -1, p) : words_error(w, "a value", t);
}

/* A parameter that is given again replaces the former one. */
static int parameters(struct words *w, struct ncnn_layer *l)
{
    struct ncnn_param *byid[32] = {NULL};
    for (int64_t key; next_key(w, &key);) {
        struct ncnn_param *p = arena_alloc(w->arena, sizeof(*p), w->err);
        if (!p || parameter(w, key, p) != 0)
            return -1;
        byid[p->id] = p;
    }
    for (int i = 31; i >= 0; i--)
        if (byid[i]) {
            byid[i]->next = l->params;
            l->params = byid[i];
        }
    return 0;
}

static int layer(struct ncnn_net *net, struct words *w)
{
    struct ncnn_layer *l = ncnn_add_layer(net, w->err);
    int64_t ins, outs;
    if (!l || !(l->type = words_name(w, "a layer's type")) || !(l->name = words_name(w, "a layer's name")) ||
        words_count(w, "the number of inputs", &ins) != 0 || words_count(w, "the number of outputs", &outs) != 0 ||
        words_names(w, "the name of a blob", ins, &l->in_count, &l->in) != 0 ||
        words_names(w, "the name of a blob", outs, &l->out_count, &l->out) != 0)
        return -1;
    return parameters(w, l);
}

static int magic(struct words *w)
{
    int64_t number;
    struct word word = words_next(w);
    if (text_to_i64(word.at, word.size, &number) && number == NCNN_MAGIC)
        return 0;
    return words_error(w, "the magic number 7767517", word);
}

bool ncnn_is_text(const void *data, size_t size)
{
    struct words w = {.at = data, .end = (const char *)data + size, .any_line = true};
    if (magic(&w) != 0)
        return false;
    words_next(&w);
    words_next(&w);
    struct word type = words_next(&w);
    return !memchr(type.at, '.', type.size);
}

int ncnn_read_text(struct ncnn_net *net, const void *data, size_t size, struct error *err)
{
    struct words w = {
        .at = data, .end = (const char *)data + size, .line = 1, .any_line = true, .arena = &net->arena, .err = err};
    int64_t layers, blobs, seen = 0;
    if (magic(&w) != 0 || words_count(&w, "the number of layers", &layers) != 0 ||
        words_count(&w, "the number of blobs", &blobs) != 0)
        return -1;
    for (; words_skip(&w); seen++)
        if (seen >= layers)
            return error_set(err, "line %d: more than the %lld layers that the file states", w.line, (long long)layers);
        else if (layer(net, &w) != 0)
            return -1;
    if (seen != layers)
        return error_set(err, "%lld layers where the file states %lld", (long long)seen, (long long)layers);
    return 0;
}
