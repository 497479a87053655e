/* The public API: from outputs to answers. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- settings ---- */

static const struct str *property(const struct model_session *s, const char *key)
{
    static const struct str none = {"", 0};
    const struct str *value = graph_property(s->graph, key);
    return value ? value : &none;
}

#define MOST_NAMES 64

/* Names of outputs tell a task, or what one that was said leaves open. */
static int guess(struct model_session *s, struct error *err)
{
    const char *names[MOST_NAMES], *text;
    struct task told;
    int64_t last[MOST_NAMES];
    size_t n = 0;
    for (; n < s->graph->output_count && n < MOST_NAMES; n++) {
        const struct type *t = &s->graph->outputs[n]->type;
        names[n] = s->graph->outputs[n]->name;
        last[n] = t->kind == TYPE_TENSOR && t->rank > 0 ? t->dims[t->rank - 1] : -1;
    }
    text = task_guess(names, last, n);
    if (text && task_parse(text, strlen(text), &told, err) < 0)
        return -1;
    if (text && s->has_task)
        task_follow(&s->task, &told);
    else if (text)
        s->task = told, s->guessed = text, s->has_task = true;
    return 0;
}

const char *model_session_guessed_task(const struct model_session *s)
{
    return s->guessed;
}

/* Other tools use these names as well ("task" is "detect" in detectors of Ultralytics): what is not in our words is not
 * meant for us. What a user sets is checked by model_set_property(). */
int model_session_settings(struct model_session *s, struct error *err)
{
    const struct str *recipe = property(s, "recipe"), *task = property(s, "task"), *labels = property(s, "labels");
    struct error foreign;
    s->has_task = task->size > 0 && task_parse(task->data, task->size, &s->task, &foreign) == 0;
    s->guessed = NULL;
    if ((s->has_task || !task->size) && guess(s, err) < 0)
        return -1;
    if (recipe_parse(recipe->data, recipe->size, &s->recipe, &foreign) < 0 && recipe_parse("", 0, &s->recipe, err) < 0)
        return -1;
    if (model_resolve_quantize(s->graph, &s->recipe, err) < 0)
        return -1;
    return task_labels_init(&s->labels, labels->data, labels->size, err);
}

/* ---- how outputs end ---- */

/* Whether a node gives its first input's numbers, only moved or stored differently. */
static bool is_view(const struct node *n)
{
    return text_has_word("QuantizeLinear DequantizeLinear Cast Reshape Squeeze Unsqueeze Flatten Transpose Identity",
                         n->op);
}

/* What node n applies to all numbers that it gives; a fused one says so by an attribute. */
static enum task_end end_of_node(const struct node *n)
{
    const struct attr *a = node_attr(n, "activation");
    bool fused = a && a->kind == ATTR_STRING && a->s.size == 7 && memcmp(a->s.data, "Sigmoid", 7) == 0;
    return strcmp(n->op, "Softmax") == 0                        ? TASK_END_SOFTMAX
           : strcmp(n->op, "Sigmoid") == 0 || fused             ? TASK_END_SIGMOID
           : !a && text_has_word("Conv Gemm MatMul Add", n->op) ? TASK_END_LINEAR
                                                                : TASK_END_UNKNOWN;
}

static void find_end(const struct value *v, struct model_end *end)
{
    const struct node *n = v->producer;
    if (n && strcmp(n->op, "QuantizeLinear") == 0 && n->in_count > 1 && n->in[1] && n->in[1]->constant &&
        n->in[1]->constant->count == 1) {
        const struct value *zero = n->in_count > 2 ? n->in[2] : NULL;
        end->scaled = !zero || (zero->constant && zero->constant->count == 1);
        end->scale = (float)tensor_get_f64(n->in[1]->constant, 0);
        end->zero = zero && end->scaled ? (float)tensor_get_f64(zero->constant, 0) : 0;
    }
    while (n && is_view(n) && n->in_count > 0 && n->in[0])
        n = n->in[0]->producer;
    if (n)
        end->end = end_of_node(n);
}

int model_session_ends(struct model_session *s, struct error *err)
{
    s->ends = mem_calloc(s->graph->output_count, sizeof *s->ends, err);
    for (size_t i = 0; s->ends && i < s->graph->output_count; i++)
        find_end(s->graph->outputs[i], &s->ends[i]);
    return s->ends ? 0 : -1;
}

/* ---- what an answer is made from ---- */

struct question {
    struct model_session *s;
    struct task_query query;
    struct recipe_map map;
    struct task_output *outputs;
    struct tensor **wide; /* outputs as float32 */
};

static bool is_whole(enum dtype dtype)
{
    return dtype == DTYPE_I64 || dtype == DTYPE_I32 || dtype == DTYPE_U8 || dtype == DTYPE_I8 || dtype == DTYPE_BOOL;
}

/* Outputs up to the first that is not of numbers. */
static int widen_outputs(struct question *q, struct model_tensor *const *out, struct error *err)
{
    size_t n = q->s->graph->output_count;
    q->outputs = mem_calloc(n, sizeof *q->outputs, err);
    q->wide = mem_calloc(n, sizeof(struct tensor *), err);
    for (size_t i = 0; q->outputs && q->wide && i < n; i++) {
        const struct tensor *given = model_inner_tensor(out[i]);
        const struct model_end *end = &q->s->ends[i];
        struct tensor *t = tensor_cast(given, DTYPE_F32, false, err);
        if (!t)
            break;
        float *v = t->data;
        for (int64_t j = 0; end->scaled && j < t->count; j++)
            v[j] = (v[j] - end->zero) * end->scale;
        q->wide[q->query.count] = t;
        q->outputs[q->query.count++] = (struct task_output){.name = q->s->graph->outputs[i]->name,
                                                            .values = v,
                                                            .dims = t->dims,
                                                            .rank = t->rank,
                                                            .whole = is_whole(given->dtype) && !end->scaled,
                                                            .end = end->end};
    }
    q->query.outputs = q->outputs;
    return q->query.count ? 0 : -1;
}

static void set_photo(struct question *q, const struct model_photo *p)
{
    q->map = (struct recipe_map){p->scale_x, p->scale_y, p->offset_x, p->offset_y, recipe_stretches(&q->s->recipe)};
    q->query.map = &q->map;
    q->query.by_corner = q->s->recipe.library != RECIPE_PIL && q->s->recipe.library != RECIPE_TENSORFLOW;
    q->query.width = p->input_width;
    q->query.height = p->input_height;
    q->query.channels_last = p->channels_last;
    q->query.photo_width = p->width;
    q->query.photo_height = p->height;
}

/* Without a photo: the input's size, where it is always the same. */
static void set_input(const struct graph *g, const struct recipe *r, struct task_query *q)
{
    struct recipe_plan plan;
    struct error ignored;
    ptrdiff_t i = model_photo_input(g, r, &ignored);
    const struct type *t = i < 0 ? NULL : &g->inputs[i]->type;
    bool open = !t || t->kind != TYPE_TENSOR || t->rank < 2;
    for (int axis = 0; !open && axis < t->rank; axis++)
        open = t->dims[axis] < 1;
    if (open || model_plan_photo(r, g->inputs[i], 4096, 4096, &plan, &ignored) < 0)
        return;
    q->width = plan.width;
    q->height = plan.height;
    q->channels_last = plan.layout == RECIPE_NHWC;
}

#define MOST_CHECKED ((int64_t)1 << 24) /* elements of an output */

/* Outputs of zeros, of the shapes that are known. */
static float *blank_outputs(const struct graph *g, struct task_output *outputs, struct error *err)
{
    int64_t most = 1;
    for (size_t i = 0; i < g->output_count; i++) {
        const struct type *t = &g->outputs[i]->type;
        int64_t count = t->kind == TYPE_TENSOR && t->rank >= 0 ? tensor_count(t->rank, t->dims) : -1;
        if (count < 0 || count > MOST_CHECKED)
            return NULL;
        most = count > most ? count : most;
        outputs[i] = (struct task_output){
            .name = g->outputs[i]->name, .dims = t->dims, .rank = t->rank, .whole = is_whole(t->dtype)};
    }
    float *zeros = mem_calloc((size_t)most, sizeof *zeros, err);
    for (size_t i = 0; i < g->output_count; i++)
        outputs[i].values = zeros;
    return zeros;
}

int model_check_detector(const struct graph *g, const struct task *task, const struct task_labels *labels,
                         struct error *err)
{
    struct recipe r;
    struct error ignored;
    const struct str *recipe = graph_property(g, "recipe");
    struct task_output *outputs = mem_calloc(g->output_count, sizeof *outputs, err);
    struct task_query q = {.task = task, .labels = labels, .outputs = outputs, .count = g->output_count};
    float *zeros = outputs && g->output_count ? blank_outputs(g, outputs, &ignored) : NULL;
    int status = outputs ? 0 : -1;
    if (zeros && recipe_parse(recipe ? recipe->data : "", recipe ? recipe->size : 0, &r, &ignored) == 0)
        set_input(g, &r, &q);
    if (zeros && q.width > 0)
        status = task_check_labels(&q, err);
    free(zeros);
    free(outputs);
    return status;
}

static void release(struct question *q)
{
    for (size_t i = 0; i < q->query.count; i++)
        tensor_unref(q->wide[i]);
    free(q->wide);
    free(q->outputs);
}

void model_session_guess(struct model_session *s, struct model_tensor *const *out, const struct model_photo *photo)
{
    struct question q = {.s = s, .query = {.labels = &s->labels}};
    const struct str *task = property(s, "task");
    struct error ignored;
    if (s->has_task || s->guess_tried || task->size || !s->graph->output_count)
        return;
    s->guess_tried = true;
    set_photo(&q, photo);
    s->has_task = widen_outputs(&q, out, &ignored) == 0 && task_guess_outputs(&q.query, s->guess) &&
                  task_parse(s->guess, strlen(s->guess), &s->task, &ignored) == 0;
    s->guessed = s->has_task ? s->guess : NULL;
    release(&q);
}

/* The first answer's outputs tell what a task that was said leaves open. */
static void follow(struct model_session *s, const struct task_query *q)
{
    char text[TASK_GUESS];
    struct task told;
    struct error ignored;
    struct task_query one = *q;
    one.task = &s->task;
    if (!s->guess_tried && !s->guessed && task_use_output(&one, &ignored) == 0 && task_guess_outputs(&one, text) &&
        task_parse(text, strlen(text), &told, &ignored) == 0)
        task_follow(&s->task, &told);
    s->guess_tried = true;
}

/* ---- answers ---- */

static const enum model_answer_kind kinds[] = {
    [TASK_CLASSIFY] = MODEL_ANSWER_LABELS,     [TASK_DETECT] = MODEL_ANSWER_BOXES,
    [TASK_POLYGONS] = MODEL_ANSWER_POLYGONS,   [TASK_LANDMARKS] = MODEL_ANSWER_BOXES,
    [TASK_MASK] = MODEL_ANSWER_MASK,           [TASK_CTC] = MODEL_ANSWER_TEXT,
    [TASK_EMBEDDING] = MODEL_ANSWER_EMBEDDING, [TASK_PICTURE] = MODEL_ANSWER_PICTURE,
};

enum model_answer_kind model_session_answer_kind(const struct model_session *s)
{
    return s->has_task ? kinds[s->task.kind] : MODEL_ANSWER_NONE;
}

size_t model_session_usual_answers(const struct model_session *s)
{
    return s->has_task ? task_usual(&s->task) : 0;
}

static_assert(sizeof(struct model_point) == sizeof(struct task_point) &&
                  offsetof(struct model_point, score) == offsetof(struct task_point, score),
              "the public point is the task's");

/* Of text, labels are characters; of key points and lines, something else than the kind of thing. The only one of a
 * mask is that of what is found, label 1. */
static const char *name_of(const struct model_session *s, size_t index)
{
    bool has_labels = s->task.kind == TASK_CLASSIFY || s->task.kind == TASK_DETECT || s->task.kind == TASK_MASK ||
                      s->task.id == TASK_ID_POLYGONS_OBB;
    index -= s->task.kind == TASK_MASK && s->labels.count == 1;
    return has_labels ? task_labels_name(&s->labels, index) : NULL;
}

/* Hands one answer over. */
static struct model_answer give(const struct model_session *s, struct task_answer *a)
{
    struct model_answer given = {.index = a->label,
                                 .label = name_of(s, a->label),
                                 .score = a->score,
                                 .x0 = a->x0,
                                 .y0 = a->y0,
                                 .x1 = a->x1,
                                 .y1 = a->y1,
                                 .points = (struct model_point *)a->points,
                                 .point_count = a->point_count,
                                 .mask = {a->place.x, a->place.y, a->place.width, a->place.height, a->mask},
                                 .text = a->text};
    *a = (struct task_answer){0};
    return given;
}

static int give_all(const struct model_session *s, struct task_answers *found, struct model_answers *answers,
                    struct error *err)
{
    answers->at = mem_calloc(found->count, sizeof *answers->at, err);
    if (!answers->at)
        return -1;
    while (answers->count < found->count) {
        answers->at[answers->count] = give(s, &found->at[answers->count]);
        answers->count++;
    }
    answers->width = found->picture.width;
    answers->height = found->picture.height;
    answers->channels = found->picture.channels;
    answers->pixels = found->picture.data;
    answers->vector = found->vector;
    answers->vector_count = found->vector_count;
    found->picture.data = NULL;
    found->vector = NULL;
    return 0;
}

int model_session_answers(struct model_session *s, struct model_tensor *const *out, const struct model_photo *photo,
                          size_t most, struct model_answers *answers, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct question q = {.s = s, .query = {.task = &s->task, .labels = &s->labels, .most = most}};
    struct task_answers found = {0};
    *answers = (struct model_answers){.kind = model_session_answer_kind(s)};
    if (!s->has_task)
        return 0;
    if (s->graph->output_count == 0)
        return error_set(err, "the model has no output");
    if (photo)
        set_photo(&q, photo);
    else
        set_input(s->graph, &s->recipe, &q.query);
    if (s->mask) {
        q.query.mask = s->mask->data;
        q.query.mask_count = (size_t)s->mask->count;
    }
    int status = widen_outputs(&q, out, err);
    if (status == 0)
        follow(s, &q.query);
    if (status == 0)
        status = task_answer(&q.query, &found, err);
    if (status == 0)
        status = give_all(s, &found, answers, err);
    if (status == 0 && photo && photo->is_part)
        model_move_answers(answers, photo, s->task.kind == TASK_LANDMARKS);
    task_answers_release(&found);
    release(&q);
    if (status < 0 && s->graph->output_count == 1)
        error_prefix(err, "output '%s'", s->graph->outputs[0]->name);
    return status;
}

void model_answers_release(struct model_answers *a)
{
    for (size_t i = 0; i < a->count; i++) {
        free(a->at[i].points);
        free(a->at[i].mask.pixels);
        free(a->at[i].text);
    }
    free(a->at);
    free(a->pixels);
    free(a->vector);
    *a = (struct model_answers){.kind = MODEL_ANSWER_NONE};
}
