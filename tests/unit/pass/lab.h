/* Graphs written as expressions, for the tests of passes: build one, run passes over a copy, compare what both compute.
 *
 *     struct lab lab;
 *     lab_start(&lab);
 *     lab_input(&lab, 'x', DIMS(1, 8, 4, 4));
 *     lab_output(&lab, "y", "Relu(Conv[pads=1;1;1;1](x,w))");
 *     CHECK(lab_same(&lab, "fuse-activation"));
 *     CHECK(lab_count(&lab, "nn", "Conv") == 1);
 *     lab_end(&lab);
 *
 * In an expression a letter is a value put there by lab_input(), lab_constant() or lab_let(), #3 a float scalar, #i3;4
 * a list of int64 (#s3 a scalar one), - an absent input; attributes are name=number, name=1;2;3 (a list: a trailing ';'
 * for one of one), name=word, or name=0.5f. "nn.Conv" is of domain nn, "ms.Gelu" of com.microsoft. "Split#2" is its
 * second output. */
#ifndef TESTS_UNIT_PASS_LAB_H
#define TESTS_UNIT_PASS_LAB_H

#include <ctype.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "op/op.h"
#include "pass/pass.h"

#define DIMS(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]){__VA_ARGS__}
#define SCALAR 0, NULL
#define LAB_MAX 8
#define LAB_UNUSED __attribute__((unused))

static inline const struct pass *pass_named(const char *name)
{
    size_t count;
    const struct pass *table = pass_table(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

struct lab {
    struct graph *g; /* optimised by lab_same() */
    struct value *let[128];
    uint64_t seed;
    enum dtype dtype;   /* of inputs and constants to come */
    double low, high;   /* range of numbers to come */
    double tolerance;   /* of the largest number of an output */
    bool failed;
    struct error err;
};

LAB_UNUSED static void lab_start(struct lab *lab)
{
    memset(lab, 0, sizeof(*lab));
    lab->g = graph_new(&lab->err);
    lab->seed = 1;
    lab->dtype = DTYPE_F32;
    lab->low = -4;
    lab->high = 4;
    lab->tolerance = 2e-6;
}

LAB_UNUSED static void lab_end(struct lab *lab)
{
    graph_free(lab->g);
}

LAB_UNUSED static struct tensor *lab_random(struct lab *lab, enum dtype dtype, int rank, const int64_t *dims)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &lab->err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, lab->low + (lab->high - lab->low) * hash_uniform(&lab->seed));
    return t;
}

LAB_UNUSED static struct value *lab_input(struct lab *lab, char letter, int rank, const int64_t *dims)
{
    struct value *v = graph_add_value(lab->g, (char[]){letter, '\0'}, &lab->err);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = lab->dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        v->type.dims[i] = dims[i];
    graph_add_input(lab->g, v, &lab->err);
    return lab->let[(int)letter] = v;
}

LAB_UNUSED static struct value *lab_tensor(struct lab *lab, char letter, struct tensor *t)
{
    return lab->let[(int)letter] = graph_add_constant(lab->g, (char[]){letter, '\0'}, t, &lab->err);
}

/* Random numbers. */
LAB_UNUSED static struct value *lab_constant(struct lab *lab, char letter, int rank, const int64_t *dims)
{
    return lab_tensor(lab, letter, lab_random(lab, lab->dtype, rank, dims));
}

/* ---- expressions ---- */

LAB_UNUSED static const char *lab_word(const char *p, char *word)
{
    size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-;");
    memcpy(word, p, n);
    word[n] = '\0';
    return p + n;
}

LAB_UNUSED static int lab_list(const char *p, int64_t *values)
{
    int n = 0;
    for (char *end; isdigit((unsigned char)*p) || *p == '-'; p = end + (*end == ';'))
        values[n++] = strtoll(p, &end, 10);
    return n;
}

LAB_UNUSED static struct value *lab_literal(struct lab *lab, const char *word)
{
    int64_t list[64];
    struct tensor *t;
    if (word[0] == 'i') {
        int n = lab_list(word + 1, list);
        t = tensor_ints(n, list, &lab->err);
    } else if (word[0] == 's') {
        t = tensor_scalar_i64(strtoll(word + 1, NULL, 10), &lab->err);
    } else {
        t = tensor_new(lab->dtype, 0, NULL, &lab->err);
        tensor_set_f64(t, 0, strtod(word, NULL));
    }
    return graph_add_constant(lab->g, NULL, t, &lab->err);
}

LAB_UNUSED static void lab_attr(struct lab *lab, struct node *n, const char *name, const char *value)
{
    int64_t list[64];
    size_t size = strlen(value);
    if (isalpha((unsigned char)value[0]))
        node_set_string(n, name, value, size, &lab->err);
    else if (strchr(value, ';'))
        node_set_ints(n, name, list, (size_t)lab_list(value, list), &lab->err);
    else if (value[size - 1] == 'f')
        node_set_float(n, name, strtof(value, NULL), &lab->err);
    else
        node_set_int(n, name, strtoll(value, NULL, 10), &lab->err);
}

LAB_UNUSED static struct value *lab_parse(struct lab *lab, const char **p)
{
    char op[100], name[100], value[300];
    if (**p == '#') {
        *p = lab_word(*p + 1, value);
        return lab_literal(lab, value);
    }
    if (**p == '-') {
        ++*p;
        return NULL;
    }
    if (islower((unsigned char)**p) && !isalnum((unsigned char)(*p)[1]) && (*p)[1] != '.')
        return lab->let[(int)*(*p)++];
    *p = lab_word(*p, op);
    const char *domain = strncmp(op, "nn.", 3) == 0 ? "nn" : strncmp(op, "ms.", 3) == 0 ? "com.microsoft" : "";
    int outputs = **p == '#' ? (int)strtol(*p + 1, (char **)(uintptr_t)p, 10) : 1;
    struct node *n = graph_add_node(lab->g, domain, *domain ? op + 3 : op, NULL, &lab->err);
    while (**p == '[' || **p == ',') {
        *p = lab_word(*p + 1, name);
        *p = lab_word(*p + 1, value);
        lab_attr(lab, n, name, value);
    }
    *p += **p == ']';
    while (**p == '(' || **p == ',') {
        ++*p;
        if (**p != ')')
            node_add_input(n, lab_parse(lab, p), &lab->err);
    }
    *p += **p == ')';
    graph_move_node(n, NULL); /* behind its operands */
    struct value *out = NULL;
    for (int o = 0; o < outputs; o++)
        out = node_new_output(n, NULL, &lab->err);
    return out;
}

LAB_UNUSED static struct value *lab_let(struct lab *lab, char letter, const char *expression)
{
    return lab->let[(int)letter] = lab_parse(lab, &expression);
}

LAB_UNUSED static struct value *lab_output(struct lab *lab, const char *name, const char *expression)
{
    struct value *v = lab_parse(lab, &expression);
    if (name)
        graph_rename_value(v, name, &lab->err);
    graph_add_output(lab->g, v, &lab->err);
    return v;
}

/* ---- comparing ---- */

LAB_UNUSED static bool lab_say(struct lab *lab, const char *what)
{
    printf("  %s: %s\n", what, lab->err.text);
    return false;
}

LAB_UNUSED static bool lab_close(const struct item *a, const struct item *b, double tolerance)
{
    double largest = 0, worst = 0;
    const struct tensor *s = a->tensor, *t = b->tensor;
    if (a->kind != ITEM_TENSOR || b->kind != ITEM_TENSOR || s->dtype != t->dtype || s->rank != t->rank ||
        memcmp(s->dims, t->dims, (size_t)s->rank * sizeof(s->dims[0])) != 0)
        return false;
    for (int64_t i = 0; i < s->count; i++) {
        double p = tensor_get_f64(s, i), q = tensor_get_f64(t, i);
        largest = fmax(largest, fabs(p));
        if (isnan(p) != isnan(q))
            return false;
        if (p != q && !isnan(p))
            worst = fmax(worst, fabs(p - q));
    }
    if (worst > tolerance * largest)
        printf("  differs by %g of %g\n", worst, largest);
    return worst <= tolerance * largest;
}

/* Both graphs on the same random inputs; a symbolic dim of an input is taken as 3. */
LAB_UNUSED static bool lab_compare(struct lab *lab, const struct graph *before, const struct graph *after)
{
    struct item *in[LAB_MAX] = {NULL}, *a[LAB_MAX] = {NULL}, *b[LAB_MAX] = {NULL};
    bool same = before->input_count == after->input_count && before->output_count == after->output_count;
    for (size_t i = 0; i < before->input_count; i++) {
        int64_t dims[TENSOR_MAX_RANK];
        const struct type *type = &before->inputs[i]->type;
        for (int d = 0; d < type->rank; d++)
            dims[d] = type->dims[d] < 0 ? 3 : type->dims[d];
        in[i] = item_of_tensor(lab_random(lab, type->dtype, type->rank, dims), &lab->err);
    }
    if (op_run(before, in, a, (size_t)1 << 28, 1, &lab->err))
        same = lab_say(lab, "run before");
    else if (op_run(after, in, b, (size_t)1 << 28, 1, &lab->err))
        same = lab_say(lab, "run after");
    for (size_t i = 0; same && i < before->output_count; i++)
        same = lab_close(a[i], b[i], lab->tolerance) &&
               strcmp(before->outputs[i]->name, after->outputs[i]->name) == 0;
    for (size_t i = 0; i < LAB_MAX; i++) {
        item_unref(in[i]);
        item_unref(a[i]);
        item_unref(b[i]);
    }
    return same;
}

LAB_UNUSED static bool lab_sound(struct lab *lab, const struct graph *g)
{
    if (graph_check(g, &lab->err))
        return lab_say(lab, "graph_check");
    for (const struct graph *s = g; s; s = graph_next(g, s))
        for (const struct node *n = s->first; n; n = n->next)
            if (op_check(n, &lab->err))
                return lab_say(lab, "op_check");
    return true;
}

/* Every fused node as its decomposition. */
LAB_UNUSED static struct graph *lab_expanded(struct lab *lab)
{
    struct graph *copy = graph_clone(lab->g, &lab->err);
    for (struct graph *s = copy; s; s = graph_next(copy, s))
        for (struct node *n = s->first, *next; n; n = next) {
            next = n->next;
            if (n->domain[0] && n->def && n->def->expand && n->def->expand(n, &lab->err) == 0)
                graph_remove_node(n);
        }
    op_resolve(copy);
    return copy;
}

/* Runs the passes of these names (comma-separated; NULL: all safe ones) over the graph, and tells whether it and its
 * expansion compute the same as before. */
LAB_UNUSED static bool lab_same(struct lab *lab, const char *passes)
{
    size_t count;
    const struct pass *table = pass_table(&count);
    bool chosen[64] = {false};
    for (size_t i = 0; i < count; i++)
        chosen[i] = passes ? strstr(passes, table[i].name) != NULL : table[i].safe;
    op_resolve(lab->g);
    struct graph *before = graph_clone(lab->g, &lab->err), *expanded = NULL;
    bool same = before && lab_sound(lab, before);
    if (same && pass_run(lab->g, chosen, NULL, &lab->err))
        same = lab_say(lab, "pass_run");
    same = same && lab_sound(lab, lab->g) && lab_compare(lab, before, lab->g);
    if (same) {
        expanded = lab_expanded(lab);
        same = lab_sound(lab, expanded) && lab_compare(lab, before, expanded);
    }
    graph_free(expanded);
    graph_free(before);
    return same;
}

/* Nodes of an operator, or all (op NULL), subgraphs included. */
LAB_UNUSED static int lab_count(const struct lab *lab, const char *domain, const char *op)
{
    int count = 0;
    for (const struct graph *s = lab->g; s; s = graph_next(lab->g, s))
        for (const struct node *n = s->first; n; n = n->next)
            count += !op || (strcmp(n->domain, domain) == 0 && strcmp(n->op, op) == 0);
    return count;
}

LAB_UNUSED static struct node *lab_find(const struct lab *lab, const char *op)
{
    struct node *n = lab->g->first;
    while (n && strcmp(n->op, op) != 0)
        n = n->next;
    return n;
}

/* "Conv Relu nn.Add": the operators in order. The text is static. */
LAB_UNUSED static const char *lab_ops(const struct lab *lab)
{
    static char text[1000];
    text[0] = '\0';
    for (const struct node *n = lab->g->first; n && strlen(text) < 900; n = n->next)
        snprintf(text + strlen(text), 100, "%s%s%s%s", *text ? " " : "", n->domain, *n->domain ? "." : "", n->op);
    return text;
}

#endif
