/* Operators on strings. RegexFullMatch is in string_regex.c, TfIdfVectorizer in string_tfidf.c. */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/utf8.h"
#include "op/util.h"

static const struct str *strings_in(const struct op_eval *c, int i)
{
    return eval_in(c, i)->data;
}

/* ---- StringConcat ---- */

int infer_string_concat(struct op_infer *c, struct error *err)
{
    return op_infer_broadcast(c, 0, DTYPE_STRING, 0, 2, err);
}

/* The dims of both inputs broadcast, and the steps to read them with. */
static int concat_shape(const struct op_eval *c, int64_t *dims, int *rank, int64_t steps[2][TENSOR_MAX_RANK],
                        struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *y = eval_in(c, 1);
    memcpy(dims, x->dims, sizeof x->dims);
    *rank = x->rank;
    if (op_broadcast(dims, rank, y->dims, y->rank))
        return eval_error(c, err, "the dims of X and Y cannot be broadcast");
    op_broadcast_steps(x->rank, x->dims, *rank, dims, steps[0]);
    op_broadcast_steps(y->rank, y->dims, *rank, dims, steps[1]);
    return 0;
}

int eval_string_concat(struct op_eval *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], steps[2][TENSOR_MAX_RANK];
    int rank;
    if (concat_shape(c, dims, &rank, steps, err))
        return -1;
    struct tensor *out = eval_out(c, 0, DTYPE_STRING, rank, dims, err);
    if (!out)
        return -1;
    struct str *to = out->data;
    const struct str *in[2] = {strings_in(c, 0), strings_in(c, 1)};
    char *bytes = NULL, *at = NULL;
    size_t total = 0;
    /* The first round counts the bytes, the second copies them. */
    for (int round = 0; round < 2; round++) {
        struct op_walk w;
        op_walk_init(&w, rank, dims, 2, (const int64_t *const[]){steps[0], steps[1]});
        while (op_walk(&w))
            for (int64_t i = 0; i < w.run; i++) {
                struct str *s = &to[w.done + i];
                s->data = at;
                s->size = 0;
                for (int k = 0; k < 2; k++) {
                    const struct str *part = &in[k][w.at[k] + i * w.run_step[k]];
                    if (at && part->size)
                        at = (char *)memcpy(at, part->data, part->size) + part->size;
                    s->size += part->size;
                }
                total += round ? 0 : s->size;
                if (total > c->memory)
                    return eval_error(c, err, "the strings together are beyond the limit of %zu bytes", c->memory);
            }
        if (!round && !(at = bytes = mem_calloc(total, 1, err)))
            return -1;
    }
    int status = eval_give(c, 0, tensor_of_strings(rank, dims, to, err), err);
    free(bytes);
    return status;
}

/* ---- StringSplit ---- */

int infer_string_split(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK];
    if (!in)
        return infer_set(c, 0, DTYPE_STRING, -1, NULL, err) || infer_set(c, 1, DTYPE_I64, -1, NULL, err) ? -1 : 0;
    if (in->rank == TENSOR_MAX_RANK)
        return infer_error(c, err, "input X has %d dims, want at most %d", in->rank, TENSOR_MAX_RANK - 1);
    memcpy(out, in->dims, sizeof out);
    out[in->rank] = DIM_UNKNOWN;
    return infer_set(c, 0, DTYPE_STRING, in->rank + 1, out, err) || infer_set(c, 1, DTYPE_I64, in->rank, in->dims, err)
               ? -1
               : 0;
}

struct splitter {
    const char *delimiter; /* NULL: white space */
    size_t size;
    int64_t max;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next part of s[*at..]; false when there is none. `done` parts came before. */
static bool split_next(const struct splitter *p, const struct str *s, size_t *at, int64_t done, struct str *part)
{
    size_t from = *at, end;
    bool last = done >= p->max;
    if (from > s->size)
        return false;
    while (!p->delimiter && from < s->size && is_space(s->data[from]))
        from++;
    if (!p->delimiter && from == s->size)
        return false;
    end = last ? s->size : from;
    if (p->delimiter) {
        const char *found = last || s->size - from < p->size
                                ? NULL
                                : memmem(s->data + from, s->size - from, p->delimiter, p->size);
        end = found ? (size_t)(found - s->data) : s->size;
        *at = found ? end + p->size : s->size + 1;
    } else {
        while (end < s->size && !is_space(s->data[end]))
            end++;
        *at = end;
    }
    *part = (struct str){s->data ? s->data + from : NULL, end - from};
    return true;
}

int eval_string_split(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    const struct str *in = x->data;
    struct splitter p = {op_string(c->node, "delimiter"), 0,
                         op_has(c->node, "maxsplit") ? op_int(c->node, "maxsplit") : INT64_MAX};
    p.size = strlen(p.delimiter);
    if (p.size == 0)
        p.delimiter = NULL;
    if (p.max < 0)
        p.max = INT64_MAX;
    if (x->rank == TENSOR_MAX_RANK)
        return eval_error(c, err, "input X has %d dims, want at most %d", x->rank, TENSOR_MAX_RANK - 1);
    int64_t dims[TENSOR_MAX_RANK], most = 0;
    memcpy(dims, x->dims, sizeof dims);
    struct tensor *counts = eval_out(c, 1, DTYPE_I64, x->rank, x->dims, err);
    if (!counts)
        return -1;
    int64_t *count = counts->data;
    struct str part;
    for (int64_t i = 0; i < x->count; i++) {
        for (size_t at = 0; split_next(&p, &in[i], &at, count[i], &part);)
            count[i]++;
        most = count[i] > most ? count[i] : most;
    }
    dims[x->rank] = most;
    struct tensor *out = eval_out(c, 0, DTYPE_STRING, x->rank + 1, dims, err);
    if (!out)
        return -1;
    for (int64_t i = 0; i < x->count; i++) {
        size_t at = 0;
        for (int64_t k = 0; k < count[i]; k++)
            split_next(&p, &in[i], &at, k, (struct str *)out->data + i * most + k);
    }
    return 0;
}

/* ---- StringNormalizer ---- */

int infer_string_normalizer(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    if (in && in->rank != 1 && (in->rank != 2 || (in->dims[0] >= 0 && in->dims[0] != 1)))
        return infer_error(c, err, "input X has %d dims, want C or 1xC", in->rank);
    if (in && in->rank == 2)
        out[0] = 1;
    return infer_set(c, 0, DTYPE_STRING, in ? in->rank : -1, out, err);
}

enum letter_case { CASE_NONE, CASE_LOWER, CASE_UPPER };

/* Writes s in the wanted case to `to`, which has room for twice its bytes; returns the size. */
static size_t change_case(const struct str *s, enum letter_case want, char *to)
{
    size_t n = 0, step;
    for (size_t i = 0; i < s->size; i += step) {
        uint32_t code = utf8_read(s->data + i, s->size - i, &step);
        n += utf8_write(to + n, want == CASE_UPPER ? utf8_upper(code) : want == CASE_LOWER ? utf8_lower(code) : code);
    }
    return n;
}

static int compare_str(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    size_t n = x->size < y->size ? x->size : y->size;
    int sign = n ? memcmp(x->data, y->data, n) : 0;
    return sign ? sign : (x->size > y->size) - (x->size < y->size);
}

/* Strings with their bytes, changed in case, in one block: freed by free(). NULL with a message. */
static struct str *cased_copy(const struct str *from, size_t n, enum letter_case want, struct error *err)
{
    size_t bytes = 0, head;
    for (size_t i = 0; i < n; i++)
        bytes += 2 * from[i].size;
    if (!mem_mul(n, sizeof *from, &head) || !mem_add(bytes, head, &bytes))
        bytes = SIZE_MAX;
    struct str *copy = mem_calloc(bytes ? bytes : 1, 1, err);
    char *at = (char *)(copy + n);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = (struct str){at, change_case(&from[i], want, at)};
        at += copy[i].size;
    }
    return copy;
}

/* Output 0: those of the n strings whose key is no stopword (sorted), changed in case. */
static int normalize(struct op_eval *c, const struct str *all, const struct str *keys, size_t n,
                     const struct str *stops, size_t stop_count, enum letter_case want, struct error *err)
{
    struct str *kept = mem_calloc(n, sizeof *kept, err), *cased = NULL;
    int64_t dims[2] = {1, 1};
    size_t left = 0;
    if (!kept)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!stop_count || !bsearch(&keys[i], stops, stop_count, sizeof *stops, compare_str))
            kept[left++] = all[i];
    int rank = eval_in(c, 0)->rank;
    dims[rank - 1] = left ? (int64_t)left : 1;
    struct str none = {"", 0};
    int status = -1;
    if ((cased = cased_copy(kept, left, want, err)))
        status = eval_give(c, 0, tensor_of_strings(rank, dims, left ? cased : &none, err), err);
    free(cased);
    free(kept);
    return status;
}

int eval_string_normalizer(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    const struct attr *stopwords = node_attr(c->node, "stopwords");
    const char *action = op_string(c->node, "case_change_action");
    enum letter_case want = strcmp(action, "LOWER") == 0   ? CASE_LOWER
                            : strcmp(action, "UPPER") == 0 ? CASE_UPPER
                                                           : CASE_NONE;
    if (want == CASE_NONE && strcmp(action, "NONE"))
        return eval_error(c, err, "attribute case_change_action is '%.40s', want LOWER, UPPER or NONE", action);
    if (x->rank != 1 && (x->rank != 2 || x->dims[0] != 1))
        return eval_error(c, err, "input X has %d dims, want C or 1xC", x->rank);
    enum letter_case compare = op_int(c->node, "is_case_sensitive") ? CASE_NONE : CASE_LOWER;
    size_t stop_count = stopwords && stopwords->kind == ATTR_STRINGS ? stopwords->n : 0, n = (size_t)x->count;
    struct str *stops = cased_copy(stop_count ? stopwords->strings : NULL, stop_count, compare, err);
    struct str *keys = stops ? cased_copy(x->data, n, compare, err) : NULL;
    if (stops)
        qsort(stops, stop_count, sizeof *stops, compare_str);
    int status = keys ? normalize(c, x->data, keys, n, stops, stop_count, want, err) : -1;
    free(keys);
    free(stops);
    return status;
}
