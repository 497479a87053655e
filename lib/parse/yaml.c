#include "parse/yaml.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define MAX_ANCHORS 64

/* A value that has a name: where its JSON lies. */
struct anchor {
    const char *name;
    size_t n, from, to;
};

/* The text is rewritten as JSON line by line: what is nested follows from how far lines are indented. */
struct reader {
    const char *next, *end; /* behind the line at hand */
    const char *at;         /* what is left of the line, comments and blanks behind it cut off */
    size_t n;
    int indent; /* the column of `at` */
    int number, depth;
    bool done; /* no line is left */
    struct anchor anchors[MAX_ANCHORS];
    size_t anchor_count;
    struct text *out;
    struct error *err;
};

static int fail(const struct reader *r, const char *what)
{
    return error_set(r->err, "YAML: line %d: want %s", r->number, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* ---- lines ---- */

/* The end of a quoted string that begins at `i`: behind its closing quote, or n. */
static size_t skip_quoted(const char *s, size_t n, size_t i)
{
    char quote = s[i++];
    for (; i < n; i++) {
        bool doubled = s[i] == '\'' && i + 1 < n && s[i + 1] == '\'';
        if (quote == '"' ? s[i] == '\\' : doubled)
            i++;
        else if (s[i] == quote)
            return i + 1;
    }
    return n;
}

/* Whether a quote at `i` begins a string: not within a plain scalar, as in "it's". */
static bool begins_string(const char *s, size_t i)
{
    return (s[i] == '"' || s[i] == '\'') && (i == 0 || is_blank(s[i - 1]) || strchr("[{,:", s[i - 1]));
}

/* The length of a line without comment and blanks behind it. */
static size_t content_length(const char *s, size_t n)
{
    size_t i = 0, last = 0;
    while (i < n && !(s[i] == '#' && (i == 0 || is_blank(s[i - 1])))) {
        bool blank = is_blank(s[i]);
        i = begins_string(s, i) ? skip_quoted(s, n, i) : i + 1;
        last = blank ? last : i;
    }
    return last;
}

static void take(struct reader *r, size_t n)
{
    r->at += n;
    r->n -= n;
    r->indent += (int)n;
    while (r->n && is_blank(*r->at)) {
        r->at++;
        r->n--;
        r->indent++;
    }
}

static bool is_marker(const struct reader *r)
{
    return r->indent == 0 && (r->n == 3 || (r->n > 3 && is_blank(r->at[3]))) &&
           (memcmp(r->at, "---", 3) == 0 || memcmp(r->at, "...", 3) == 0);
}

/* The next line that holds something. */
static int next_line(struct reader *r)
{
    r->n = 0;
    while (r->next < r->end && !r->n) {
        const char *stop = memchr(r->next, '\n', (size_t)(r->end - r->next));
        size_t n = (size_t)((stop ? stop : r->end) - r->next);
        r->at = r->next;
        r->n = content_length(r->at, n);
        r->next += n + (stop != NULL);
        r->indent = 0;
        r->number++;
        if (r->n && *r->at == '\t')
            return fail(r, "blanks, not a tab, before a line");
        take(r, 0);
        if (is_marker(r))
            r->n = 0;
    }
    r->done = !r->n;
    return 0;
}

/* ---- scalars ---- */

static int put_string(struct reader *r, const char *s, size_t n)
{
    text_puts(r->out, "\"");
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20)
            return fail(r, "printable characters");
        text_puts(r->out, s[i] == '"' || s[i] == '\\' ? "\\" : "");
        text_add(r->out, s + i, 1);
    }
    text_puts(r->out, "\"");
    return 0;
}

/* Behind 'x': a quote stands for itself when doubled. */
static int put_single_quoted(struct reader *r, const char *s, size_t n)
{
    struct text plain;
    text_init(&plain);
    for (size_t i = 1; i + 1 < n; i++) {
        text_add(&plain, s + i, 1);
        i += s[i] == '\'';
    }
    int failed = plain.failed ? error_memory(r->err) : put_string(r, plain.data ? plain.data : "", plain.size);
    text_release(&plain);
    return failed;
}

/* Escapes are those of JSON, and \x. */
static int put_double_quoted(struct reader *r, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20)
            return fail(r, "printable characters");
        if (s[i] == '\\' && i + 1 < n && s[i + 1] == 'x') {
            text_puts(r->out, "\\u00");
            i++;
            continue;
        }
        text_add(r->out, s + i, 1);
        if (s[i] == '\\' && i + 1 < n)
            text_add(r->out, s + ++i, 1);
    }
    return 0;
}

static bool is_number(const char *s, size_t n)
{
    double number;
    for (size_t i = 0; i < n; i++)
        if (!s[i] || !strchr("+-.0123456789eE", s[i]))
            return false;
    return text_to_f64(s, n, &number);
}

static bool is_one_of(const char *s, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (strlen(*words) == n && memcmp(s, *words, n) == 0)
            return true;
    return false;
}

static int put_plain(struct reader *r, const char *s, size_t n, bool key)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL}, *const no[] = {"false", "False", "FALSE", NULL};
    if (n && *s && strchr("&*!|>%@`", *s))
        return fail(r, "no tags, block scalars or anchors but those of a value");
    if (key)
        return put_string(r, s, n);
    if (is_one_of(s, n, nothing))
        text_puts(r->out, "null");
    else if (is_one_of(s, n, yes) || is_one_of(s, n, no))
        text_puts(r->out, is_one_of(s, n, yes) ? "true" : "false");
    else if (is_number(s, n))
        text_add(r->out, s, n);
    else
        return put_string(r, s, n);
    return 0;
}

static int put_scalar(struct reader *r, const char *s, size_t n, bool key)
{
    bool quoted = n && (*s == '"' || *s == '\'');
    if (quoted && (n < 2 || skip_quoted(s, n, 0) != n || s[n - 1] != *s))
        return fail(r, "a quote at the end of a string");
    if (!quoted)
        return put_plain(r, s, n, key);
    return *s == '"' ? put_double_quoted(r, s, n) : put_single_quoted(r, s, n);
}

/* ---- flow style, perhaps over several lines; JSON's reader judges how it is nested ---- */

static bool ends_key(const char *s, size_t n, size_t i)
{
    return s[i] == ':' && (i + 1 == n || strchr(" \t\r,[]{}\"'", s[i + 1]));
}

/* The length of the scalar at hand. */
static size_t flow_length(const struct reader *r)
{
    size_t i = 0;
    if (*r->at == '"' || *r->at == '\'')
        return skip_quoted(r->at, r->n, 0);
    while (i < r->n && !strchr(",[]{}", r->at[i]) && !ends_key(r->at, r->n, i))
        i++;
    while (i && is_blank(r->at[i - 1]))
        i--;
    return i;
}

static int put_flow_scalar(struct reader *r)
{
    size_t n = flow_length(r);
    const char *s = r->at;
    if (!n)
        return fail(r, "printable characters");
    take(r, n);
    return put_scalar(r, s, n, r->n && ends_key(r->at, r->n, 0));
}

static int put_flow(struct reader *r)
{
    int open = 0;
    do {
        if (!r->n && next_line(r))
            return -1;
        if (r->done)
            return fail(r, "the end of brackets");
        char c = *r->at;
        if (strchr("[]{},:", c)) {
            open += (c == '[' || c == '{') - (c == ']' || c == '}');
            text_add(r->out, r->at, 1);
            take(r, 1);
        } else if (put_flow_scalar(r))
            return -1;
    } while (open > 0);
    return r->n ? fail(r, "nothing behind brackets") : next_line(r);
}

/* ---- block style ---- */

/* The length of an anchor or alias that the line begins with. */
static size_t name_length(const struct reader *r)
{
    size_t i = 1;
    while (i < r->n && !is_blank(r->at[i]))
        i++;
    return i;
}

/* What an alias stands for, copied: the last value of that name. Aliases of aliases grow no further than a text may. */
static int put_alias(struct reader *r)
{
    size_t n = name_length(r), i = r->anchor_count;
    while (i && !(r->anchors[i - 1].n == n - 1 && memcmp(r->anchors[i - 1].name, r->at + 1, n - 1) == 0))
        i--;
    if (!i || n < r->n)
        return fail(r, "an alias of an anchor before it");
    struct text copy;
    text_init(&copy);
    if (!r->out->failed)
        text_add(&copy, r->out->data + r->anchors[i - 1].from, r->anchors[i - 1].to - r->anchors[i - 1].from);
    text_add(r->out, copy.data, copy.size);
    r->out->failed = r->out->failed || copy.failed;
    text_release(&copy);
    return r->out->size > JSON_MAX_BYTES ? fail(r, "less behind aliases") : next_line(r);
}

/* What is left of the line, and the line after it. */
static int put_rest(struct reader *r)
{
    if (*r->at == '[' || *r->at == '{')
        return put_flow(r);
    if (*r->at == '*')
        return put_alias(r);
    return put_scalar(r, r->at, r->n, false) ? -1 : next_line(r);
}

static bool is_item(const struct reader *r)
{
    return !r->done && *r->at == '-' && (r->n == 1 || is_blank(r->at[1]));
}

/* The length of the key that the line begins with; 0: it begins with none. */
static size_t key_length(const struct reader *r)
{
    size_t i = 0;
    if (r->done || *r->at == '[' || *r->at == '{' || is_item(r))
        return 0;
    if (*r->at == '"' || *r->at == '\'')
        i = skip_quoted(r->at, r->n, 0);
    while (i < r->n && !(r->at[i] == ':' && (i + 1 == r->n || is_blank(r->at[i + 1]))))
        i++;
    return i < r->n ? i : 0;
}

static int put_block(struct reader *r, int indent);

/* What belongs to a key or dash behind which the line holds nothing more. */
static int put_nested(struct reader *r, int indent, bool key)
{
    if (next_line(r))
        return -1;
    if (!r->done && (r->indent > indent || (key && r->indent == indent && is_item(r))))
        return put_block(r, r->indent);
    text_puts(r->out, "null");
    return 0;
}

/* What stands behind a key or dash, perhaps behind an anchor. */
static int put_value(struct reader *r, int indent, bool key)
{
    struct anchor a = {.from = r->out->size};
    if (r->n && *r->at == '&') {
        a.name = r->at + 1;
        a.n = name_length(r) - 1;
        take(r, a.n + 1);
    }
    if (!r->n ? put_nested(r, indent, key) : key ? put_rest(r) : put_block(r, r->indent))
        return -1;
    a.to = r->out->size;
    if (a.n && r->anchor_count == MAX_ANCHORS)
        return fail(r, "fewer anchors");
    if (a.n)
        r->anchors[r->anchor_count++] = a;
    return 0;
}

static int put_items(struct reader *r, int indent)
{
    for (bool first = true; is_item(r) && r->indent == indent; first = false) {
        text_puts(r->out, first ? "[" : ",");
        take(r, 1);
        if (put_value(r, indent, false))
            return -1;
    }
    text_puts(r->out, "]");
    return 0;
}

static int put_members(struct reader *r, int indent)
{
    size_t n;
    for (bool first = true; r->indent == indent && (n = key_length(r)) != 0; first = false) {
        text_puts(r->out, first ? "{" : ",");
        size_t key = n;
        while (is_blank(r->at[key - 1]))
            key--;
        if (key == 2 && memcmp(r->at, "<<", 2) == 0)
            return fail(r, "no merge key");
        if (put_scalar(r, r->at, key, true))
            return -1;
        text_puts(r->out, ":");
        take(r, n + 1);
        if (put_value(r, indent, true))
            return -1;
    }
    text_puts(r->out, "}");
    return 0;
}

static int put_block(struct reader *r, int indent)
{
    if (++r->depth > JSON_MAX_DEPTH)
        return fail(r, "less depth");
    if (is_item(r) ? put_items(r, indent) : key_length(r) ? put_members(r, indent) : put_rest(r))
        return -1;
    r->depth--;
    return !r->done && r->indent > indent ? fail(r, "a line that is indented as one before it") : 0;
}

int yaml_parse(struct json *out, const char *text, size_t n, struct error *err)
{
    struct text json;
    struct reader r = {.next = text, .end = text + n, .out = &json, .err = err};
    if (n > JSON_MAX_BYTES)
        return error_set(err, "YAML: %zu bytes: want at most %d", n, JSON_MAX_BYTES);
    text_init(&json);
    int failed = next_line(&r);
    if (!failed && r.done)
        failed = fail(&r, "something");
    if (!failed)
        failed = put_block(&r, r.indent);
    if (!failed && !r.done)
        failed = fail(&r, "a line that is indented as one before it");
    if (!failed)
        failed = json.failed ? error_memory(err) : json_parse(out, json.data, json.size, err);
    text_release(&json);
    return failed;
}
