/* From outputs to answers: what all kinds share. */
#include "task/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define MOST_OUTPUTS 256 /* as many as option output can name; some decoders look at each pair of them */

int task_use_output(struct task_query *q, struct error *err)
{
    const struct task_numbers *said = &q->task->option[TASK_OUTPUT];
    size_t number = (size_t)said->at[0];
    if (said->count && number >= q->count)
        return error_set(err, "task: output=%zu: there are %zu outputs, of which the first is 0", number, q->count);
    if (said->count)
        q->outputs += number, q->count = 1;
    return 0;
}

int task_answer(const struct task_query *q, struct task_answers *out, struct error *err)
{
    static task_answer_fn *const kinds[] = {
        [TASK_CLASSIFY] = task_classify, [TASK_DETECT] = task_detect, [TASK_POLYGONS] = task_detect,
        [TASK_LANDMARKS] = task_detect,  [TASK_MASK] = task_mask,     [TASK_CTC] = task_ctc,
        [TASK_EMBEDDING] = task_embed,   [TASK_PICTURE] = task_paint,
    };
    struct task_answers found = {0};
    struct task_query one = *q;
    if (task_use_output(&one, err) < 0)
        return -1;
    one.count = one.count < MOST_OUTPUTS ? one.count : MOST_OUTPUTS;
    if (kinds[q->task->kind](&one, &found, err) < 0) {
        task_answers_release(&found);
        return -1;
    }
    *out = found;
    return 0;
}

int task_answers_add(struct task_answers *a, struct task_answer answer, struct error *err)
{
    if (mem_grow(&a->at, &a->cap, a->count + 1, sizeof *a->at, err) == 0) {
        a->at[a->count++] = answer;
        return 0;
    }
    free(answer.points);
    free(answer.mask);
    free(answer.text);
    return -1;
}

void task_answers_release(struct task_answers *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->at[i].points);
        free(a->at[i].mask);
        free(a->at[i].text);
    }
    free(a->at);
    free(a->vector);
    image_release(&a->picture);
    *a = (struct task_answers){0};
}

size_t task_usual(const struct task *task)
{
    return task->kind == TASK_CLASSIFY && task_number(task, TASK_SCORE) <= 0 ? 5 : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool task_is_named(const struct task_output *o, const char *words)
{
    for (; o->name && *words; words += strcspn(words, " "), words += *words == ' ')
        for (const char *at = o->name; *at; at++)
            if ((at == o->name || !is_letter(at[-1])) && strncasecmp(at, words, strcspn(words, " ")) == 0)
                return true;
    return false;
}

const struct task_output *task_choose(const struct task_query *q,
                                      bool (*fits)(const struct task_query *q, const struct task_output *o))
{
    for (size_t i = 0; i < q->count; i++)
        if (fits(q, &q->outputs[i]))
            return &q->outputs[i];
    return q->outputs;
}

size_t task_elements(const struct task_output *o)
{
    size_t n = 1;
    for (int i = 0; i < o->rank; i++)
        if (!mem_mul(n, (size_t)o->dims[i], &n))
            return 0;
    return n;
}

bool task_last_dims(const struct task_output *o, int keep, size_t *dims)
{
    for (int i = 0; i < o->rank - keep; i++)
        if (o->dims[i] != 1)
            return false;
    for (int i = 0; i < keep; i++) {
        int axis = o->rank - keep + i;
        dims[i] = axis < 0 ? 1 : (size_t)o->dims[axis];
    }
    return true;
}

int task_planes(const struct task_output *o, bool channels_last, struct task_planes *out, struct error *err)
{
    size_t d[3];
    if (o->rank < 2 || !task_last_dims(o, 3, d))
        return error_set(err, "%d dimensions: want one picture of channels, rows and columns", o->rank);
    if (!channels_last || o->rank == 2 || (o->rank == 3 && d[0] == 1)) /* one plane, whatever the layout */
        *out = (struct task_planes){o->values, d[0], d[1], d[2], d[1] * d[2], 1};
    else
        *out = (struct task_planes){o->values, d[2], d[0], d[1], 1, d[2]};
    if (out->channels < 1 || out->height < 1 || out->width < 1 || out->height > IMAGE_MAX_SIDE ||
        out->width > IMAGE_MAX_SIDE)
        return error_set(err, "%zu channels of %zux%zu: want at least one, of sides up to %d", out->channels,
                         out->width, out->height, IMAGE_MAX_SIDE);
    return 0;
}

size_t task_argmax(const float *values, size_t n, size_t step)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (values[i * step] > values[best * step] || isnan(values[best * step]))
            best = i;
    return best;
}

float task_sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

bool task_are_scores(const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!task_is_score(values[i]))
            return false;
    return true;
}

int task_activation(const struct task *task, enum task_end end, bool in_unit, int otherwise)
{
    int said = task_word(task, TASK_SCORES);
    if (said != TASK_SCORES_AUTO)
        return said;
    return end > TASK_END_LINEAR || in_unit ? TASK_SCORES_RAW : otherwise;
}
