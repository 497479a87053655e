/* Names of symbolic expressions. */
#include <stdio.h>
#include <string.h>

#include "graph/symbol.h"

struct writer {
    char *text;
    size_t used;
    bool full;
};

static void put(struct writer *w, const char *s)
{
    size_t n = strlen(s);

    w->full |= n > SYMBOL_TEXT_MAX - w->used;
    if (w->full)
        return;
    memcpy(w->text + w->used, s, n + 1);
    w->used += n;
}

static void put_number(struct writer *w, int64_t number)
{
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", (long long)number);
    put(w, digits);
}

/* Whether a symbol needs no parentheses in any expression: what a name from outside holds may look like one. */
static bool is_plain(const struct symbol *s)
{
    const char *name = s->name;

    if (s->kind != SYMBOL_NAME || (name[0] >= '0' && name[0] <= '9'))
        return false;
    for (; *name; name++)
        if (strchr("+-*/() ", *name))
            return false;
    return true;
}

static void put_enclosed(struct writer *w, const char *name)
{
    put(w, "(");
    put(w, name);
    put(w, ")");
}

static void put_operand(struct writer *w, const struct graph *g, int64_t dim)
{
    const struct symbol *s = symbol_of(g, dim);

    if (!s)
        put_number(w, dim);
    else if (is_plain(s))
        put(w, s->name);
    else
        put_enclosed(w, s->name);
}

static void put_term(struct writer *w, const struct graph *g, struct symbol_term term)
{
    const struct symbol *atom = symbol_of(g, term.atom);
    bool negative = term.coefficient < 0;

    if (negative)
        put(w, "-");
    else if (w->used)
        put(w, "+");
    if (term.coefficient != 1 && term.coefficient != -1) {
        put_number(w, negative ? -term.coefficient : term.coefficient);
        put(w, "*");
    }
    if (atom->kind == SYMBOL_PRODUCT || (atom->kind == SYMBOL_QUOTIENT && term.coefficient == 1))
        put(w, atom->name);
    else
        put_operand(w, g, term.atom);
}

/* What is positive comes first: "5-H". */
static void put_sum(struct writer *w, const struct graph *g, const struct symbol_sum *sum)
{
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (int i = 0; i < sum->n; i++)
            if ((sum->term[i].coefficient > 0) == (sign > 0))
                put_term(w, g, sum->term[i]);
        if (sum->constant && (sum->constant > 0) == (sign > 0)) {
            put(w, sign > 0 && w->used ? "+" : "");
            put_number(w, sum->constant);
        }
    }
}

bool symbol_text(const struct graph *g, const struct symbol *s, char text[SYMBOL_TEXT_MAX + 1])
{
    struct writer w = {.text = text};

    text[0] = '\0';
    switch (s->kind) {
    case SYMBOL_NAME:
        put(&w, s->name);
        break;
    case SYMBOL_SUM:
        put_sum(&w, g, s->sum);
        break;
    case SYMBOL_PRODUCT:
        for (int i = 0; i < s->n; i++) {
            put(&w, i ? "*" : "");
            put_operand(&w, g, s->factors[i]);
        }
        break;
    case SYMBOL_QUOTIENT:
        put_operand(&w, g, s->a);
        put(&w, "/");
        put_operand(&w, g, s->b);
        break;
    }
    return !w.full;
}
