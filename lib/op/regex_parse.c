/* Parsing regular expressions. The grammar is RE2's: https://github.com/google/re2/wiki/Syntax. */
#define _GNU_SOURCE /* memmem */
#include "op/regex.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "op/utf8.h"

enum { MAX_DEPTH = 200, MAX_REPEAT = 1000 };
enum { FLAG_FOLD = 1, FLAG_LINES = 2, FLAG_DOT_ALL = 4, FLAG_LAZY = 8 };

struct parser {
    struct regex *r;
    const char *text;
    size_t at, size;
    unsigned flags;
    int depth;
    struct error *err;
};

static bool at_end(const struct parser *p)
{
    return p->at >= p->size;
}

static int peek(const struct parser *p)
{
    return at_end(p) ? -1 : (unsigned char)p->text[p->at];
}

static bool accept(struct parser *p, const char *word)
{
    size_t n = strlen(word);
    if (p->size - p->at < n || memcmp(p->text + p->at, word, n))
        return false;
    p->at += n;
    return true;
}

static int fail(struct parser *p, const char *what)
{
    return error_set(p->err, "attribute pattern, byte %zu: %s", p->at, what);
}

static int next_code(struct parser *p, uint32_t *code)
{
    size_t step;
    if (at_end(p))
        return fail(p, "something is missing at the end");
    *code = utf8_read(p->text + p->at, p->size - p->at, &step);
    if (*code > UTF8_MAX)
        return fail(p, "no valid UTF-8");
    p->at += step;
    return 0;
}

/* ---- nodes ---- */

static uint32_t new_node(struct parser *p, enum regex_kind kind)
{
    struct regex *r = p->r;
    size_t first = r->node_count ? r->node_count : 1; /* number 0 is none */
    if (mem_grow(&r->nodes, &r->node_cap, first + 1, sizeof *r->nodes, p->err))
        return 0;
    memset(&r->nodes[first], 0, sizeof *r->nodes);
    if (first == 1)
        memset(&r->nodes[0], 0, sizeof *r->nodes);
    r->node_count = first + 1;
    r->nodes[first].kind = kind;
    return (uint32_t)first;
}

static int add_range(struct parser *p, uint32_t first, uint32_t last)
{
    struct regex *r = p->r;
    if (mem_grow(&r->ranges, &r->range_cap, r->range_count + 1, sizeof *r->ranges, p->err))
        return -1;
    r->ranges[r->range_count++] = (struct regex_range){first, last};
    return 0;
}

/* ---- classes: ranges are collected at the end of r->ranges, from `from` on ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct regex_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Adds the other case of every letter in the ranges. */
static int fold_ranges(struct parser *p, size_t from)
{
    size_t to = p->r->range_count;
    for (size_t i = from; i < to; i++) {
        struct regex_range range = p->r->ranges[i];
        for (uint32_t code = range.first; code <= range.last && code < 0x2000; code++) {
            uint32_t lower = utf8_lower(code), upper = utf8_upper(code), other = lower != code ? lower : upper;
            if (other != code && add_range(p, other, other))
                return -1;
        }
    }
    return 0;
}

/* Sorts and joins the ranges, and turns them round when `negate`. */
static int tidy_ranges(struct parser *p, size_t from, bool negate)
{
    struct regex *r = p->r;
    struct regex_range *all = r->ranges + from;
    size_t n = r->range_count - from, to = 0;
    if (n)
        qsort(all, n, sizeof *all, compare_ranges);
    for (size_t i = 0; i < n; i++) {
        if (to && all[i].first <= all[to - 1].last + 1)
            all[to - 1].last = all[i].last > all[to - 1].last ? all[i].last : all[to - 1].last;
        else
            all[to++] = all[i];
    }
    r->range_count = from + to;
    if (!negate)
        return 0;
    if (add_range(p, 0, 0))
        return -1;
    all = r->ranges + from;
    uint32_t start = 0;
    size_t kept = 0;
    for (size_t i = 0; i <= to; i++) {
        uint32_t end = i < to ? all[i].first : UTF8_MAX + 1, after = i < to ? all[i].last + 1 : 0;
        if (end > start)
            all[kept++] = (struct regex_range){start, end - 1};
        start = after;
    }
    r->range_count = from + kept;
    return 0;
}

struct named_class {
    char name[7];
    uint8_t ranges[4][2], count; /* of each the first and the last */
};

static const struct named_class named_classes[] = {
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}, 3},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}, 2},
    {"ascii", {{0, 0x7f}}, 1},
    {"blank", {{'\t', '\t'}, {' ', ' '}}, 2},
    {"cntrl", {{0, 0x1f}, {0x7f, 0x7f}}, 2},
    {"digit", {{'0', '9'}}, 1},
    {"graph", {{'!', '~'}}, 1},
    {"lower", {{'a', 'z'}}, 1},
    {"print", {{' ', '~'}}, 1},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4},
    {"space", {{'\t', '\r'}, {' ', ' '}}, 2},
    {"upper", {{'A', 'Z'}}, 1},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, 4},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, 3},
    {"d", {{'0', '9'}}, 1},
    {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}, 3},
    {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, 4},
};

/* Adds a class by name, or all that it has not; 1 when there is none of that name. */
static int add_named(struct parser *p, const char *name, size_t size, bool negate)
{
    for (size_t i = 0; i < sizeof named_classes / sizeof *named_classes; i++) {
        const struct named_class *c = &named_classes[i];
        if (strlen(c->name) != size || memcmp(c->name, name, size))
            continue;
        size_t from = p->r->range_count;
        for (int k = 0; k < c->count; k++)
            if (add_range(p, c->ranges[k][0], c->ranges[k][1]))
                return -1;
        if ((p->flags & FLAG_FOLD) && fold_ranges(p, from))
            return -1;
        return tidy_ranges(p, from, negate);
    }
    return 1;
}

static int hex_value(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Behind "\x": two digits, or any number in braces. */
static int hex_escape(struct parser *p, uint32_t *code)
{
    bool braces = accept(p, "{");
    int digits = 0;
    *code = 0;
    while (hex_value(peek(p)) >= 0 && (braces || digits < 2) && *code <= UTF8_MAX) {
        *code = *code * 16 + (uint32_t)hex_value(peek(p));
        p->at++;
        digits++;
    }
    if (*code > UTF8_MAX || (braces ? digits == 0 || !accept(p, "}") : digits != 2))
        return fail(p, "bad \\x escape");
    return 0;
}

/* Behind a backslash, one that stands for a single character. */
static int escaped_code(struct parser *p, uint32_t *code)
{
    static const char letters[] = "aftnrv", values[] = "\a\f\t\n\r\v";
    if (next_code(p, code))
        return -1;
    uint32_t c = *code;
    const char *letter = c && c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (letter) {
        *code = (unsigned char)values[letter - letters];
    } else if (c == 'x') {
        return hex_escape(p, code);
    } else if (c >= '0' && c <= '7') {
        /* A single digit but 0 would be a reference to a group, which there are none of. */
        if (c != '0' && (peek(p) < '0' || peek(p) > '7'))
            return fail(p, "references to groups are not regular");
        *code = c - '0';
        for (int i = 0; i < 2 && peek(p) >= '0' && peek(p) <= '7'; i++)
            *code = *code * 8 + (uint32_t)(p->text[p->at++] - '0');
    } else if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
        return fail(p, "unknown or unsupported escape");
    }
    return 0;
}

/* \d, \S, …, after the backslash: 1 when it is none of these. */
static int perl_class(struct parser *p)
{
    int c = peek(p);
    if (c < 0 || !strchr("dDsSwW", c) || c == 0)
        return 1;
    char name = (char)(c | 0x20);
    p->at++;
    return add_named(p, &name, 1, c < 'a');
}

/* One bound of a range in brackets. */
static int class_code(struct parser *p, uint32_t *code)
{
    return accept(p, "\\") ? escaped_code(p, code) : next_code(p, code);
}

/* One item in brackets: a named class, a character or a range. */
static int class_item(struct parser *p)
{
    uint32_t first, last;
    const char *end;
    if (p->size - p->at > 2 && memcmp(p->text + p->at, "[:", 2) == 0 &&
        (end = memmem(p->text + p->at, p->size - p->at, ":]", 2)) != NULL) {
        const char *name = p->text + p->at + 2;
        bool negate = *name == '^';
        int status = add_named(p, name + negate, (size_t)(end - name) - negate, negate);
        if (status > 0)
            return fail(p, "no such class");
        p->at = (size_t)(end + 2 - p->text);
        return status;
    }
    if (p->size - p->at > 1 && p->text[p->at] == '\\') {
        p->at++;
        int status = perl_class(p);
        if (status <= 0)
            return status;
        p->at--;
    }
    if (class_code(p, &first))
        return -1;
    last = first;
    if (p->size - p->at > 1 && p->text[p->at] == '-' && p->text[p->at + 1] != ']') {
        p->at++;
        if (class_code(p, &last))
            return -1;
        if (last < first)
            return fail(p, "a range runs backwards");
    }
    return add_range(p, first, last);
}

static uint32_t class_node(struct parser *p, size_t from, bool negate)
{
    uint32_t n = tidy_ranges(p, from, negate) ? 0 : new_node(p, REGEX_CLASS);
    if (n) {
        p->r->nodes[n].first = (uint32_t)from;
        p->r->nodes[n].count = (uint32_t)(p->r->range_count - from);
    }
    return n;
}

/* Behind "[". */
static uint32_t parse_brackets(struct parser *p)
{
    size_t from = p->r->range_count;
    bool negate = accept(p, "^"), first = true;
    while (first || !accept(p, "]")) {
        if (at_end(p)) {
            fail(p, "a ] is missing");
            return 0;
        }
        if (class_item(p))
            return 0;
        first = false;
    }
    /* Joined first, so that each letter is turned but once. */
    if (tidy_ranges(p, from, false) || ((p->flags & FLAG_FOLD) && fold_ranges(p, from)))
        return 0;
    return class_node(p, from, negate);
}

static uint32_t literal(struct parser *p, uint32_t code)
{
    size_t from = p->r->range_count;
    if (add_range(p, code, code) || ((p->flags & FLAG_FOLD) && fold_ranges(p, from)))
        return 0;
    return class_node(p, from, false);
}

static uint32_t look(struct parser *p, enum regex_look which)
{
    uint32_t n = new_node(p, REGEX_LOOK);
    if (n)
        p->r->nodes[n].look = which;
    return n;
}

/* ---- expressions ---- */

static uint32_t parse_choice(struct parser *p);

/* Behind "(?": flags, up to ")" or ":", or a name. *group tells whether an expression follows. */
static int group_flags(struct parser *p, bool *group)
{
    unsigned flags = p->flags;
    bool set = true, any = false;
    *group = true;
    if (accept(p, "P<") || accept(p, "<")) {
        size_t from = p->at;
        while (peek(p) == '_' || ((peek(p) | 0x20) >= 'a' && (peek(p) | 0x20) <= 'z') ||
               (peek(p) >= '0' && peek(p) <= '9'))
            p->at++;
        return p->at == from || !accept(p, ">") ? fail(p, "bad name of a group") : 0;
    }
    for (;; p->at++) {
        static const char letters[] = "imsU"; /* in the order of the flags' bits */
        int c = peek(p);
        const char *letter = c > 0 ? strchr(letters, c) : NULL;
        if (letter) {
            unsigned bit = 1u << (letter - letters);
            flags = set ? flags | bit : flags & ~bit;
            any = true;
        } else if (c == '-' && set) {
            set = false;
            any = false;
        } else if ((c == ':' || c == ')') && (any || set)) {
            p->at++;
            p->flags = flags;
            *group = c == ':';
            return 0;
        } else {
            return fail(p, "bad flags of a group");
        }
    }
}

/* Behind "(". The flags end with the group that they are set in. */
static uint32_t parse_group(struct parser *p)
{
    unsigned flags = p->flags;
    bool group = true;
    if (accept(p, "?") && group_flags(p, &group))
        return 0;
    if (!group)
        return new_node(p, REGEX_EMPTY);
    if (++p->depth > MAX_DEPTH) {
        fail(p, "groups are nested too deep");
        return 0;
    }
    uint32_t n = parse_choice(p);
    p->depth--;
    if (n && !accept(p, ")")) {
        fail(p, "a ) is missing");
        return 0;
    }
    p->flags = flags;
    return n;
}

/* \Q…\E: the text between as it is. */
static uint32_t parse_quoted(struct parser *p)
{
    uint32_t sequence = new_node(p, REGEX_SEQUENCE), last = 0, code;
    while (sequence && !at_end(p) && !accept(p, "\\E")) {
        uint32_t n = next_code(p, &code) ? 0 : literal(p, code);
        if (!n)
            return 0;
        *(last ? &p->r->nodes[last].next : &p->r->nodes[sequence].child) = n;
        last = n;
    }
    return sequence;
}

/* Behind a backslash. */
static uint32_t parse_escape(struct parser *p)
{
    static const struct {
        char letter;
        enum regex_look look;
    } looks[] = {{'A', LOOK_BEGIN}, {'z', LOOK_END}, {'b', LOOK_WORD}, {'B', LOOK_NOT_WORD}};
    size_t from = p->r->range_count;
    uint32_t code;
    for (size_t i = 0; i < sizeof looks / sizeof *looks; i++)
        if (peek(p) == looks[i].letter) {
            p->at++;
            return look(p, looks[i].look);
        }
    if (accept(p, "Q"))
        return parse_quoted(p);
    int status = perl_class(p);
    if (status <= 0)
        return status ? 0 : class_node(p, from, false);
    return escaped_code(p, &code) ? 0 : literal(p, code);
}

static uint32_t parse_dot(struct parser *p)
{
    size_t from = p->r->range_count;
    bool all = p->flags & FLAG_DOT_ALL;
    if (!all && add_range(p, '\n', '\n'))
        return 0;
    return all && add_range(p, 0, UTF8_MAX) ? 0 : class_node(p, from, !all);
}

static uint32_t parse_atom(struct parser *p)
{
    bool lines = p->flags & FLAG_LINES;
    uint32_t code;
    switch (peek(p)) {
    case '(': p->at++; return parse_group(p);
    case '[': p->at++; return parse_brackets(p);
    case '.': p->at++; return parse_dot(p);
    case '^': p->at++; return look(p, lines ? LOOK_LINE_BEGIN : LOOK_BEGIN);
    case '$': p->at++; return look(p, lines ? LOOK_LINE_END : LOOK_END);
    case '\\': p->at++; return parse_escape(p);
    case '*':
    case '+':
    case '?': fail(p, "nothing to repeat"); return 0;
    default: return next_code(p, &code) ? 0 : literal(p, code);
    }
}

static bool parse_number(struct parser *p, int *value)
{
    size_t from = p->at;
    for (*value = 0; peek(p) >= '0' && peek(p) <= '9'; p->at++)
        *value = *value > MAX_REPEAT ? *value : *value * 10 + (peek(p) - '0');
    return p->at > from;
}

/* A repetition operator, if one stands here; what only looks like {n,m} is text. */
static bool parse_operator(struct parser *p, int *min, int *max)
{
    size_t from = p->at;
    int c = peek(p);
    if (c == '*' || c == '+' || c == '?') {
        p->at++;
        *min = c == '+';
        *max = c == '?' ? 1 : -1;
        return true;
    }
    if (accept(p, "{") && parse_number(p, min)) {
        *max = *min;
        if (accept(p, ",") && !parse_number(p, max))
            *max = -1;
        if (accept(p, "}"))
            return true;
    }
    p->at = from;
    return false;
}

/* An atom and the operator behind it. */
static uint32_t parse_repeat(struct parser *p)
{
    int min, max;
    uint32_t n = parse_atom(p);
    if (!n || !parse_operator(p, &min, &max))
        return n;
    if (min > MAX_REPEAT || max > MAX_REPEAT || (max >= 0 && max < min)) {
        fail(p, "bad number of repetitions");
        return 0;
    }
    accept(p, "?"); /* fewest first: the same when all must match */
    uint32_t repeat = new_node(p, REGEX_REPEAT);
    if (repeat) {
        p->r->nodes[repeat].child = n;
        p->r->nodes[repeat].min = min;
        p->r->nodes[repeat].max = max;
    }
    if (repeat && parse_operator(p, &min, &max)) {
        fail(p, "two repetitions in a row");
        return 0;
    }
    return repeat;
}

static uint32_t parse_sequence(struct parser *p)
{
    uint32_t sequence = new_node(p, REGEX_SEQUENCE), last = 0;
    while (sequence && !at_end(p) && peek(p) != '|' && peek(p) != ')') {
        uint32_t n = parse_repeat(p);
        if (!n)
            return 0;
        *(last ? &p->r->nodes[last].next : &p->r->nodes[sequence].child) = n;
        last = n;
    }
    return sequence;
}

static uint32_t parse_choice(struct parser *p)
{
    uint32_t choice = new_node(p, REGEX_CHOICE), last = 0;
    do {
        uint32_t n = choice ? parse_sequence(p) : 0;
        if (!n)
            return 0;
        *(last ? &p->r->nodes[last].next : &p->r->nodes[choice].child) = n;
        last = n;
    } while (accept(p, "|"));
    return choice;
}

int regex_parse(struct regex *r, const char *pattern, size_t size, uint32_t *root, struct error *err)
{
    struct parser p = {.r = r, .text = pattern, .size = size, .err = err};
    *root = parse_choice(&p);
    if (!*root)
        return -1;
    return at_end(&p) ? 0 : fail(&p, "a ( is missing");
}
