/* The public API: from photos to inputs. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "op/op.h"
#include "task/exported.h"

/* ---- inputs that are told of the size ---- */

enum size_number { ONE, WIDTH, HEIGHT };

static const struct size_input {
    const char *name;
    int count;
    enum size_number numbers[3];
} size_inputs[] = {{"orig_target_sizes", 2, {WIDTH, HEIGHT}},
                   {"im_shape", 2, {HEIGHT, WIDTH}},
                   {"image_shape", 2, {HEIGHT, WIDTH}},
                   {"scale_factor", 2, {ONE, ONE}},
                   {"im_info", 3, {HEIGHT, WIDTH, ONE}}};

static const struct size_input *size_input(const struct value *v)
{
    const struct type *type = &v->type;
    for (size_t i = 0; i < sizeof size_inputs / sizeof *size_inputs; i++)
        if (strcmp(v->name, size_inputs[i].name) == 0 && type->kind == TYPE_TENSOR && type->rank == 2 &&
            type->dims[0] <= 1 && (type->dims[1] < 0 || type->dims[1] == size_inputs[i].count) &&
            (type->dtype == DTYPE_F32 || type->dtype == DTYPE_I64 || type->dtype == DTYPE_I32))
            return &size_inputs[i];
    return NULL;
}

bool model_is_size_input(const struct model *m, size_t input)
{
    return size_input(m->graph->inputs[input]) != NULL;
}

struct model_tensor *model_size_tensor(const struct model *m, size_t input, const struct model_photo *photo,
                                       struct model_error *error)
{
    const struct value *v = m->graph->inputs[input];
    const struct size_input *how = size_input(v);
    const int numbers[] = {[ONE] = 1, [WIDTH] = photo->input_width, [HEIGHT] = photo->input_height};
    const int64_t dims[] = {1, how->count};
    struct tensor *t = tensor_new(v->type.dtype, 2, dims, model_inner(error));
    for (int i = 0; t && i < how->count; i++)
        tensor_set_f64(t, i, numbers[how->numbers[i]]);
    return model_outer_tensor(t);
}

/* ---- settings ---- */

ptrdiff_t model_photo_input(const struct graph *g, const struct recipe *r, struct error *err)
{
    for (size_t i = 0; i < g->input_count; i++)
        if (*r->input ? strcmp(g->inputs[i]->name, r->input) == 0 : !size_input(g->inputs[i]))
            return (ptrdiff_t)i;
    return *r->input ? error_set(err, "recipe: no input '%s'", r->input)
                     : error_set(err, "the model has no input%s", g->input_count ? " that takes a photo" : "");
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

int model_plan_photo(const struct recipe *r, const struct value *input, int width, int height, struct recipe_plan *plan,
                     struct error *err)
{
    const struct type *t = &input->type;
    struct recipe mine = for_input(r, t);
    if (t->kind != TYPE_TENSOR && t->kind != TYPE_UNKNOWN)
        return error_set(err, "input '%s' takes no picture", input->name);
    return recipe_plan(&mine, width, height, t->dims, t->kind == TYPE_TENSOR && t->rank > 0 ? t->rank : 0, plan, err);
}

/* The DequantizeLinear of one scale that an input goes to, perhaps by way of others that only move its elements. */
static const struct node *find_dequantizer(const struct value *v)
{
    while (v && v->use_count == 1) {
        const struct node *n = v->uses[0].node;
        if (strcmp(n->op, "DequantizeLinear") == 0)
            return node_in(n, 1) && n->in[1]->constant && n->in[1]->constant->count == 1 ? n : NULL;
        v = n->def && op_trait(n, "moves") ? node_out(n, 0) : NULL;
    }
    return NULL;
}

int model_resolve_quantize(const struct graph *g, struct recipe *r, struct error *err)
{
    struct recipe_step *s = r->count ? &r->steps[r->count - 1] : NULL;
    if (!s || s->kind != RECIPE_QUANTIZE || s->values)
        return 0;
    ptrdiff_t i = model_photo_input(g, r, err);
    const struct node *n = i < 0 ? NULL : find_dequantizer(g->inputs[i]);
    const struct value *zero = n ? node_in(n, 2) : NULL;
    if (i < 0)
        return -1;
    if (!n || (zero && (!zero->constant || zero->constant->count != 1)))
        return error_set(err, "recipe: quantize: input '%s' has no scale of its own: want quantize=SCALE:ZERO",
                         g->inputs[i]->name);
    s->values = 2;
    s->value[0] = (float)tensor_get_f64(n->in[1]->constant, 0);
    s->value[1] = zero ? (float)tensor_get_f64(zero->constant, 0) : 0;
    if (!(s->value[0] > 0) || !isfinite(s->value[0]) || !isfinite(s->value[1]))
        return error_set(err, "recipe: quantize: input '%s' has a scale of %g, a zero of %g: want quantize=SCALE:ZERO",
                         g->inputs[i]->name, (double)s->value[0], (double)s->value[1]);
    return 0;
}

int model_check_recipe(const struct graph *g, const struct recipe *r, struct error *err)
{
    struct recipe_plan plan;
    struct recipe mine = *r;
    ptrdiff_t i = model_photo_input(g, r, err);
    if (i < 0 || model_resolve_quantize(g, &mine, err) < 0)
        return -1;
    return model_plan_photo(&mine, g->inputs[i], 4096, 4096, &plan, err); /* a photo that any crop fits */
}

/* What the first channel's sample becomes by the steps on values. */
static float stepped(const struct recipe *r, float v)
{
    for (const struct recipe_step *s = r->steps; s < r->steps + r->count; s++)
        v = s->kind == RECIPE_MEAN    ? v - s->value[0]
            : s->kind == RECIPE_STD   ? v / s->value[0]
            : s->kind == RECIPE_SCALE ? v * s->value[0]
                                      : v;
    return v;
}

#define LEAST_LEVELS 8 /* recipes for floats leave 5 at most */

int model_check_levels(const struct graph *g, const struct recipe *r, struct error *err)
{
    ptrdiff_t i = model_photo_input(g, r, err);
    enum dtype dtype = i < 0 ? DTYPE_F32 : g->inputs[i]->type.dtype;
    float low = stepped(r, 0), high = stepped(r, 255);
    if ((dtype != DTYPE_U8 && dtype != DTYPE_I8) || fabsf(high - low) >= LEAST_LEVELS ||
        (r->count && r->steps[r->count - 1].kind == RECIPE_QUANTIZE))
        return i < 0 ? -1 : 0;
    return error_set(err, "recipe: values of %g to %g for input '%s', which has 8 bits: want quantize behind them",
                     (double)low, (double)high, g->inputs[i]->name);
}

/* `path`, or what is before its last colon; then *part is what is behind. */
static struct blob *read_settings(const char *path, const char **part, struct error *err)
{
    struct blob *blob = file_read(path, err);
    const char *colon = strrchr(path, ':');
    if (blob || !colon)
        return blob;
    char *file = strndup(path, (size_t)(colon - path));
    blob = file ? file_read(file, err) : NULL;
    free(file);
    *part = colon + 1;
    return blob;
}

/* The characters of a text recogniser are its labels. */
static int take_told(struct task_paddle *p, char **task, char **labels, struct error *err)
{
    struct text *names = p->characters.size ? &p->characters : &p->labels;
    if (p->characters.size && !p->task.size)
        text_puts(&p->task, "ctc");
    if (p->labels.failed || p->characters.failed || p->task.failed)
        return error_memory(err);
    *task = p->task.data;
    *labels = names->data;
    text_init(&p->task);
    text_init(names);
    return 0;
}

char *model_recipe_import(const char *path, char **task, char **labels, struct model_error *error)
{
    struct error *err = model_inner(error);
    const char *part = NULL;
    struct recipe r;
    struct text t;
    struct task_paddle told;
    struct blob *blob = read_settings(path, &part, err);
    const char *bytes = blob ? (const char *)blob->data : NULL;
    int status = blob ? recipe_import(bytes, blob->size, part, &r, err) : -1;
    text_init(&t);
    task_paddle_init(&told);
    *task = *labels = NULL;
    if (status == 0) {
        recipe_print(&r, &t);
        task_exported_paddle(bytes, blob->size, part, &told);
        status = t.failed || !t.data ? error_memory(err) : take_told(&told, task, labels, err);
    }
    if (status < 0)
        text_release(&t);
    task_paddle_release(&told);
    blob_unref(blob);
    return status < 0 ? NULL : t.data;
}

/* ---- photos ---- */

ptrdiff_t model_session_photo_input(struct model_session *s, struct model_error *err)
{
    return model_photo_input(s->graph, &s->recipe, model_inner(err));
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
    const struct str *recipe = graph_property(s->graph, "recipe");
    if ((recipe && recipe->size) || v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.rank > 2)
        return 0;
    return error_set(err, "input '%s' is %s, which takes no photo: want a .npy file, or sound (.wav)", v->name,
                     type_text(v->graph, &v->type, text, sizeof text));
}

int model_input_size(const struct model_session *s, const struct image *image, int *width, int *height,
                     struct error *err)
{
    struct recipe_plan plan;
    ptrdiff_t i = model_photo_input(s->graph, &s->recipe, err);
    if (i < 0 || model_plan_photo(&s->recipe, s->graph->inputs[i], image->width, image->height, &plan, err) < 0)
        return -1;
    *width = plan.width;
    *height = plan.height;
    return 0;
}

/* The recipe whose pad to a size leads to this width, if that is more; before it nothing becomes wider. One that ends a
 * size itself stays. */
static struct recipe widened(const struct recipe *r, int width)
{
    struct recipe w = *r;
    int last = r->count - 1, at = 0;
    if (!width || last < 0 || r->count == RECIPE_MAX_STEPS || r->steps[last].kind != RECIPE_PAD ||
        r->steps[last].size != RECIPE_EXACT)
        return w;
    for (int i = 0; i < last; i++) {
        if (r->steps[i].kind == RECIPE_RESIZE && r->steps[i].size == RECIPE_CLAMP)
            return w;
        at = r->steps[i].kind <= RECIPE_PAD ? i + 1 : at;
    }
    int to = r->steps[last].width > width ? r->steps[last].width : width;
    w.steps[last].width = to;
    memmove(w.steps + at + 1, w.steps + at, (size_t)(r->count - at) * sizeof *w.steps);
    w.steps[at] =
        (struct recipe_step){.kind = RECIPE_RESIZE, .size = RECIPE_CLAMP, .width = to, .height = IMAGE_MAX_SIDE};
    w.count++;
    return w;
}

/* For inputs of wide integers, as of MoveNet, which takes pixels as i32: rounded as bytes are. Releases t. */
static struct tensor *as_integers(struct tensor *t, enum dtype want, struct error *err)
{
    float *x = (float *)t->data, low = dtype_info(want)->class == DTYPE_CLASS_UINT ? 0 : -INFINITY;
    for (int64_t i = 0; i < t->count; i++)
        x[i] = x[i] > low ? rintf(x[i]) : low;
    struct tensor *rounded = tensor_cast(t, want, false, err);
    tensor_unref(t);
    return rounded;
}

struct tensor *model_prepare_photo(struct model_session *s, const struct image *image, int width,
                                   struct model_photo *photo, struct error *err)
{
    static const enum dtype dtypes[] = {[RECIPE_F32] = DTYPE_F32, [RECIPE_U8] = DTYPE_U8, [RECIPE_I8] = DTYPE_I8};
    struct recipe_plan plan;
    struct recipe wide = widened(&s->recipe, width);
    ptrdiff_t i = model_photo_input(s->graph, &s->recipe, err);
    const struct value *v = i < 0 ? NULL : s->graph->inputs[i];
    if (!v || check_picture(s, v, err) < 0 || model_plan_photo(&wide, v, image->width, image->height, &plan, err) < 0)
        return NULL;
    struct recipe mine = for_input(&wide, &v->type);
    struct tensor *t = tensor_new(dtypes[mine.dtype], plan.rank, plan.dims, err);
    describe(&plan, image, photo);
    if (!t || recipe_apply(&mine, &plan, image, t->data, err) < 0) {
        tensor_unref(t);
        return NULL;
    }
    enum dtype_class class = dtype_info(v->type.dtype)->class;
    bool is_wide = v->type.kind == TYPE_TENSOR && (class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT);
    return is_wide && t->dtype == DTYPE_F32 ? as_integers(t, v->type.dtype, err) : t;
}
