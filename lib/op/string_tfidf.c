/* TfIdfVectorizer: the pool's n-grams are paths in a trie; from each position of a row, for each distance between
 * tokens, the walk down counts the n-grams that it passes. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/label.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

struct gram_node {
    int64_t parent, token; /* token: its position in the pool */
    int64_t gram;          /* the n-gram that ends here, or -1 */
};

struct grams {
    const struct tensor *pool;
    struct gram_node *nodes; /* node 0 is the root */
    int64_t node_count;
    int64_t *places; /* hash table of nodes, by parent and token; 0: free */
    uint64_t mask;
    const int64_t *starts, *indexes; /* per length, and per n-gram */
    const float *weights;            /* per n-gram, or NULL */
    int lengths, count;              /* number of starts and of n-grams */
    int64_t min, max, skips, size;   /* size: elements of an output row */
    bool by_weight, truncate;
    int64_t *counts; /* scratch: [count] */
};

/* The place of the child of `parent` with that token, or the free one where it belongs. */
static int64_t *child_place(const struct grams *g, int64_t parent, const struct label *token)
{
    uint64_t at = label_hash(token, (uint64_t)parent) & g->mask;
    for (; g->places[at]; at = (at + 1) & g->mask) {
        const struct gram_node *node = &g->nodes[g->places[at]];
        struct label other;
        label_of(g->pool, node->token, &other);
        if (node->parent == parent && label_equal(&other, token))
            break;
    }
    return &g->places[at];
}

static int grams_add(struct grams *g, int64_t from, int64_t length, int64_t gram, struct error *err)
{
    int64_t node = 0;
    if (gram >= g->count)
        return error_set(err, "attribute ngram_indexes has %d entries, fewer than the pool n-grams", g->count);
    for (int64_t i = from; i < from + length; i++) {
        struct label token;
        label_of(g->pool, i, &token);
        int64_t *place = child_place(g, node, &token);
        if (!*place) {
            g->nodes[g->node_count] = (struct gram_node){node, i, -1};
            *place = g->node_count++;
        }
        node = *place;
    }
    g->nodes[node].gram = gram;
    return 0;
}

static int grams_build(struct grams *g, struct error *err)
{
    int64_t gram = 0;
    for (int l = 0; l < g->lengths; l++) {
        int64_t from = g->starts[l], to = l + 1 < g->lengths ? g->starts[l + 1] : g->pool->count, length = l + 1;
        if (from < 0 || from > to || to > g->pool->count || (to - from) % length)
            return error_set(err,
                             "attribute ngram_counts: entries %d and up do not divide the pool of %lld into n-grams", l,
                             (long long)g->pool->count);
        for (; from < to; from += length, gram++)
            if (length >= g->min && length <= g->max && grams_add(g, from, length, gram, err))
                return -1;
    }
    return 0;
}

static int grams_alloc(struct grams *g, struct error *err)
{
    size_t places = 16;
    while (places < 2 * (size_t)g->pool->count + 2)
        places *= 2;
    g->mask = places - 1;
    g->node_count = 1;
    g->nodes = mem_calloc((size_t)g->pool->count + 1, sizeof *g->nodes, err);
    g->places = g->nodes ? mem_calloc(places, sizeof *g->places, err) : NULL;
    g->counts = g->places ? mem_calloc((size_t)g->count, sizeof *g->counts, err) : NULL;
    if (!g->counts)
        return -1;
    g->nodes[0].gram = -1;
    return 0;
}

static int grams_mode(struct grams *g, const struct node *n, struct error *err)
{
    const char *mode = op_string(n, "mode");
    int weights;
    g->weights = op_floats(n, "weights", &weights);
    g->indexes = op_ints(n, "ngram_indexes", &g->count);
    g->starts = op_ints(n, "ngram_counts", &g->lengths);
    g->min = op_int(n, "min_gram_length");
    g->max = op_int(n, "max_gram_length");
    g->skips = op_int(n, "max_skip_count");
    g->truncate = strcmp(mode, "IDF") == 0;
    g->by_weight = g->truncate || strcmp(mode, "TFIDF") == 0;
    if (!g->by_weight && strcmp(mode, "TF"))
        return error_set(err, "attribute mode is '%.40s', want TF, IDF or TFIDF", mode);
    if (weights && weights != g->count)
        return error_set(err, "attribute weights has %d entries, attribute ngram_indexes %d", weights, g->count);
    if (!weights)
        g->weights = NULL;
    if (g->min < 1 || g->max < g->min || g->skips < 0)
        return error_set(err, "attributes min_gram_length, max_gram_length and max_skip_count are %lld, %lld and %lld",
                         (long long)g->min, (long long)g->max, (long long)g->skips);
    g->size = 0;
    for (int i = 0; i < g->count; i++) {
        if (g->indexes[i] < 0 || g->indexes[i] >= INT64_MAX)
            return error_set(err, "attribute ngram_indexes: entry %d is %lld", i, (long long)g->indexes[i]);
        g->size = g->indexes[i] >= g->size ? g->indexes[i] + 1 : g->size;
    }
    return 0;
}

int infer_tf_idf(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    struct grams g = {0};
    if (grams_mode(&g, c->node, err))
        return real_infer_fail(c, err);
    if (in && in->rank > 2)
        return infer_error(c, err, "input X has %d dims, want 1 or 2", in->rank);
    int64_t out[2] = {in && in->rank == 2 ? in->dims[0] : g.size, g.size};
    return infer_set(c, 0, DTYPE_F32, !in ? -1 : in->rank == 2 ? 2 : 1, out, err);
}

/* Counts the n-grams of at least `min` tokens, `distance` apart, of the row of n elements from `first` on. */
static void count_grams(const struct grams *g, const struct tensor *x, int64_t first, int64_t n, int64_t distance,
                        int64_t min)
{
    for (int64_t start = 0; start < n && (min - 1) <= (n - 1 - start) / distance; start++) {
        int64_t node = 0, length = 1;
        for (int64_t i = start; length <= g->max; i += distance, length++) {
            struct label token;
            label_of(x, first + i, &token);
            if (!(node = *child_place(g, node, &token)))
                break;
            if (length >= min && g->nodes[node].gram >= 0)
                g->counts[g->nodes[node].gram]++;
            if (distance > n - 1 - i)
                break;
        }
    }
}

static void vectorize(const struct grams *g, const struct tensor *x, int64_t first, int64_t n, float *out)
{
    int64_t min = g->min;
    memset(g->counts, 0, (size_t)g->count * sizeof *g->counts);
    for (int64_t distance = 1; distance - 1 <= g->skips && distance <= (n > 1 ? n - 1 : 1); distance++) {
        count_grams(g, x, first, n, distance, min);
        min = min == 1 ? 2 : min; /* single tokens are the same at any distance */
        if (min > g->max)
            break;
    }
    for (int i = 0; i < g->count; i++) {
        int64_t count = g->truncate && g->counts[i] > 1 ? 1 : g->counts[i];
        out[g->indexes[i]] += (float)count * (g->by_weight && g->weights ? g->weights[i] : 1);
    }
}

static int tf_idf(struct op_eval *c, struct grams *g, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    bool matrix = x->rank == 2;
    int64_t rows = matrix ? x->dims[0] : 1, n = matrix ? x->dims[1] : x->count,
            dims[2] = {matrix ? rows : g->size, g->size};
    if (x->rank > 2)
        return eval_error(c, err, "input X has %d dims, want 1 or 2", x->rank);
    if (grams_alloc(g, err))
        return -1;
    if (grams_build(g, err))
        return real_eval_fail(c, err);
    struct tensor *out = eval_out(c, 0, DTYPE_F32, matrix ? 2 : 1, dims, err);
    if (!out)
        return -1;
    for (int64_t r = 0; r < rows; r++)
        vectorize(g, x, r * n, n, (float *)out->data + r * g->size);
    return 0;
}

int eval_tf_idf(struct op_eval *c, struct error *err)
{
    struct grams g = {0};
    const struct attr *strings = node_attr(c->node, "pool_strings");
    int count;
    const int64_t *ints = op_ints(c->node, "pool_int64s", &count);
    bool text = eval_in(c, 0)->dtype == DTYPE_STRING;
    int64_t n = text ? (strings && strings->kind == ATTR_STRINGS ? (int64_t)strings->n : 0) : count;
    if (grams_mode(&g, c->node, err))
        return real_eval_fail(c, err);
    if ((text && count) || (!text && strings && strings->n))
        return eval_error(c, err, "attributes pool_strings and pool_int64s: want the one of input X's type");
    struct tensor *pool = text ? tensor_of_strings(1, &n, n ? strings->strings : NULL, err) : tensor_ints(n, ints, err);
    g.pool = pool;
    int status = pool ? tf_idf(c, &g, err) : -1;
    tensor_unref(pool);
    free(g.nodes);
    free(g.places);
    free(g.counts);
    return status;
}
