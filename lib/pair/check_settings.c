/* Checking attributes and constants of a pair of layers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "op/op.h"
#include "pair/check.h"

/* ---- settings ---- */

struct line {
    const char *at;
    size_t key, size; /* of "key\tvalue", without the newline */
};

static bool next_line(const char **text, struct line *l)
{
    if (!*text || !**text)
        return false;
    l->at = *text;
    l->size = strcspn(l->at, "\n");
    l->key = strcspn(l->at, "\t");
    *text = l->at + l->size + (l->at[l->size] == '\n');
    return true;
}

/* The line of that key, as often met before as the wanted one was. */
static bool find_line(const char *text, const struct line *wanted, int before, struct line *found)
{
    while (next_line(&text, found))
        if (found->key == wanted->key && memcmp(found->at, wanted->at, found->key) == 0 && before-- == 0)
            return true;
    return false;
}

#define MOST_LINES 256

/* "strides: 1,1 and 2,2" for every line of `text` that the other has not as it is; when `text` is not the first's, for
 * those alone whose key the other lacks. */
static void report_lines(struct check *c, const char *text, const char *other, bool first)
{
    struct line l, found;
    int lines = 0;
    for (const char *at = text; next_line(&at, &l) && lines < MOST_LINES; lines++) {
        int before = 0;
        for (const char *past = text; next_line(&past, &found) && found.at < l.at;)
            before += found.key == l.key && memcmp(found.at, l.at, l.key) == 0;
        bool has = find_line(other, &l, before, &found);
        if (has && (!first || (found.size == l.size && memcmp(found.at, l.at, l.size) == 0)))
            continue;
        const char *mine = l.at + l.key + 1, *theirs = has ? found.at + found.key + 1 : "none";
        int size = (int)(l.size - l.key) - 1, their_size = has ? (int)(found.size - found.key) - 1 : 4;
        check_report(c, "attribute", "%.*s: %.*s and %.*s", (int)l.key, l.at, first ? size : their_size,
                     first ? mine : theirs, first ? their_size : size, first ? theirs : mine);
    }
}

void check_settings(struct check *c, const struct pair_layout *layout)
{
    struct text a, b;
    struct pair_layout plain = {.rank = layout->rank, .moved = layout->moved}; /* the second's axes as they are */
    for (int i = 0; i < PAIR_MAX_AXES; i++)
        plain.perm[i] = i;
    text_init(&a);
    text_init(&b);
    pair_settings(c->a, layout, &a);
    pair_settings(c->b, &plain, &b);
    c->failed |= a.failed || b.failed;
    size_t before = c->p->finding_count;
    const char *x = a.data ? a.data : "", *y = b.data ? b.data : "";
    if (!c->failed && strcmp(x, y) != 0) {
        report_lines(c, x, y, true);
        report_lines(c, y, x, false);
        if (c->p->finding_count == before)
            check_report(c, "attribute", "the same attributes in another order");
    }
    text_release(&a);
    text_release(&b);
}

/* ---- constants ---- */

/* "W", or "operand 3". */
const char *check_operand_name(const struct pair_layer *l, int k, char *text, size_t size)
{
    const char *at = l->node && l->node->def ? l->node->def->inputs : "";
    for (int i = 0; i < k && *at; i++) {
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    size_t n = strcspn(at, ": ");
    if (n)
        snprintf(text, size, "%.*s", (int)n, at);
    else
        snprintf(text, size, "operand %d", k);
    return text;
}

static void report_order(struct check *c, const char *name, const struct pair_layout *order)
{
    char axes[40];
    int n = 0;
    for (int i = 0; i < order->rank; i++)
        n += snprintf(axes + n, sizeof axes - (size_t)n, i ? ",%d" : "%d", order->perm[i]);
    check_report(c, "weights", "%s: the same values, but the second's axes are the first's axes %s", name, axes);
}

/* The order of rows is that of a matrix, and there is one. */
static const int32_t *rows_for(const struct operands *all, int k, const struct tensor *a, const struct tensor *b)
{
    bool fits = k == 1 && a->rank == 2 && b->rank == 2 && a->dims[0] == all->row_count && b->dims[0] == a->dims[0] &&
                b->dims[1] == a->dims[1];
    return fits ? all->rows : NULL;
}

/* Of the results' channels in weights, which a normalisation behind the layer scales. */
static int channel_axis(const struct pair_layer *l, int k, int rank)
{
    bool weights = k == 1 && rank >= 2;
    return !weights                              ? -1
           : strcmp(l->op, "Conv") == 0          ? 0
           : strcmp(l->op, "ConvTranspose") == 0 ? 1
           : strcmp(l->op, "MatMul") == 0        ? rank - 1
                                                 : -1;
}

void check_constant(struct check *c, int k, const struct value *a, const struct value *b, struct operands *all)
{
    struct pair_change change;
    char name[60], x[200], y[200];
    double precision = fmax(c->p->a.precision, c->p->b.precision);
    if (a->constant->rank <= 1) /* a bias, into which the rounding of a whole row of weights may be folded */
        precision = fmax(precision, all->scaled) * 4;
    check_operand_name(c->a, k, name, sizeof name);
    pair_compare_constants(a->constant, b->constant, rows_for(all, k, a->constant, b->constant), &all->layout,
                           precision, channel_axis(c->a, k, a->constant->rank), &change);
    double ratio = change.largest > 0 ? change.largest / change.range : 0;
    if (change.scaled <= PAIR_EPSILON)
        all->scaled = fmax(all->scaled, change.scaled);
    if (change.same || (change.scaled > 0 && change.scaled <= PAIR_EPSILON))
        c->p->rounding = fmax(c->p->rounding, ratio);
    else if (change.other.moved)
        report_order(c, name, &change.other);
    else if (change.scaled > 0)
        check_report(c, "weights", "%s: the same but for a factor for each channel, of up to 1 +- %.3g", name,
                     change.scaled);
    else if (!change.alike)
        check_report(c, "weights", "%s: %s and %s", name, check_shape_text(a, x, sizeof x),
                     check_shape_text(b, y, sizeof y));
    else
        check_report(c, "weights", "%s: %lld of %lld elements differ, by %.4g at most, the largest being %.4g", name,
                     (long long)change.differing, (long long)change.count, change.largest, change.range);
}
