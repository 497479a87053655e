/* The public API: from photos to inputs, and from outputs to answers. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "op/op.h"

/* ---- settings ---- */

/* The input that a recipe is for; -1 when there is none. */
static ptrdiff_t photo_input(const struct graph *g, const struct recipe *r, struct error *err)
{
    for (size_t i = 0; i < g->input_count; i++)
        if (!*r->input || strcmp(g->inputs[i]->name, r->input) == 0)
            return (ptrdiff_t)i;
    return *r->input ? error_set(err, "recipe: no input '%s'", r->input) : error_set(err, "the model has no input");
}

/* A recipe as an input of this type wants it. */
static struct recipe for_input(const struct recipe *r, const struct type *type)
{
    struct recipe mine = *r;
    if (r->dtype == RECIPE_F32 && type->dtype == DTYPE_U8)
        mine.dtype = RECIPE_U8;
    if (r->dtype == RECIPE_F32 && type->dtype == DTYPE_I8)
        mine.dtype = RECIPE_I8;
    return mine;
}

static int plan_for(const struct recipe *r, const struct value *input, int width, int height, struct recipe_plan *plan,
                    struct error *err)
{
    const struct type *t = &input->type;
    struct recipe mine = for_input(r, t);
    if (t->kind != TYPE_TENSOR && t->kind != TYPE_UNKNOWN)
        return error_set(err, "input '%s' takes no picture", input->name);
    return recipe_plan(&mine, width, height, t->dims, t->kind == TYPE_TENSOR && t->rank > 0 ? t->rank : 0, plan, err);
}

int model_check_recipe(const struct graph *g, const struct recipe *r, struct error *err)
{
    struct recipe_plan plan;
    ptrdiff_t i = photo_input(g, r, err);
    return i < 0 ? -1 : plan_for(r, g->inputs[i], 4096, 4096, &plan, err); /* a photo that any crop fits */
}

char *model_recipe_import(const char *path, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct recipe r;
    struct text t;
    struct blob *blob = file_read(path, err);
    int status = blob ? recipe_import((const char *)blob->data, blob->size, &r, err) : -1;
    blob_unref(blob);
    if (status < 0)
        return NULL;
    text_init(&t);
    recipe_print(&r, &t);
    if (!t.failed && t.data)
        return t.data;
    text_release(&t);
    error_memory(err);
    return NULL;
}

static const struct str *property(const struct model_session *s, const char *key)
{
    static const struct str none = {"", 0};
    const struct str *value = graph_property(s->graph, key);
    return value ? value : &none;
}

/* Other tools use these names as well ("task" is "detect" in detectors of Ultralytics): what is not in our words is not
 * meant for us. What a user sets is checked by model_set_property(). */
int model_session_settings(struct model_session *s, struct error *err)
{
    const struct str *recipe = property(s, "recipe"), *task = property(s, "task"), *labels = property(s, "labels");
    struct error foreign;
    s->has_task = task->size > 0 && task_parse(task->data, task->size, &s->task, &foreign) == 0;
    if (recipe_parse(recipe->data, recipe->size, &s->recipe, &foreign) < 0 && recipe_parse("", 0, &s->recipe, err) < 0)
        return -1;
    return task_labels_init(&s->labels, labels->data, labels->size, err);
}

/* ---- photos ---- */

ptrdiff_t model_session_photo_input(struct model_session *s, struct model_error *err)
{
    return photo_input(s->graph, &s->recipe, model_inner(err));
}

static void describe(const struct recipe_plan *plan, const struct image *image, struct model_photo *photo)
{
    *photo = (struct model_photo){.width = image->width,
                                  .height = image->height,
                                  .input_width = plan->width,
                                  .input_height = plan->height,
                                  .scale_x = plan->map.scale_x,
                                  .scale_y = plan->map.scale_y,
                                  .offset_x = plan->map.offset_x,
                                  .offset_y = plan->map.offset_y,
                                  .channels_last = plan->layout == RECIPE_NHWC};
}

/* Without a recipe, two dims are no picture: a vector in a batch. */
static int check_picture(const struct model_session *s, const struct value *v, struct error *err)
{
    char text[200];
    if (property(s, "recipe")->size || v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.rank > 2)
        return 0;
    return error_set(err, "input '%s' is %s, which takes no photo: want a .npy file", v->name,
                     type_text(v->graph, &v->type, text, sizeof text));
}

struct tensor *model_prepare_photo(struct model_session *s, const struct image *image, struct model_photo *photo,
                                   struct error *err)
{
    static const enum dtype dtypes[] = {[RECIPE_F32] = DTYPE_F32, [RECIPE_U8] = DTYPE_U8, [RECIPE_I8] = DTYPE_I8};
    struct recipe_plan plan;
    ptrdiff_t i = photo_input(s->graph, &s->recipe, err);
    const struct value *v = i < 0 ? NULL : s->graph->inputs[i];
    if (!v || check_picture(s, v, err) < 0 || plan_for(&s->recipe, v, image->width, image->height, &plan, err) < 0)
        return NULL;
    struct recipe mine = for_input(&s->recipe, &v->type);
    struct tensor *t = tensor_new(dtypes[mine.dtype], plan.rank, plan.dims, err);
    describe(&plan, image, photo);
    if (t && recipe_apply(&mine, &plan, image, t->data, err) == 0)
        return t;
    tensor_unref(t);
    return NULL;
}

/* ---- answers ---- */

/* What one kind of task needs to answer. */
struct question {
    struct model_session *s;
    struct model_tensor *const *out;
    const struct tensor *t; /* the first, as float32 */
    const struct model_photo *photo;
    size_t most;
    struct model_answers *answers;
};

static int add_answer(struct question *q, size_t *cap, struct model_answer answer, struct error *err)
{
    struct model_answers *a = q->answers;
    if (mem_grow(&a->at, cap, a->count + 1, sizeof *a->at, err) < 0)
        return -1;
    answer.label = task_labels_name(&q->s->labels, answer.index);
    a->at[a->count++] = answer;
    return 0;
}

static int answer_labels(struct question *q, struct error *err)
{
    size_t n = (size_t)q->t->count, most = q->most && q->most < n ? q->most : n, cap = 0;
    if (q->t->rank > 1 && q->t->dims[0] > 1)
        return error_set(err, "a batch of %lld answers: want one at a time", (long long)q->t->dims[0]);
    if (task_labels_check(&q->s->labels, n, err) < 0)
        return -1;
    struct task_top *top = mem_calloc(most, sizeof *top, err);
    ptrdiff_t found = top ? task_top(q->t->data, n, most, top, err) : -1;
    int status = found < 0 ? -1 : 0;
    for (ptrdiff_t i = 0; status == 0 && i < found; i++)
        status = add_answer(q, &cap, (struct model_answer){.index = top[i].index, .score = top[i].score}, err);
    free(top);
    return status;
}

/* Boxes in pixels of the input, from the outputs up to the first that is not of numbers. */
static int find_boxes(struct question *q, struct task_boxes *boxes, struct error *err)
{
    size_t n = q->s->graph->output_count, count = 0;
    struct task_output *outputs = mem_calloc(n, sizeof *outputs, err);
    struct tensor **wide = mem_calloc(n, sizeof(struct tensor *), err);
    struct error ignored;
    for (; outputs && wide && count < n; count++) {
        struct tensor *t = tensor_cast(model_inner_tensor(q->out[count]), DTYPE_F32, false, &ignored);
        if (!t)
            break;
        wide[count] = t;
        outputs[count] = (struct task_output){t->data, t->dims, t->rank};
    }
    int status =
        count ? task_detect(&q->s->task, outputs, count, q->photo->input_width, q->photo->input_height, boxes, err)
              : -1;
    while (count > 0)
        tensor_unref(wide[--count]);
    free(wide);
    free(outputs);
    return status;
}

static int answer_boxes(struct question *q, struct error *err)
{
    const struct model_photo *p = q->photo;
    struct task_boxes boxes = {0};
    size_t cap = 0;
    if (!p)
        return error_set(err, "boxes need a photo as the input, to know its size");
    if (find_boxes(q, &boxes, err) < 0)
        return -1;
    struct recipe_map map = {p->scale_x, p->scale_y, p->offset_x, p->offset_y};
    task_boxes_unmap(&boxes, &map, p->width, p->height);
    int status = 0;
    for (size_t i = 0; status == 0 && i < boxes.count && (!q->most || i < q->most); i++) {
        const struct task_box *b = &boxes.box[i];
        status =
            add_answer(q, &cap,
                       (struct model_answer){
                           .index = b->label, .score = b->score, .x0 = b->x0, .y0 = b->y0, .x1 = b->x1, .y1 = b->y1},
                       err);
    }
    free(boxes.box);
    return status;
}

static int larger_share(const void *a, const void *b)
{
    const struct model_answer *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int answer_mask(struct question *q, struct error *err)
{
    struct model_answers *a = q->answers;
    struct image mask;
    size_t cap = 0, pixels[256] = {0};
    if (task_mask(q->t->data, q->t->dims, q->t->rank, q->photo && q->photo->channels_last, &mask, err) < 0)
        return -1;
    size_t n = (size_t)mask.width * (size_t)mask.height;
    for (size_t i = 0; i < n; i++)
        pixels[mask.data[i]]++;
    a->pixels = mask.data; /* taken over */
    a->width = mask.width;
    a->height = mask.height;
    a->channels = 1;
    for (size_t i = 0; i < 256; i++)
        if (pixels[i] &&
            add_answer(q, &cap, (struct model_answer){.index = i, .score = (float)pixels[i] / (float)n}, err) < 0)
            return -1;
    qsort(a->at, a->count, sizeof *a->at, larger_share);
    if (q->most && a->count > q->most)
        a->count = q->most;
    return 0;
}

static int answer_text(struct question *q, struct error *err)
{
    struct model_answer a = {.index = 0};
    struct text text;
    size_t cap = 0;
    text_init(&text);
    text_puts(&text, "");
    int status = task_ctc(q->t->data, q->t->dims, q->t->rank, &q->s->labels, &text, &a.score, err);
    if (status == 0 && !(a.text = text.data ? text.data : mem_calloc(1, 1, err)))
        status = -1;
    if (status < 0 || add_answer(q, &cap, a, err) < 0) {
        text_release(&text);
        return -1;
    }
    q->answers->at[0].label = NULL; /* labels are characters here */
    return 0;
}

static const struct {
    enum model_answer_kind kind;
    int (*answer)(struct question *q, struct error *err);
} kinds[] = {
    [TASK_CLASSIFY] = {MODEL_ANSWER_LABELS, answer_labels},
    [TASK_DETECT] = {MODEL_ANSWER_BOXES, answer_boxes},
    [TASK_MASK] = {MODEL_ANSWER_MASK, answer_mask},
    [TASK_CTC] = {MODEL_ANSWER_TEXT, answer_text},
};

enum model_answer_kind model_session_answer_kind(const struct model_session *s)
{
    return s->has_task ? kinds[s->task.kind].kind : MODEL_ANSWER_NONE;
}

int model_session_answers(struct model_session *s, struct model_tensor *const *out, const struct model_photo *photo,
                          size_t most, struct model_answers *answers, struct model_error *error)
{
    struct error *err = model_inner(error);
    *answers = (struct model_answers){.kind = model_session_answer_kind(s)};
    if (!s->has_task)
        return 0;
    if (s->graph->output_count == 0)
        return error_set(err, "the model has no output");
    struct tensor *t = tensor_cast(model_inner_tensor(out[0]), DTYPE_F32, false, err);
    struct question q = {s, out, t, photo, most, answers};
    int status = t ? kinds[s->task.kind].answer(&q, err) : -1;
    tensor_unref(t);
    if (status == 0 && photo && photo->is_part)
        model_move_answers(answers, photo);
    if (status == 0)
        return 0;
    model_answers_release(answers);
    return error_prefix(err, "output '%s'", s->graph->outputs[0]->name);
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

int model_answers_write(const struct model_answers *a, const char *path, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct image image = {a->width, a->height, a->channels, a->pixels};
    struct file_out out = {.fd = -1};
    struct text png;
    text_init(&png);
    int status = image_write_png(&image, &png, err);
    if (status == 0 && (status = file_create(&out, path, err)) == 0) {
        status = file_write(&out, png.data, png.size, err) < 0 ? -1 : file_commit(&out, err);
        if (status < 0)
            file_abandon(&out);
    }
    text_release(&png);
    return status < 0 ? error_prefix(err, "%s", path) : 0;
}
