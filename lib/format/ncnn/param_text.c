/* The text form of a .param file: "type name inputs outputs blobs… id=value…" for each layer. Line ends mean no more
 * than blanks, as to ncnn's own reader. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "format/ncnn/net.h"

struct scan {
    const char *at, *end;
    int line;
    struct ncnn_net *net;
    struct error *err;
};

struct token {
    const char *at;
    size_t size;
};

static int scan_error(const struct scan *s, const char *what, struct token t)
{
    return error_set(s->err, "line %d: %s, not '%.*s'", s->line, what, t.size > 60 ? 60 : (int)t.size, t.at);
}

static void skip_blanks(struct scan *s)
{
    for (; s->at < s->end && isspace((unsigned char)*s->at); s->at++)
        s->line += *s->at == '\n';
}

/* The next run of bytes that are no blanks; empty at the end. */
static struct token next_token(struct scan *s)
{
    skip_blanks(s);
    struct token t = {s->at, 0};
    while (s->at < s->end && !isspace((unsigned char)*s->at))
        s->at++;
    t.size = (size_t)(s->at - t.at);
    return t;
}

static int next_int(struct scan *s, const char *what, int64_t *value)
{
    struct token t = next_token(s);
    return text_to_i64(t.at, t.size, value) ? 0 : scan_error(s, what, t);
}

static const char *next_name(struct scan *s, const char *what)
{
    struct token t = next_token(s);
    if (!t.size) {
        scan_error(s, what, t);
        return NULL;
    }
    return arena_strndup(&s->net->arena, t.at, t.size, s->err);
}

/* The bytes before the '=' of a parameter, when one comes next; it and the '=' are taken then. */
static bool next_key(struct scan *s, int64_t *key)
{
    skip_blanks(s);
    const char *p = s->at;
    if (p < s->end && *p == '-')
        p++;
    const char *digits = p;
    while (p < s->end && isdigit((unsigned char)*p))
        p++;
    if (p == digits || p == s->end || *p != '=' || !text_to_i64(s->at, (size_t)(p - s->at), key))
        return false;
    s->at = p + 1;
    return true;
}

static bool is_float(struct token t)
{
    return memchr(t.at, '.', t.size) || memchr(t.at, 'e', t.size) || memchr(t.at, 'E', t.size);
}

/* One number as a word; its kind becomes that of the parameter. ncnn reads integers as C does, modulo 2^32. */
static int number(struct scan *s, struct token t, uint32_t *word, enum ncnn_kind *kind)
{
    int64_t i;
    float f;
    if (is_float(t) && text_to_f32(t.at, t.size, &f)) {
        memcpy(word, &f, sizeof(f));
        *kind = NCNN_FLOAT;
        return 0;
    }
    if (!text_to_i64(t.at, t.size, &i) || i < INT32_MIN || i > UINT32_MAX)
        return scan_error(s, "a number was expected", t);
    *word = (uint32_t)i;
    return 0;
}

/* The elements of "a,b,c", of which there must be `expected` when it is not negative. */
static int array(struct scan *s, struct token t, int64_t expected, struct ncnn_param *p)
{
    size_t commas = 0;
    for (size_t i = 0; i < t.size; i++)
        commas += t.at[i] == ',';
    uint32_t *words = arena_alloc(&s->net->arena, (commas + 1) * sizeof(*words), s->err);
    if (!words)
        return -1;
    const char *end = t.at + t.size;
    for (const char *at = t.at; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        struct token one = {at, (size_t)((comma ? comma : end) - at)};
        if (number(s, one, &words[p->count], &p->kind) != 0)
            return -1;
        p->count++;
        at = comma ? comma + 1 : end;
    }
    p->words = words;
    p->is_array = commas > 0 || expected >= 0;
    if (expected >= 0 && (size_t)expected != p->count)
        return error_set(s->err, "line %d: an array of %lld elements has %zu", s->line, (long long)expected, p->count);
    return 0;
}

/* "-23303=2,a,b": the number of elements stands first. */
static int counted_array(struct scan *s, struct ncnn_param *p)
{
    struct token t = next_token(s);
    const char *comma = memchr(t.at, ',', t.size);
    size_t size = comma ? (size_t)(comma - t.at) : t.size;
    int64_t expected;
    if (!text_to_i64(t.at, size, &expected) || expected < 0)
        return scan_error(s, "an array starts with its number of elements", t);
    struct token rest = {t.at + size, t.size - size};
    if (rest.size) {
        rest.at++;
        rest.size--;
    }
    return array(s, rest, expected, p);
}

/* A word, or anything between quotes on one line. */
static int string(struct scan *s, struct ncnn_param *p)
{
    struct token t = {s->at, 0};
    if (*s->at == '"') {
        t.at++;
        const char *limit = memchr(t.at, '\n', (size_t)(s->end - t.at));
        const char *quote = memchr(t.at, '"', (size_t)((limit ? limit : s->end) - t.at));
        if (!quote)
            return error_set(s->err, "line %d: a string without its closing quote", s->line);
        t.size = (size_t)(quote - t.at);
        s->at = quote + 1;
    } else {
        t = next_token(s);
    }
    p->kind = NCNN_STRING;
    p->string = arena_strndup(&s->net->arena, t.at, t.size, s->err);
    return p->string ? 0 : -1;
}

static int parameter(struct scan *s, int64_t key, struct ncnn_param *p)
{
    bool counted = key <= -23300;
    if (counted)
        key = -key - 23300;
    if (key < 0 || key > 31)
        return error_set(s->err, "line %d: parameter %lld; 0 to 31 were expected", s->line, (long long)key);
    p->id = (int)key;
    if (counted)
        return counted_array(s, p);
    if (s->at < s->end && (isalpha((unsigned char)*s->at) || *s->at == '"'))
        return string(s, p);
    struct token t = next_token(s);
    return t.size ? array(s, t, -1, p) : scan_error(s, "a value was expected", t);
}

/* A parameter that is given again replaces the former one. */
static int parameters(struct scan *s, struct ncnn_layer *l)
{
    struct ncnn_param *byid[32] = {NULL};
    for (int64_t key; next_key(s, &key);) {
        struct ncnn_param *p = arena_alloc(&s->net->arena, sizeof(*p), s->err);
        if (!p || parameter(s, key, p) != 0)
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

static int names(struct scan *s, int64_t count, int *out_count, const char ***out)
{
    if (count < 0 || count > s->end - s->at)
        return error_set(s->err, "line %d: a layer of %lld blobs on one side", s->line, (long long)count);
    *out = arena_alloc(&s->net->arena, (size_t)count * sizeof(**out), s->err);
    if (!*out)
        return -1;
    for (; *out_count < count; ++*out_count)
        if (!((*out)[*out_count] = next_name(s, "the name of a blob was expected")))
            return -1;
    return 0;
}

static int layer(struct scan *s)
{
    struct ncnn_layer *l = ncnn_add_layer(s->net, s->err);
    int64_t ins, outs;
    if (!l || !(l->type = next_name(s, "a layer's type was expected")) ||
        !(l->name = next_name(s, "a layer's name was expected")) ||
        next_int(s, "the number of inputs was expected", &ins) != 0 ||
        next_int(s, "the number of outputs was expected", &outs) != 0)
        return -1;
    if (names(s, ins, &l->in_count, &l->in) != 0 || names(s, outs, &l->out_count, &l->out) != 0)
        return -1;
    return parameters(s, l);
}

static struct scan scan_of(struct ncnn_net *net, const void *data, size_t size, struct error *err)
{
    return (struct scan){.at = data, .end = (const char *)data + size, .line = 1, .net = net, .err = err};
}

bool ncnn_is_text(const void *data, size_t size)
{
    struct scan s = scan_of(NULL, data, size, NULL);
    int64_t magic;
    if (next_int(&s, "", &magic) != 0 || magic != NCNN_MAGIC)
        return false;
    next_token(&s);
    next_token(&s);
    struct token type = next_token(&s);
    return !memchr(type.at, '.', type.size);
}

int ncnn_read_text(struct ncnn_net *net, const void *data, size_t size, struct error *err)
{
    struct scan s = scan_of(net, data, size, err);
    int64_t magic, layers, blobs, seen = 0;
    if (next_int(&s, "the magic number 7767517 was expected", &magic) != 0 ||
        next_int(&s, "the number of layers was expected", &layers) != 0 ||
        next_int(&s, "the number of blobs was expected", &blobs) != 0)
        return -1;
    for (skip_blanks(&s); s.at < s.end; skip_blanks(&s), seen++)
        if (seen >= layers)
            return error_set(err, "line %d: more than the %lld layers that the file states", s.line, (long long)layers);
        else if (layer(&s) != 0)
            return -1;
    if (seen != layers)
        return error_set(err, "%lld layers where the file states %lld", (long long)seen, (long long)layers);
    return 0;
}
