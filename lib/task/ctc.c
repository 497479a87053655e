/* Text from a score for each character at each step, by connectionist temporal classification (Graves et al. 2006). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/answer.h"

struct ctc {
    const struct task_query *q;
    const float *values;
    size_t steps, classes;
    size_t blank; /* classes: there is none */
    bool softmax; /* values are not probabilities yet */
    bool ends;    /* each step is a character, until the blank, or a class behind the labels, ends the text */
};

static int ctc_shape(const struct task_output *o, struct ctc *c, struct error *err)
{
    const int64_t *dims = o->dims;
    size_t outer = 1;
    int rank = o->rank;
    if (rank < 2 || rank > 4 || dims[rank - 1] < 2)
        return error_set(err, "task ctc: %d dimensions, the last %lld: want [1, steps, classes] with 2 classes or more",
                         rank, rank > 0 ? (long long)dims[rank - 1] : 0);
    for (int i = 0; i < rank - 1; i++) {
        if (outer > 1 && dims[i] != 1)
            return error_set(err, "task ctc: dimension %d is %lld: want one line of text", i, (long long)dims[i]);
        outer *= (size_t)dims[i];
    }
    c->steps = outer;
    c->classes = (size_t)dims[rank - 1];
    return 0;
}

/* Probabilities of a step. */
static void probabilities(const struct ctc *c, size_t step, float *out)
{
    const float *v = c->values + step * c->classes;
    float top = v[task_argmax(v, c->classes, 1)];
    double sum = 0;
    for (size_t i = 0; i < c->classes; i++) {
        out[i] = c->softmax ? expf(v[i] - top) : v[i];
        sum += out[i];
    }
    for (size_t i = 0; c->softmax && i < c->classes; i++)
        out[i] = (float)(out[i] / sum);
}

/* Class i is label i, but for the blank; one class more than labels is a space. */
static void add_character(const struct ctc *c, size_t class, struct text *out)
{
    const char *name = task_labels_name(c->q->labels, class - (class > c->blank));
    text_puts(out, name ? name : " ");
}

/* Whether no character follows from a step of which this class is the best. */
static bool is_end(const struct ctc *c, size_t best)
{
    return c->ends && (best == c->blank || best - (best > c->blank) >= c->q->labels->count);
}

/* The best class of each step, unless it is an end, repeats merged and blank dropped; the score is the mean of the
 * characters'. */
static int greedy(const struct ctc *c, struct text *out, float *score, struct error *err)
{
    size_t last = c->blank, characters = 0;
    double sum = 0;
    float *p = mem_calloc(c->classes, sizeof *p, err);
    for (size_t t = 0; p && t < c->steps; t++) {
        probabilities(c, t, p);
        size_t best = task_argmax(p, c->classes, 1);
        if (is_end(c, best))
            break;
        if (c->ends || (best != c->blank && best != last)) {
            add_character(c, best, out);
            sum += p[best];
            characters++;
        }
        last = best;
    }
    *score = characters ? (float)(sum / (double)characters) : 0;
    free(p);
    return p ? 0 : -1;
}

/* ---- prefix beam search (Hannun et al. 2014, without a language model) ---- */

/* A beginning of the text: a character behind another beginning. The first is empty. */
struct prefix {
    size_t parent, class, length;
};

#define MAX_PREFIXES ((size_t)1 << 24) /* each step adds as many as are kept */

/* One that is kept, with the probability that it ends with a blank, and that it does not; what `fresh` holds is not in
 * the list of prefixes yet: it adds a class to prefix `node`. */
struct hypothesis {
    size_t node, class;
    double blank, label;
    bool fresh;
};

struct beam {
    const struct ctc *c;
    struct prefix *prefix;
    size_t prefixes, prefix_cap;
    struct hypothesis *kept, *next;
    size_t count, next_count, most;
    struct hypothesis *classes; /* scratch to sort classes */
    float *p;
    double log_scale; /* kept probabilities are told as parts of e^this */
};

static int likelier(const void *a, const void *b)
{
    const struct hypothesis *x = a, *y = b;
    double px = x->blank + x->label, py = y->blank + y->label;
    if (px != py)
        return px > py ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->class > y->class) - (x->class < y->class);
}

/* The probability that a class comes behind a hypothesis: a repeat needs a blank between. */
static double extended(const struct beam *b, const struct hypothesis *h, size_t class)
{
    bool repeats = h->node && b->prefix[h->node].class == class;
    return (double)b->p[class] * (repeats ? h->blank : h->blank + h->label);
}

static void stay(struct beam *b, const struct hypothesis *h)
{
    const struct prefix *me = &b->prefix[h->node];
    struct hypothesis n = {.node = h->node, .blank = (h->blank + h->label) * b->p[b->c->blank]};
    n.label = h->node ? h->label * b->p[me->class] : 0;
    for (size_t i = 0; h->node && i < b->count; i++)
        if (b->kept[i].node == me->parent)
            n.label += extended(b, &b->kept[i], me->class);
    b->next[b->next_count++] = n;
}

static bool is_kept(const struct beam *b, size_t parent, size_t class)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->kept[i].node && b->prefix[b->kept[i].node].parent == parent && b->prefix[b->kept[i].node].class == class)
            return true;
    return false;
}

/* Only the best classes can bring a hypothesis among the best. */
static void extend(struct beam *b, const struct hypothesis *h, size_t classes)
{
    for (size_t i = 0; i < classes; i++) {
        size_t class = b->classes[i].class;
        double label = extended(b, h, class);
        if (class != b->c->blank && label > 0 && !is_kept(b, h->node, class))
            b->next[b->next_count++] = (struct hypothesis){h->node, class, 0, label, true};
    }
}

static int keep_best(struct beam *b, struct error *err)
{
    double sum = 0;
    qsort(b->next, b->next_count, sizeof *b->next, likelier);
    b->count = b->next_count < b->most ? b->next_count : b->most;
    for (size_t i = 0; i < b->count; i++)
        sum += b->next[i].blank + b->next[i].label;
    if (!(sum > 0))
        return error_set(err, "task ctc: a step without a positive score");
    b->log_scale += log(sum);
    for (size_t i = 0; i < b->count; i++) {
        struct hypothesis h = b->next[i];
        if (h.fresh) {
            if (mem_grow(&b->prefix, &b->prefix_cap, b->prefixes + 1, sizeof *b->prefix, err) < 0)
                return -1;
            b->prefix[b->prefixes] = (struct prefix){h.node, h.class, b->prefix[h.node].length + 1};
            h.node = b->prefixes++;
        }
        b->kept[i] = (struct hypothesis){h.node, 0, h.blank / sum, h.label / sum, false};
    }
    return 0;
}

static int search(struct beam *b, struct error *err)
{
    size_t classes = b->c->classes, few = classes < b->most + 2 ? classes : b->most + 2;
    b->kept[0] = (struct hypothesis){.blank = 1};
    b->count = b->prefixes = 1;
    for (size_t t = 0; t < b->c->steps; t++) {
        probabilities(b->c, t, b->p);
        for (size_t i = 0; i < classes; i++) {
            b->p[i] = b->p[i] > 0 && isfinite(b->p[i]) ? b->p[i] : 0;
            b->classes[i] = (struct hypothesis){.class = i, .label = b->p[i]};
        }
        qsort(b->classes, classes, sizeof *b->classes, likelier);
        b->next_count = 0;
        for (size_t i = 0; i < b->count; i++) {
            stay(b, &b->kept[i]);
            extend(b, &b->kept[i], few);
        }
        if (keep_best(b, err) < 0)
            return -1;
    }
    return 0;
}

/* The characters from the last to the first, then turned round. */
static int write_best(struct beam *b, struct text *out, float *score, struct error *err)
{
    size_t n = b->prefix[b->kept[0].node].length, at = b->kept[0].node;
    size_t *class = mem_calloc(n, sizeof *class, err);
    if (!class)
        return -1;
    for (size_t i = n; i-- > 0; at = b->prefix[at].parent)
        class[i] = b->prefix[at].class;
    for (size_t i = 0; i < n; i++)
        add_character(b->c, class[i], out);
    free(class);
    double probability = b->log_scale + log(b->kept[0].blank + b->kept[0].label);
    *score = n ? (float)exp(probability / (double)n) : 0;
    return 0;
}

/* The score is the text's probability, as a mean of its characters (the n-th root). */
static int beam_search(const struct ctc *c, size_t most, struct text *out, float *score, struct error *err)
{
    struct beam b = {.c = c, .most = most};
    if (c->steps > MAX_PREFIXES / most)
        return error_set(err, "task ctc: %zu steps with a beam of %zu: want a smaller beam", c->steps, most);
    b.prefix = mem_calloc(b.prefix_cap = 64, sizeof *b.prefix, err);
    b.kept = mem_calloc(most, sizeof *b.kept, err);
    b.next = mem_calloc(most * (most + 3), sizeof *b.next, err);
    b.classes = mem_calloc(c->classes, sizeof *b.classes, err);
    b.p = mem_calloc(c->classes + 1, sizeof *b.p, err); /* that of no blank stays 0 */
    int status = b.prefix && b.kept && b.next && b.classes && b.p ? search(&b, err) : -1;
    if (status == 0)
        status = write_best(&b, out, score, err);
    free(b.prefix);
    free(b.kept);
    free(b.next);
    free(b.classes);
    free(b.p);
    return status;
}

static bool fits_characters(const struct task_query *q, const struct task_output *o)
{
    size_t classes = o->rank ? (size_t)o->dims[o->rank - 1] : 0, least = q->labels->count + task_blanks(q->task);
    return classes >= least && classes <= least + (q->task->id == TASK_ID_STEPS ? 2 : 1);
}

/* Several outputs that are a step each, in their order, as one; *own is what to free. */
static int join_steps(const struct task_query *q, struct ctc *c, float **own, struct error *err)
{
    size_t n = 0;
    if (!c->ends || c->steps != 1 || q->count < 2)
        return 0;
    *own = mem_calloc(q->count, c->classes * sizeof **own, err);
    for (size_t i = 0; *own && i < q->count; i++)
        if (task_elements(&q->outputs[i]) == c->classes)
            memcpy(*own + n++ * c->classes, q->outputs[i].values, c->classes * sizeof **own);
    c->values = *own;
    c->steps = n;
    return *own ? 0 : -1;
}

/* What labels and options make of the classes. */
static int set_classes(struct ctc *c, enum task_end end, struct error *err)
{
    const struct task *task = c->q->task;
    size_t labels = c->q->labels->count, known = labels + task_blanks(task);
    const char *given = labels ? "" : ", by -l FILE";
    if (c->ends && (!labels || known > c->classes))
        return error_set(err, "task steps: %zu labels for %zu classes: want those of the characters, without the end%s",
                         labels, c->classes, given);
    if (!c->ends && known != c->classes && known + 1 != c->classes)
        return error_set(err, "task ctc: %zu labels for %zu classes: want %zu, or %zu and a space%s", labels,
                         c->classes, c->classes - task_blanks(task), c->classes - task_blanks(task) - 1, given);
    c->blank = !task_blanks(task) ? c->classes : !task_word(task, TASK_BLANK) ? 0 : c->ends ? labels : c->classes - 1;
    c->softmax = task_activation(task, end, task_are_scores(c->values, c->steps * c->classes), TASK_SCORES_SOFTMAX) !=
                 TASK_SCORES_RAW;
    return 0;
}

int task_ctc(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_output *o = task_choose(q, fits_characters);
    struct ctc c = {.q = q, .values = o->values};
    struct task_answer answer = {0};
    struct text text;
    float *joined = NULL;
    size_t beam = (size_t)task_number(q->task, TASK_BEAM); /* 0: no option */
    c.ends = q->task->id == TASK_ID_STEPS;
    if (ctc_shape(o, &c, err) < 0 || join_steps(q, &c, &joined, err) < 0 || set_classes(&c, o->end, err) < 0) {
        free(joined);
        return -1;
    }
    text_init(&text);
    text_add(&text, "", 0);
    int status = beam > 1 ? beam_search(&c, beam, &text, &answer.score, err) : greedy(&c, &text, &answer.score, err);
    free(joined);
    if (status == 0 && text.failed)
        status = error_memory(err);
    if (status == 0 && !(answer.text = text.data ? text.data : mem_calloc(1, 1, err)))
        status = -1;
    if (status < 0) {
        text_release(&text);
        return -1;
    }
    return task_answers_add(out, answer, err);
}
