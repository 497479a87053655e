#include "parse/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct reader {
    struct json *j;
    char *at, *end; /* *end is NUL, which ends every loop */
    int depth;
    struct error *err;
};

static int fail(const struct reader *r, const char *what)
{
    return error_set(r->err, "JSON: byte %td: want %s", r->at - r->j->text, what);
}

static void skip_space(struct reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

static int hex_digits(const char *s, unsigned *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *d = s[i] ? strchr(digits, s[i]) : NULL;
        if (!d)
            return -1;
        *value = *value * 16 + (unsigned)((d - digits) % 16);
    }
    return 0;
}

/* Behind "\u". */
static int read_unicode(struct reader *r, char **to)
{
    unsigned c, low;
    if (hex_digits(r->at, &c) || c == 0)
        return fail(r, "four hexadecimal digits, not all 0");
    r->at += 4;
    if (c >= 0xd800 && c < 0xdc00 && strncmp(r->at, "\\u", 2) == 0 && !hex_digits(r->at + 2, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        r->at += 6;
    }
    if (c >= 0xd800 && c < 0xe000)
        return fail(r, "a pair of surrogates");
    *to += text_utf8(*to, c); /* shorter than the escape that it replaces */
    return 0;
}

static int read_escape(struct reader *r, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    char c = *r->at;
    const char *found = c ? strchr(from, c) : NULL;
    if (c == 'u') {
        r->at++;
        return read_unicode(r, to);
    }
    if (!found)
        return fail(r, "an escape");
    r->at++;
    *(*to)++ = into[found - from];
    return 0;
}

/* Unescaped in place, since that never makes it longer. */
static int read_string(struct reader *r, const char **out)
{
    char *to = r->at;
    if (*r->at++ != '"') {
        r->at--;
        return fail(r, "a string");
    }
    *out = to;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return fail(r, "the end of a string");
        if (*r->at != '\\')
            *to++ = *r->at++;
        else if (r->at++, read_escape(r, &to))
            return -1;
    }
    r->at++;
    *to = 0;
    return 0;
}

static int read_value(struct reader *r, size_t *index);

static int read_element(struct reader *r, bool named, size_t *index)
{
    const char *key = NULL;
    skip_space(r);
    if (named) {
        if (read_string(r, &key))
            return -1;
        skip_space(r);
        if (*r->at != ':')
            return fail(r, "':'");
        r->at++;
    }
    if (read_value(r, index))
        return -1;
    r->j->node[*index].key = key;
    return 0;
}

/* What stands between brackets, up to `close`. */
static int read_elements(struct reader *r, size_t self, char close)
{
    size_t last = 0, index;
    if (++r->depth > JSON_MAX_DEPTH)
        return fail(r, "less depth");
    r->at++;
    skip_space(r);
    for (bool more = *r->at != close; more;) {
        if (read_element(r, close == '}', &index))
            return -1;
        *(last ? &r->j->node[last].next : &r->j->node[self].first) = index;
        last = index;
        skip_space(r);
        more = *r->at == ',';
        r->at += more;
    }
    if (*r->at != close)
        return fail(r, close == '}' ? "',' or '}'" : "',' or ']'");
    r->at++;
    r->depth--;
    return 0;
}

/* Python also writes Infinity, -Infinity and NaN. */
static int read_number(struct reader *r, double *number)
{
    size_t sign = *r->at == '-', n = strspn(r->at, "+-.0123456789eE"), skipped = 0;
    if (strncmp(r->at + sign, "Infinity", 8) == 0) {
        n = sign + 3;
        skipped = 5;
    } else if (strncmp(r->at, "NaN", 3) == 0)
        n = 3;
    if (!text_to_f64(r->at, n, number))
        return fail(r, "a value");
    r->at += n + skipped;
    return 0;
}

static bool read_word(struct reader *r, enum json_kind *kind)
{
    static const char *const words[] = {[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true"};
    for (int i = JSON_NULL; i <= JSON_TRUE; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(r->at, words[i], n) == 0) {
            r->at += n;
            *kind = i;
            return true;
        }
    }
    return false;
}

static int read_kind(struct reader *r, size_t index)
{
    struct json_node *node = &r->j->node[index];
    char c = *r->at;
    if (read_word(r, &node->kind))
        return 0;
    node->kind = c == '{' ? JSON_OBJECT : c == '[' ? JSON_ARRAY : c == '"' ? JSON_STRING : JSON_NUMBER;
    if (node->kind == JSON_STRING)
        return read_string(r, &node->string);
    if (node->kind == JSON_NUMBER)
        return read_number(r, &node->number);
    return read_elements(r, index, c == '{' ? '}' : ']');
}

static int read_value(struct reader *r, size_t *index)
{
    struct json *j = r->j;
    if (mem_grow(&j->node, &j->cap, j->count + 1, sizeof *j->node, r->err))
        return -1;
    *index = j->count++;
    skip_space(r);
    j->node[*index] = (struct json_node){.at = (size_t)(r->at - j->text)};
    int failed = read_kind(r, *index);
    j->node[*index].end = (size_t)(r->at - j->text);
    return failed;
}

int json_parse(struct json *out, const char *text, size_t n, struct error *err)
{
    if (n > JSON_MAX_BYTES)
        return error_set(err, "JSON: %zu bytes: want at most %d", n, JSON_MAX_BYTES);
    struct json j = {.text = mem_calloc(n + 1, 1, err)};
    struct reader r = {.j = &j, .at = j.text, .end = j.text + n, .err = err};
    size_t root;
    if (!j.text)
        return -1;
    memcpy(j.text, text, n);
    int failed = read_value(&r, &root);
    skip_space(&r);
    if (!failed && r.at != r.end)
        failed = fail(&r, "nothing more");
    if (failed)
        json_release(&j);
    else
        *out = j;
    return failed;
}

void json_release(struct json *j)
{
    free(j->text);
    free(j->node);
}

const struct json_node *json_first(const struct json *j, const struct json_node *node)
{
    return node && node->first ? &j->node[node->first] : NULL;
}

const struct json_node *json_next(const struct json *j, const struct json_node *node)
{
    return node->next ? &j->node[node->next] : NULL;
}

const struct json_node *json_member(const struct json *j, const struct json_node *object, const char *key)
{
    if (!object || object->kind != JSON_OBJECT)
        return NULL;
    for (const struct json_node *m = json_first(j, object); m; m = json_next(j, m))
        if (strcmp(m->key, key) == 0)
            return m;
    return NULL;
}
