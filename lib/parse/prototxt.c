#include "parse/prototxt.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

struct parser {
    const char *at, *end;
    int line;
    struct arena *arena;
    size_t nodes;
    struct error *err;
};

static int read_fields(struct parser *p, struct protobuf *to, const struct protobuf_type *type, char close, int depth);

static int fail(const struct parser *p, const char *what)
{
    return error_set(p->err, "line %d: %s", p->line, what);
}

/* ---- characters ---- */

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void skip_comment(struct parser *p)
{
    while (p->at < p->end && *p->at != '\n')
        p->at++;
}

/* The next character that is neither blank nor comment; 0 at the end. */
static char peek(struct parser *p)
{
    for (; p->at < p->end; p->at++) {
        if (*p->at == '#')
            skip_comment(p);
        if (p->at == p->end)
            break;
        if (*p->at == '\n')
            p->line++;
        else if (!isspace((unsigned char)*p->at))
            return *p->at;
    }
    return 0;
}

static bool accept(struct parser *p, char c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

/* Letters, digits, '_' and those in `also` from here on. */
static size_t run_of(const struct parser *p, const char *also)
{
    size_t n = 0, left = (size_t)(p->end - p->at);
    while (n < left && (is_word_char(p->at[n]) || (p->at[n] && strchr(also, p->at[n]))))
        n++;
    return n;
}

/* ---- values ---- */

/* Up to three octal or two hexadecimal digits. */
static int read_digits(struct parser *p, int base, int most)
{
    int value = 0;
    for (int i = 0; i < most && p->at < p->end && isxdigit((unsigned char)*p->at); i++, p->at++) {
        int digit = isdigit((unsigned char)*p->at) ? *p->at - '0' : tolower((unsigned char)*p->at) - 'a' + 10;
        if (digit >= base)
            break;
        value = value * base + digit;
    }
    return value & 0xff;
}

/* Behind a backslash. */
static char read_escape(struct parser *p)
{
    static const char names[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";
    char c = *p->at;
    if (c >= '0' && c <= '7')
        return (char)read_digits(p, 8, 3);
    p->at++;
    if (c == 'x' || c == 'X')
        return (char)read_digits(p, 16, 2);
    const char *name = c ? strchr(names, c) : NULL;
    return name ? bytes[name - names] : c;
}

/* Appends one quoted piece. */
static int read_quoted(struct parser *p, struct text *to)
{
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote && *p->at != '\n') {
        char c = *p->at++;
        if (c == '\\' && p->at < p->end)
            c = read_escape(p);
        if (!c)
            return fail(p, "a NUL in a string");
        text_add(to, &c, 1);
    }
    if (p->at == p->end || *p->at != quote)
        return fail(p, "a string without closing quote");
    p->at++;
    return 0;
}

/* Pieces that follow one another are one string. */
static int read_string(struct parser *p, struct protobuf *node)
{
    struct text text;
    int failed = 0;
    text_init(&text);
    while (!failed && (peek(p) == '"' || peek(p) == '\''))
        failed = read_quoted(p, &text);
    if (!failed && text.failed)
        failed = error_memory(p->err);
    if (!failed && !(node->text = arena_strndup(p->arena, text.data ? text.data : "", text.size, p->err)))
        failed = -1;
    node->size = text.size;
    node->kind = PROTOBUF_STRING;
    text_release(&text);
    return failed;
}

/* Hexadecimal and octal integers. */
static bool to_based(const char *s, size_t n, int64_t *value)
{
    int base = n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : n > 1 && s[0] == '0' ? 8 : 0;
    if (!base)
        return false;
    *value = 0;
    for (size_t i = base == 16 ? 2 : 1; i < n; i++) {
        int digit = isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower((unsigned char)s[i]) - 'a' + 10;
        if (!isxdigit((unsigned char)s[i]) || digit >= base || *value > INT64_MAX / base - 1)
            return false;
        *value = *value * base + digit;
    }
    return true;
}

static bool to_number(const char *s, size_t n, struct protobuf *node)
{
    node->kind = PROTOBUF_INT;
    if (to_based(s, n, &node->i) || text_to_i64(s, n, &node->i))
        return true;
    node->kind = PROTOBUF_FLOAT;
    if (n > 1 && (s[n - 1] == 'f' || s[n - 1] == 'F') && s[0] != 'i' && s[0] != 'I')
        n--;
    return text_to_f64(s, n, &node->f);
}

static bool begins_number(const char *s, size_t n)
{
    static const char *const words[] = {"inf", "nan", "infinity", "Infinity", "NaN"};
    for (int i = 0; i < 5; i++)
        if (n == strlen(words[i]) && memcmp(s, words[i], n) == 0)
            return true;
    return isdigit((unsigned char)s[0]) || s[0] == '.';
}

/* The characters of a number or word; a sign joins them only behind an exponent's e. */
static size_t scalar_size(const struct parser *p)
{
    size_t n = run_of(p, "."), left = (size_t)(p->end - p->at);
    bool number = n > 0 && begins_number(p->at, n) && !(n > 1 && (p->at[1] == 'x' || p->at[1] == 'X'));
    if (number && n < left && (p->at[n] == '+' || p->at[n] == '-') && (p->at[n - 1] == 'e' || p->at[n - 1] == 'E'))
        for (n++; n < left && is_word_char(p->at[n]);)
            n++;
    return n;
}

static int read_scalar(struct parser *p, struct protobuf *node)
{
    bool negative = accept(p, '-');
    if (!peek(p))
        return fail(p, "the text ends where a value is wanted");
    size_t n = scalar_size(p);
    const char *s = p->at;
    if (n == 0)
        return error_set(p->err, "line %d: '%c' where a value is wanted", p->line, *p->at);
    p->at += n;
    if (begins_number(s, n)) {
        if (!to_number(s, n, node))
            return error_set(p->err, "line %d: '%.*s' is no number", p->line, (int)(n < 60 ? n : 60), s);
        if (negative && node->kind == PROTOBUF_INT)
            node->i = -node->i;
        else if (negative)
            node->f = -node->f;
        return 0;
    }
    if (negative)
        return fail(p, "'-' is not before a number");
    node->kind = PROTOBUF_WORD;
    node->size = n;
    node->text = arena_strndup(p->arena, s, n, p->err);
    return node->text ? 0 : -1;
}

/* ---- fields ---- */

static bool kind_fits(enum protobuf_kind want, enum protobuf_kind got)
{
    bool text = got == PROTOBUF_STRING || got == PROTOBUF_WORD, message = got == PROTOBUF_MESSAGE;
    switch (want) {
    case PROTOBUF_STRING:
    case PROTOBUF_SPAN8:
        return text;
    case PROTOBUF_MESSAGE:
        return message;
    case PROTOBUF_INT:
        return !message && got != PROTOBUF_STRING;
    default:
        return !message && !text;
    }
}

static int check_kind(const struct parser *p, const struct protobuf_row *row, const struct protobuf *node)
{
    static const char *const wants[] = {
        [PROTOBUF_INT] = "an integer or a word", [PROTOBUF_FLOAT] = "a number",  [PROTOBUF_DOUBLE] = "a number",
        [PROTOBUF_STRING] = "a string",          [PROTOBUF_MESSAGE] = "{ … }",   [PROTOBUF_SPAN8] = "a string",
        [PROTOBUF_SPAN32] = "a number",          [PROTOBUF_SPAN64] = "a number",
    };
    if (!row || kind_fits(row->kind, node->kind))
        return 0;
    return error_set(p->err, "line %d: %s has a value of another kind, want %s", node->line, node->name,
                     wants[row->kind]);
}

static char closing(char open)
{
    return open == '{' ? '}' : open == '<' ? '>' : 0;
}

/* One value: a message, a string, a number or a word. */
static int read_value(struct parser *p, struct protobuf *to, const char *name, const struct protobuf_row *row,
                      int depth)
{
    char open = peek(p);
    struct protobuf *node = protobuf_add(to, name, PROTOBUF_MESSAGE, p->arena, &p->nodes, p->err);
    if (!node)
        return -1;
    node->line = p->line;
    int failed;
    if (closing(open)) {
        p->at++;
        failed = read_fields(p, node, row ? row->type : NULL, closing(open), depth + 1);
    } else {
        failed = open == '"' || open == '\'' ? read_string(p, node) : read_scalar(p, node);
    }
    return failed ? -1 : check_kind(p, row, node);
}

/* "[1, 2, 3]": as if the name stood before each. */
static int read_list(struct parser *p, struct protobuf *to, const char *name, const struct protobuf_row *row, int depth)
{
    if (accept(p, ']'))
        return 0;
    do {
        if (read_value(p, to, name, row, depth) != 0)
            return -1;
    } while (accept(p, ','));
    return accept(p, ']') ? 0 : fail(p, "a list without ']'");
}

/* A name is that of the table where it has it, so that equal names are mostly equal pointers. */
static const char *read_name(struct parser *p, const struct protobuf_type *type, const struct protobuf_row **row)
{
    size_t n = run_of(p, "");
    *row = NULL;
    if (n == 0) {
        error_set(p->err, "line %d: '%c' where a field's name is wanted", p->line, *p->at);
        return NULL;
    }
    const char *s = p->at;
    p->at += n;
    for (size_t i = 0; type && i < type->count; i++)
        if (strlen(type->rows[i].name) == n && memcmp(type->rows[i].name, s, n) == 0)
            *row = &type->rows[i];
    return *row ? (*row)->name : arena_strndup(p->arena, s, n, p->err);
}

static int read_field(struct parser *p, struct protobuf *to, const struct protobuf_type *type, int depth)
{
    const struct protobuf_row *row;
    const char *name = read_name(p, type, &row);
    if (!name)
        return -1;
    bool colon = accept(p, ':');
    if (!colon && !closing(peek(p)))
        return error_set(p->err, "line %d: want ':' or '{' behind %.60s", p->line, name);
    if (colon && accept(p, '['))
        return read_list(p, to, name, row, depth);
    return read_value(p, to, name, row, depth);
}

/* Fields up to `close`; 0: to the end of the text. */
static int read_fields(struct parser *p, struct protobuf *to, const struct protobuf_type *type, char close, int depth)
{
    if (depth > PROTOBUF_MAX_DEPTH)
        return error_set(p->err, "line %d: messages nested more than %d deep", p->line, PROTOBUF_MAX_DEPTH);
    while (peek(p) && *p->at != close) {
        if (read_field(p, to, type, depth) != 0)
            return -1;
        if (peek(p) == ',' || peek(p) == ';')
            p->at++;
    }
    if (!close)
        return 0;
    if (accept(p, close))
        return 0;
    return error_set(p->err, "line %d: the text ends in %.60s of line %d, want '%c'", p->line, to->name, to->line,
                     close);
}

struct protobuf *prototxt_read(const char *text, size_t size, const struct protobuf_type *type, struct arena *arena,
                               struct error *err)
{
    struct parser p = {.at = text, .end = size ? text + size : text, .line = 1, .arena = arena, .err = err};
    struct protobuf *tree = arena_alloc(arena, sizeof *tree, err);
    if (!tree)
        return NULL;
    tree->name = "";
    tree->kind = PROTOBUF_MESSAGE;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        p.at += 3;
    if (read_fields(&p, tree, type, 0, 0) != 0)
        return NULL;
    if (p.at < p.end) {
        fail(&p, "a NUL in the text");
        return NULL;
    }
    return tree;
}
