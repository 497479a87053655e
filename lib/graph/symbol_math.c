/* Arithmetic on dims. A sum is kept as a sorted list of coefficient * atom; a product as a sorted list of factors;
 * so that equal expressions get equal names. The rules, for integers and positive divisors, / being the floor:
 *     (n*x + y)/n = x + y/n      (g*x + c)/(g*m) = (x + c/g)/m      (x/m)/n = x/(m*n)      x/n + c = (x + c*n)/n */
#include <string.h>

#include "graph/symbol.h"

/* The dim of an expression that is in normal form. */
static int64_t expression(struct graph *g, struct symbol s)
{
    char text[SYMBOL_TEXT_MAX + 1];

    s.name = text;
    return symbol_text(g, &s, text) ? symbol_intern(g, &s) : DIM_UNKNOWN;
}

static int64_t quotient(struct graph *g, int64_t a, int64_t b)
{
    if (a == DIM_UNKNOWN || b == DIM_UNKNOWN)
        return DIM_UNKNOWN;
    return expression(g, (struct symbol){.kind = SYMBOL_QUOTIENT, .a = a, .b = b});
}

/* ---- sums ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static bool add_checked(int64_t *into, int64_t factor, int64_t number)
{
    int64_t product;

    return !__builtin_mul_overflow(factor, number, &product) && !__builtin_add_overflow(*into, product, into) &&
           *into != INT64_MIN;
}

/* *into += coefficient * atom */
static bool add_term(const struct graph *g, struct symbol_sum *into, int64_t coefficient, int64_t atom)
{
    const char *name = graph_symbol_name(g, atom);
    int at = 0;

    while (at < into->n && strcmp(graph_symbol_name(g, into->term[at].atom), name) < 0)
        at++;
    if (at < into->n && into->term[at].atom == atom) {
        if (!add_checked(&into->term[at].coefficient, 1, coefficient))
            return false;
        if (into->term[at].coefficient == 0) {
            into->n--;
            memmove(&into->term[at], &into->term[at + 1], (size_t)(into->n - at) * sizeof into->term[0]);
        }
        return true;
    }
    if (into->n == SYMBOL_PARTS_MAX)
        return false;
    memmove(&into->term[at + 1], &into->term[at], (size_t)(into->n - at) * sizeof into->term[0]);
    into->term[at] = (struct symbol_term){coefficient, atom};
    into->n++;
    return true;
}

bool symbol_sum_add_sum(const struct graph *g, struct symbol_sum *into, int64_t factor,
                        const struct symbol_sum *other)
{
    if (!add_checked(&into->constant, factor, other->constant))
        return false;
    for (int i = 0; i < other->n; i++) {
        int64_t coefficient = 0;

        if (!add_checked(&coefficient, factor, other->term[i].coefficient) ||
            !add_term(g, into, coefficient, other->term[i].atom))
            return false;
    }
    return true;
}

int64_t symbol_of_sum(struct graph *g, const struct symbol_sum *sum)
{
    const struct symbol *atom = sum->n == 1 ? symbol_of(g, sum->term[0].atom) : NULL;

    if (sum->n == 0)
        return sum->constant >= 0 ? sum->constant : DIM_UNKNOWN;
    if (atom && sum->term[0].coefficient == 1) {
        struct symbol_sum inner = {0};
        int64_t b = atom->b;

        if (sum->constant == 0)
            return sum->term[0].atom;
        if (atom->kind == SYMBOL_QUOTIENT && b > 0 && symbol_sum_add(g, &inner, 1, atom->a) &&
            add_checked(&inner.constant, sum->constant, b))
            return quotient(g, symbol_of_sum(g, &inner), b);
    }
    return expression(g, (struct symbol){.kind = SYMBOL_SUM, .sum = sum});
}

/* Quotients by a number give their whole constant part, so that x/n + c and (x + c*n)/n are one sum. */
static bool sum_of_quotient(struct graph *g, int64_t dim, struct symbol_sum *sum)
{
    struct symbol s = *symbol_of(g, dim);
    struct symbol_sum inner = {0};
    int64_t whole, atom = dim;

    *sum = (struct symbol_sum){0};
    if (s.b <= 0 || !symbol_sum_add(g, &inner, 1, s.a))
        return add_term(g, sum, 1, dim);
    whole = floor_div(inner.constant, s.b);
    if (whole != 0) {
        inner.constant -= whole * s.b;
        atom = quotient(g, symbol_of_sum(g, &inner), s.b);
    }
    sum->constant = whole;
    return atom != DIM_UNKNOWN && add_term(g, sum, 1, atom);
}

bool symbol_sum_add(struct graph *g, struct symbol_sum *into, int64_t factor, int64_t dim)
{
    const struct symbol *s = symbol_of(g, dim);
    struct symbol_sum sum = {0};

    if (dim >= 0)
        return add_checked(&into->constant, factor, dim);
    if (!s)
        return false;
    if (s->kind == SYMBOL_SUM)
        return symbol_sum_add_sum(g, into, factor, s->sum);
    if (s->kind == SYMBOL_QUOTIENT)
        return sum_of_quotient(g, dim, &sum) && symbol_sum_add_sum(g, into, factor, &sum);
    return add_term(g, into, factor, dim);
}

/* ---- products ---- */

/* number * factors; a sum of several terms is one factor, less what divides all of it. */
struct product {
    int64_t number;
    int n;
    int64_t factor[SYMBOL_PARTS_MAX];
};

static bool add_factor(const struct graph *g, struct product *p, int64_t dim)
{
    const char *name = graph_symbol_name(g, dim);
    int at = 0;

    if (p->n == SYMBOL_PARTS_MAX)
        return false;
    while (at < p->n && strcmp(graph_symbol_name(g, p->factor[at]), name) < 0)
        at++;
    memmove(&p->factor[at + 1], &p->factor[at], (size_t)(p->n - at) * sizeof p->factor[0]);
    p->factor[at] = dim;
    p->n++;
    return true;
}

/* *p *= atom */
static bool multiply_atom(const struct graph *g, struct product *p, int64_t atom)
{
    const struct symbol *s = symbol_of(g, atom);

    if (s->kind != SYMBOL_PRODUCT)
        return add_factor(g, p, atom);
    for (int i = 0; i < s->n; i++)
        if (!add_factor(g, p, s->factors[i]))
            return false;
    return true;
}

static bool multiply_number(struct product *p, int64_t number)
{
    return !__builtin_mul_overflow(p->number, number, &p->number) && p->number != INT64_MIN;
}

/* Divides a sum by what divides all of it, and gives that: > 0. */
static int64_t take_content(struct symbol_sum *sum)
{
    int64_t content = sum->constant < 0 ? -sum->constant : sum->constant;

    for (int i = 0; i < sum->n; i++)
        content = gcd(content, sum->term[i].coefficient < 0 ? -sum->term[i].coefficient : sum->term[i].coefficient);
    for (int i = 0; content > 1 && i < sum->n; i++)
        sum->term[i].coefficient /= content;
    if (content > 1)
        sum->constant /= content;
    return content;
}

/* *p *= sum */
static bool multiply(struct graph *g, struct product *p, struct symbol_sum sum)
{
    int64_t whole;

    if (sum.n == 0)
        return multiply_number(p, sum.constant);
    if (!multiply_number(p, take_content(&sum)))
        return false;
    if (sum.n == 1 && sum.constant == 0 && sum.term[0].coefficient == 1)
        return multiply_atom(g, p, sum.term[0].atom);
    whole = symbol_of_sum(g, &sum);
    return whole != DIM_UNKNOWN && add_factor(g, p, whole);
}

/* *into += p; a lone factor that is a sum is multiplied out. */
static bool add_product(struct graph *g, struct symbol_sum *into, const struct product *p)
{
    int64_t atom;

    if (p->n == 0 || p->number == 0)
        return add_checked(&into->constant, 1, p->number);
    if (p->n == 1)
        return symbol_sum_add(g, into, p->number, p->factor[0]);
    atom = expression(g, (struct symbol){.kind = SYMBOL_PRODUCT, .n = p->n, .factors = p->factor});
    return atom != DIM_UNKNOWN && add_term(g, into, p->number, atom);
}

bool symbol_sum_mul(struct graph *g, const struct symbol_sum *a, const struct symbol_sum *b, struct symbol_sum *result)
{
    struct product p = {.number = 1};

    *result = (struct symbol_sum){0};
    return multiply(g, &p, *a) && multiply(g, &p, *b) && add_product(g, result, &p);
}

/* ---- quotients ---- */

/* Splits the terms that n divides off `sum`, divided, into `whole`. */
static bool split_divisible(const struct graph *g, struct symbol_sum *sum, int64_t n, struct symbol_sum *whole)
{
    int kept = 0;

    for (int i = 0; i < sum->n; i++) {
        struct symbol_term t = sum->term[i];

        if (t.coefficient % n != 0)
            sum->term[kept++] = t;
        else if (!add_term(g, whole, t.coefficient / n, t.atom))
            return false;
    }
    sum->n = kept;
    return true;
}

/* Divides by what divides n and every coefficient; gives what is left of n. */
static int64_t reduce(struct symbol_sum *sum, int64_t n)
{
    int64_t common = n;

    for (int i = 0; i < sum->n; i++)
        common = gcd(common, sum->term[i].coefficient < 0 ? -sum->term[i].coefficient : sum->term[i].coefficient);
    for (int i = 0; i < sum->n; i++)
        sum->term[i].coefficient /= common;
    sum->constant = floor_div(sum->constant, common);
    return n / common;
}

/* A sum that is nothing but a quotient by a number. */
static const struct symbol *lone_quotient(struct graph *g, const struct symbol_sum *sum)
{
    const struct symbol *s = symbol_of(g, symbol_of_sum(g, sum));

    return s && s->kind == SYMBOL_QUOTIENT && s->b > 0 ? s : NULL;
}

static bool divide_by_number(struct graph *g, struct symbol_sum sum, int64_t n, struct symbol_sum *result)
{
    const struct symbol *inner;
    struct symbol_sum numerator = {0};
    int64_t dim, product;

    if (!split_divisible(g, &sum, n, result))
        return false;
    if (sum.n == 0)
        return add_checked(&result->constant, 1, floor_div(sum.constant, n));
    n = reduce(&sum, n);
    inner = lone_quotient(g, &sum);
    if (inner)
        return symbol_sum_add(g, &numerator, 1, inner->a) && !__builtin_mul_overflow(n, inner->b, &product) &&
               divide_by_number(g, numerator, product, result);
    dim = quotient(g, symbol_of_sum(g, &sum), n);
    return dim != DIM_UNKNOWN && symbol_sum_add(g, result, 1, dim);
}

/* Takes out what both have. */
static void cancel(struct product *a, struct product *b)
{
    int64_t common = gcd(a->number < 0 ? -a->number : a->number, b->number);
    int kept = 0;

    a->number /= common;
    b->number /= common;
    for (int i = 0; i < b->n; i++) {
        int k = 0;

        while (k < a->n && a->factor[k] != b->factor[i])
            k++;
        if (k == a->n) {
            b->factor[kept++] = b->factor[i];
        } else {
            a->n--;
            memmove(&a->factor[k], &a->factor[k + 1], (size_t)(a->n - k) * sizeof a->factor[0]);
        }
    }
    b->n = kept;
}

/* *result += each term / b; false when b does not divide one of them. */
static bool divide_each(struct graph *g, const struct symbol_sum *a, const struct product *b, struct symbol_sum *result)
{
    for (int i = 0; i < a->n; i++) {
        struct product p = {.number = a->term[i].coefficient}, q = *b;

        if (!multiply_atom(g, &p, a->term[i].atom))
            return false;
        cancel(&p, &q);
        if (q.number != 1 || q.n != 0 || !add_product(g, result, &p))
            return false;
    }
    return a->constant == 0;
}

static bool divide_by_symbol(struct graph *g, const struct symbol_sum *a, const struct symbol_sum *b,
                             struct symbol_sum *result)
{
    struct product p = {.number = 1}, q = {.number = 1};
    struct symbol_sum above = {0}, below = {0};
    int64_t dim;

    if (!multiply(g, &p, *a) || !multiply(g, &q, *b))
        return false;
    if (divide_each(g, a, &q, result))
        return true;
    *result = (struct symbol_sum){0};
    cancel(&p, &q);
    if (!add_product(g, &above, &p) || !add_product(g, &below, &q))
        return false;
    if (below.n == 0)
        return divide_by_number(g, above, below.constant, result);
    dim = quotient(g, symbol_of_sum(g, &above), symbol_of_sum(g, &below));
    return dim != DIM_UNKNOWN && symbol_sum_add(g, result, 1, dim);
}

bool symbol_sum_div(struct graph *g, const struct symbol_sum *a, const struct symbol_sum *b, struct symbol_sum *result)
{
    *result = (struct symbol_sum){0};
    if (b->n > 0)
        return divide_by_symbol(g, a, b, result);
    return b->constant > 0 && divide_by_number(g, *a, b->constant, result);
}

/* ---- dims ---- */

static int64_t sum_of_dims(struct graph *g, int64_t a, int64_t factor, int64_t b)
{
    struct symbol_sum sum = {0};

    return symbol_sum_add(g, &sum, 1, a) && symbol_sum_add(g, &sum, factor, b) ? symbol_of_sum(g, &sum) : DIM_UNKNOWN;
}

int64_t graph_dim_add(struct graph *g, int64_t a, int64_t b)
{
    return sum_of_dims(g, a, 1, b);
}

int64_t graph_dim_sub(struct graph *g, int64_t a, int64_t b)
{
    return sum_of_dims(g, a, -1, b);
}

static int64_t apply(struct graph *g, int64_t a, int64_t b,
                     bool (*operation)(struct graph *, const struct symbol_sum *, const struct symbol_sum *,
                                       struct symbol_sum *))
{
    struct symbol_sum x = {0}, y = {0}, result;

    if (!symbol_sum_add(g, &x, 1, a) || !symbol_sum_add(g, &y, 1, b) || !operation(g, &x, &y, &result))
        return DIM_UNKNOWN;
    return symbol_of_sum(g, &result);
}

int64_t graph_dim_mul(struct graph *g, int64_t a, int64_t b)
{
    return apply(g, a, b, symbol_sum_mul);
}

int64_t graph_dim_div(struct graph *g, int64_t a, int64_t b)
{
    return apply(g, a, b, symbol_sum_div);
}
