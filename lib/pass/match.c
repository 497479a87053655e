/* Matching by backtracking over goals: a goal is a pattern and the value that it must match; those still open are
 * linked on the C stack. */
#include "pass/match.h"

#include <float.h>
#include <string.h>

#include "base/text.h"
#include "op/attr.h"

struct goal {
    const char *pattern;
    struct value *v;
    struct node *user; /* v is input `index` of it; NULL: the root's output */
    int index;
    const struct goal *next;
};

static bool solve(struct match *m, const struct goal *goal);

/* ---- reading patterns ---- */

static size_t word_size(const char *p)
{
    return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-");
}

/* Behind an operand: at its ',', ')', '|', '}' or the end. */
static const char *skip(const char *p)
{
    for (int depth = 0; *p; p++) {
        bool closes = *p == ')' || *p == '}' || *p == ']';
        if (depth == 0 && (closes || *p == ',' || *p == '|'))
            break;
        depth += (*p == '(' || *p == '{' || *p == '[') - closes;
    }
    return p;
}

static bool number_at(const char *p, double *number)
{
    return text_to_f64(p, word_size(p), number);
}

/* ---- constants ---- */

/* Equal but for rounding to the dtype. */
static bool is_close(double a, double b, enum dtype dtype)
{
    double difference = a > b ? a - b : b - a, size = b < 0 ? -b : b;
    double slack = dtype == DTYPE_BF16 ? 4e-3 : dtype == DTYPE_F16 ? 5e-4 : 1e-6;
    return a == b || (size <= DBL_MAX && difference <= size * slack);
}

/* A constant does not widen the node's other operand: each of its dims is 1 or that one's. */
static bool fits_beside(const struct tensor *t, const struct node *user, int index)
{
    for (int i = 0; i < user->in_count; i++) {
        const struct type *other = i == index ? NULL : pass_type(user->in[i]);
        bool fits = other && t->rank <= other->rank;
        for (int d = 1; fits && d <= t->rank; d++)
            fits = t->dims[t->rank - d] == 1 || t->dims[t->rank - d] == other->dims[other->rank - d];
        if (fits)
            return true;
    }
    return t->rank == 0;
}

static bool scalar_operand(const struct goal *goal, double *number)
{
    return goal->user && pass_scalar(goal->v, number) && fits_beside(goal->v->constant, goal->user, goal->index);
}

/* ---- nodes ---- */

static bool attr_is(const struct node *n, const char *name, size_t name_size, const char *want)
{
    char key[40];
    struct attr_spec spec;
    double number;
    if (name_size >= sizeof(key))
        return false;
    memcpy(key, name, name_size);
    key[name_size] = '\0';
    if (!attr_spec_find(n->def, key, &spec))
        return false;
    if (spec.kind == ATTR_STRING)
        return strlen(op_string(n, key)) == word_size(want) && strncmp(op_string(n, key), want, word_size(want)) == 0;
    if (!number_at(want, &number))
        return false;
    return spec.kind == ATTR_INT     ? (double)op_int(n, key) == number
           : spec.kind == ATTR_FLOAT ? is_close((double)op_float(n, key), number, DTYPE_F32)
                                     : false;
}

/* Reads "[name=value,…]", if it is there, and what has to stand behind it; NULL when the node is otherwise. */
static const char *match_attrs(const char *p, const struct node *n)
{
    while (*p == '[' || *p == ',') {
        size_t name = word_size(p + 1);
        const char *value = p + 1 + name + 1;
        if (!attr_is(n, p + 1, name, value))
            return NULL;
        p = value + word_size(value);
    }
    return *p == ']' ? p + 1 : p;
}

static bool is_commutative(const struct node *n)
{
    return n->in_count == 2 && op_trait(n, "commutes");
}

#define MAX_OPERANDS 6

/* The operands' patterns, in parentheses; their number. */
static int read_operands(const char *p, const char **operands)
{
    int count = 0;
    for (; *p == '(' || *p == ','; p = skip(p + 1))
        if (count < MAX_OPERANDS)
            operands[count++] = p + 1;
    return count;
}

static bool solve_operands(struct match *m, struct node *n, int count, const char *const *operands, bool swap,
                           const struct goal *next)
{
    struct goal goals[MAX_OPERANDS];
    for (int i = 0; i < count; i++) {
        int from = swap ? count - 1 - i : i;
        goals[i] = (struct goal){operands[i], node_in(n, from), n, from, i + 1 < count ? &goals[i + 1] : next};
    }
    return solve(m, count ? goals : next);
}

/* Whether the word at p is the node's operator. */
static bool is_op(const struct node *n, const char *p)
{
    size_t size = *n->op == *p ? word_size(p) : 0;
    return size && strncmp(n->op, p, size) == 0 && !n->op[size];
}

/* Whether there is such an operator before n as the first operand's pattern wants: most nodes need no closer look. */
static bool may_follow(const struct node *n, const char *p)
{
    if (*p != '(' || p[1] < 'A' || p[1] > 'Z')
        return true;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && n->in[i]->producer && is_op(n->in[i]->producer, p + 1))
            return true;
    return false;
}

static bool solve_node(struct match *m, const struct goal *goal)
{
    const char *operands[MAX_OPERANDS];
    struct node *n = goal->v ? goal->v->producer : NULL;
    if (!n || !n->def || goal->v->producer_index != 0 || !is_op(n, goal->pattern) || n->domain[0] ||
        n->graph != m->root->graph || m->count == MATCH_NODES)
        return false;
    const char *p = goal->pattern + word_size(goal->pattern);
    if (!may_follow(n, p))
        return false;
    p = match_attrs(p, n);
    int count = p ? read_operands(p, operands) : 0;
    if (!p)
        return false;
    for (int i = count; i < n->in_count; i++)
        if (n->in[i])
            return false;
    m->node[m->count++] = n;
    if (solve_operands(m, n, count, operands, false, goal->next) ||
        (is_commutative(n) && solve_operands(m, n, count, operands, true, goal->next)))
        return true;
    m->count--;
    return false;
}

/* ---- the rest ---- */

static bool is_matched(const struct match *m, const struct node *n)
{
    for (int i = 0; i < m->count; i++)
        if (m->node[i] == n)
            return true;
    return false;
}

/* Whether the nodes behind the root serve it alone. */
static bool all_private(const struct match *m)
{
    for (int i = 1; i < m->count; i++)
        for (int o = 0; o < m->node[i]->out_count && m->node[i] != m->root; o++) {
            const struct value *v = m->node[i]->out[o];
            if (!v)
                continue;
            if (v->is_output)
                return false;
            for (size_t k = 0; k < v->use_count; k++)
                if (!is_matched(m, v->uses[k].node))
                    return false;
        }
    return true;
}

static bool solve_capture(struct match *m, const struct goal *goal, char letter)
{
    struct value **slot = match_at(m, letter);
    if (*slot)
        return *slot == goal->v && solve(m, goal->next);
    *slot = goal->v;
    if (goal->v && solve(m, goal->next))
        return true;
    *slot = NULL;
    return false;
}

static bool solve_either(struct match *m, const struct goal *goal)
{
    struct goal one = *goal;
    for (const char *p = goal->pattern; *p == '{' || *p == '|'; p = skip(p + 1)) {
        one.pattern = p + 1;
        if (solve(m, &one))
            return true;
    }
    return false;
}

static bool solve(struct match *m, const struct goal *goal)
{
    double number, want;
    if (!goal)
        return all_private(m);
    switch (*goal->pattern) {
    case '{':
        return solve_either(m, goal);
    case '-':
        return !goal->v && solve(m, goal->next);
    case '#':
        return number_at(goal->pattern + 1, &want) && scalar_operand(goal, &number) &&
               is_close(number, want, goal->v->type.dtype) && solve(m, goal->next);
    case '%':
        return scalar_operand(goal, &number) && solve_capture(m, goal, goal->pattern[1]);
    case '$':
        return pass_constant(goal->v) && solve_capture(m, goal, goal->pattern[1]);
    default:
        return *goal->pattern >= 'a' ? solve_capture(m, goal, *goal->pattern) : solve_node(m, goal);
    }
}

bool match_node(struct match *m, const char *pattern, struct node *n)
{
    struct goal goal = {.pattern = pattern, .v = node_out(n, 0)};
    memset(m, 0, sizeof(*m));
    m->root = n;
    return goal.v && solve(m, &goal);
}

/* ---- results ---- */

static struct node *build_node(struct match *m, const char **p, struct error *err);

/* A value as the operand at *p says, and past it. */
static struct value *build_value(struct match *m, const char **p, struct error *err)
{
    const char *at = *p;
    double number = 0;
    if (*at >= 'A' && *at <= 'Z')
        return pass_output(build_node(m, p, err), err);
    *p = skip(at);
    if (*at == '#' && number_at(at + 1, &number))
        return pass_add_scalar(m->root->graph, m->root->out[0]->type.dtype, number, err);
    return *match_at(m, *at == '%' || *at == '$' ? at[1] : *at);
}

/* Sets "name=value" at p; the end of it. */
static const char *build_attr(struct match *m, struct node *n, const char *p, struct error *err)
{
    char key[40] = "";
    struct attr_spec spec;
    double number = 0;
    size_t size = word_size(p);
    const char *value = p + size + 1;
    const char *end = value + (*value == '%' ? 2 : word_size(value));
    memcpy(key, p, size < sizeof(key) ? size : sizeof(key) - 1);
    if (!n->def || !attr_spec_find(n->def, key, &spec))
        return NULL;
    if (*value == '%')
        pass_scalar(*match_at(m, value[1]), &number);
    else
        number_at(value, &number);
    int failed = spec.kind == ATTR_INT     ? node_set_int(n, key, (int64_t)number, err)
                 : spec.kind == ATTR_FLOAT ? node_set_float(n, key, (float)number, err)
                                           : node_set_string(n, key, value, word_size(value), err);
    return failed ? NULL : end;
}

static struct node *build_node(struct match *m, const char **p, struct error *err)
{
    char op[40] = "";
    size_t size = word_size(*p);
    memcpy(op, *p, size < sizeof(op) ? size : sizeof(op) - 1);
    struct node *n = pass_node(m->root, "", op, 0, NULL, err);
    *p += size;
    while (n && (**p == '[' || **p == ',')) {
        *p = build_attr(m, n, *p + 1, err);
        if (!*p)
            return NULL;
    }
    *p += **p == ']';
    while (n && (**p == '(' || **p == ',')) {
        ++*p;
        struct value *v = build_value(m, p, err);
        if (!v || node_add_input(n, v, err))
            return NULL;
    }
    *p += **p == ')';
    /* Operands have been made meanwhile, before the root too, and must come first. */
    if (n)
        graph_move_node(n, m->root);
    return n;
}

static int apply(const struct rule *rule, struct node *n, struct error *err)
{
    struct match m;
    const char *p = rule->result;
    if (!match_node(&m, rule->pattern, n))
        return 0;
    int fits = rule->fits ? rule->fits(&m, err) : 1;
    if (fits <= 0)
        return fits;
    if (*p >= 'A' && *p <= 'Z')
        return pass_replace(n, build_node(&m, &p, err), err);
    return pass_bypass(n, 0, *match_at(&m, *p), err);
}

/* ---- tables of rules ---- */

#define MAX_ROOTS 8

/* The operators that a pattern may begin with, so that most nodes need no closer look. */
struct roots {
    const char *op[MAX_ROOTS];
    int count;
};

static void add_roots(struct roots *roots, const char *p)
{
    if (*p != '{') {
        roots->op[roots->count] = p;
        roots->count += roots->count < MAX_ROOTS - 1;
        return;
    }
    for (; *p == '{' || *p == '|'; p = skip(p + 1))
        add_roots(roots, p + 1);
}

static bool may_match(const struct roots *roots, const struct node *n)
{
    for (int i = 0; i < roots->count; i++)
        if (is_op(n, roots->op[i]))
            return true;
    return false;
}

static int run_rule(struct graph *g, const struct rule *rule, struct error *err)
{
    struct roots roots = {.count = 0};
    int changes = 0;
    add_roots(&roots, rule->pattern);
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        int changed = may_match(&roots, n) ? apply(rule, n, err) : 0;
        if (changed < 0)
            return -1;
        changes += changed;
    }
    return changes;
}

int rules_run(struct graph *g, const struct rule *rules, size_t count, struct error *err)
{
    int changes = 0;
    for (size_t i = 0; i < count; i++) {
        int changed = run_rule(g, &rules[i], err);
        if (changed < 0)
            return -1;
        changes += changed;
    }
    return changes;
}
