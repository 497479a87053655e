/* Sizes, and the expressions that they may be given by. */
#include "format/ncnn/read_size.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#define MAX_DEPTH 32

struct size ncnn_size_number(int64_t n)
{
    return (struct size){.number = n};
}

/* Where the letter's axis stands among those of a blob of so many, -1: it has none. */
static int axis_of(char letter, int dims)
{
    switch (letter) {
    case 'w':
        return dims - 1;
    case 'h':
        return dims >= 2 ? dims - 2 : -1;
    case 'd':
        return dims >= 4 ? 1 : -1;
    case 'c':
        return dims >= 3 ? 0 : -1;
    default:
        return -1;
    }
}

struct size ncnn_size_of(struct reader *r, struct value *v, char letter)
{
    int axis = axis_of(letter, ncnn_dims(r, v));
    if (axis < 0)
        return ncnn_size_number(1);
    int64_t n = ncnn_size(r, v, axis);
    return n >= 0 ? ncnn_size_number(n) : (struct size){.value = build_shape(&r->b, v, axis + 1, axis + 2)};
}

static struct value *value_of(struct reader *r, struct size s)
{
    return s.value ? s.value : BUILD_LIST(&r->b, s.number);
}

bool ncnn_size_all_numbers(int count, const struct size *sizes)
{
    for (int i = 0; i < count; i++)
        if (sizes[i].value)
            return false;
    return true;
}

struct value *ncnn_size_list(struct reader *r, int count, const struct size *sizes)
{
    struct value *parts[8] = {NULL};
    int64_t numbers[8] = {0};
    if (count > 8)
        build_fail(&r->b, "has a shape of %d axes", count);
    if (ncnn_size_all_numbers(count, sizes)) {
        for (int i = 0; i < count && i < 8; i++)
            numbers[i] = sizes[i].number;
        return build_list(&r->b, count, numbers);
    }
    for (int i = 0; i < count && i < 8; i++)
        parts[i] = value_of(r, sizes[i]);
    struct value *v = build_node(&r->b, "Concat", count, parts);
    return build_int(&r->b, v, "axis", 0);
}

/* ---- functions ---- */

static int64_t add(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t subtract(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t multiply(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a * (uint64_t)b);
}

static int64_t divide(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? subtract(0, b ? a : 0) : a / b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static const struct {
    const char *name, *op;
    int64_t (*of)(int64_t a, int64_t b);
} functions[] = {
    {"+", "Add", add},     {"-", "Sub", subtract}, {"*", "Mul", multiply},
    {"//", "Div", divide}, {"max", "Max", larger}, {"min", "Min", smaller},
};

static struct size apply(struct reader *r, const char *name, size_t n, struct size a, struct size b)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strlen(functions[i].name) != n || memcmp(functions[i].name, name, n) != 0)
            continue;
        if (!a.value && !b.value)
            return ncnn_size_number(functions[i].of(a.number, b.number));
        return (struct size){.value = BUILD(&r->b, functions[i].op, value_of(r, a), value_of(r, b))};
    }
    build_fail(&r->b, "has a shape with the unknown function '%.*s'", n > 20 ? 20 : (int)n, name);
    return ncnn_size_number(0);
}

/* ---- reading ---- */

struct parse {
    struct reader *r;
    const char *at;
};

static bool accept(struct parse *p, char c)
{
    while (*p->at == ' ')
        p->at++;
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

/* "0w", or a number. */
static struct size atom(struct parse *p, const char *at, size_t n)
{
    int64_t number;
    if (n == 2 && isdigit((unsigned char)at[0]) && strchr("whdcn", at[1]))
        return ncnn_size_of(p->r, ncnn_in(p->r, at[0] - '0'), at[1]);
    if (text_to_i64(at, n, &number))
        return ncnn_size_number(number);
    build_fail(&p->r->b, "has a shape with '%.*s', neither a number nor a size", n > 20 ? 20 : (int)n, at);
    return ncnn_size_number(0);
}

static struct size expression(struct parse *p, int depth)
{
    struct build *b = &p->r->b;
    while (*p->at == ' ')
        p->at++;
    const char *at = p->at;
    size_t n = strcspn(at, "(), ");
    p->at += n;
    if (!accept(p, '('))
        return b->failed ? ncnn_size_number(0) : atom(p, at, n);
    if (depth >= MAX_DEPTH)
        build_fail(b, "has a shape of functions more than %d deep", MAX_DEPTH);
    struct size first = b->failed ? ncnn_size_number(0) : expression(p, depth + 1);
    if (!b->failed && !accept(p, ','))
        build_fail(b, "has a shape with a function of one argument; two were expected");
    struct size second = b->failed ? ncnn_size_number(0) : expression(p, depth + 1);
    if (!b->failed && !accept(p, ')'))
        build_fail(b, "has a shape without a closing parenthesis");
    return b->failed ? ncnn_size_number(0) : apply(p->r, at, n, first, second);
}

int ncnn_size_parse(struct reader *r, const char *text, struct size *sizes, int max)
{
    struct parse p = {.r = r, .at = text};
    int count = 0;
    do {
        if (count == max)
            build_fail(&r->b, "has a shape of more than %d sizes", max);
        if (r->b.failed)
            return 0;
        sizes[count++] = expression(&p, 0);
    } while (accept(&p, ','));
    if (*p.at)
        build_fail(&r->b, "has a shape with '%.20s' behind its end", p.at);
    return r->b.failed ? 0 : count;
}
