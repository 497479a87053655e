#include "exec/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "exec/buffer.h"
#include "exec/concat.h"
#include "exec/exec_private.h"
#include "exec/lower.h"
#include "exec/schedule.h"

void *plan_alloc(struct plan *p, size_t size, struct error *err)
{
    return arena_alloc(&p->arena, size, err);
}

/* ---- external memory ---- */

struct buffer *plan_external(struct plan *p, void *base, struct error *err)
{
    struct buffer *b = plan_alloc(p, sizeof *b, err);
    if (b)
        *b = (struct buffer){.base = base, .external = true, .first = -1, .uses_left = INT32_MAX / 2};
    return b;
}

static int make_external(struct plan *p, const struct type *type, void *base, struct view *view, struct error *err)
{
    memset(view, 0, sizeof *view);
    view->dtype = type->dtype;
    view->rank = type->rank;
    memcpy(view->dims, type->dims, sizeof view->dims);
    view_dense(view, ORDER_ROWS);
    view->buffer = plan_external(p, base, err);
    return view->buffer ? 0 : -1;
}

static int place_ports(struct plan *p, struct error *err)
{
    struct graph *g = p->graph;
    p->inputs = plan_alloc(p, sizeof *p->inputs * g->input_count, err);
    p->outputs = plan_alloc(p, sizeof *p->outputs * g->output_count, err);
    p->kept = plan_alloc(p, sizeof *p->kept * g->output_count, err);
    if (!p->inputs || !p->outputs || !p->kept)
        return -1;
    for (size_t i = 0; i < g->input_count; i++) {
        struct place *place = plan_place(g->inputs[i]);
        if (make_external(p, &g->inputs[i]->type, NULL, &p->inputs[i], err) < 0)
            return -1;
        place->view = p->inputs[i];
        place->placed = true;
    }
    for (size_t i = 0; i < g->output_count; i++) {
        plan_place(g->outputs[i])->output = i;
        if (make_external(p, &g->outputs[i]->type, NULL, &p->outputs[i], err) < 0)
            return -1;
    }
    return 0;
}

/* Sub-byte and string constants stay without a place: only the reference evaluation takes those, as tensors. */
static int place_constants(struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->graph->value_count; i++) {
        struct value *v = p->graph->values[i];
        if (!v || !v->constant || v->constant->dtype == DTYPE_STRING || dtype_info(v->constant->dtype)->bits < 8)
            continue;
        struct type type = {.kind = TYPE_TENSOR, .dtype = v->constant->dtype, .rank = v->constant->rank};
        memcpy(type.dims, v->constant->dims, sizeof type.dims);
        if (make_external(p, &type, v->constant->data, &plan_place(v)->view, err) < 0)
            return -1;
        plan_place(v)->placed = true;
    }
    return 0;
}

/* ---- lowering ---- */

static void done_with_inputs(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++) {
        struct place *place = n->in[i] ? plan_place(n->in[i]) : NULL;
        if (place && place->placed)
            place->view.buffer->uses_left--;
        if (place)
            place->uses_lowered++;
    }
}

/* Whether a step does it already that does one of the nodes before, too. */
static bool is_done(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && plan_place(n->in[i])->is_inside)
            return true;
    return false;
}

static int lower_all(struct plan *p, struct error *err)
{
    for (struct node *n = p->graph->first; n; n = n->next) {
        char label[128];
        const struct exec_way *way = is_done(n) ? NULL : exec_lower_find(p->kernels, n);
        int status = way ? way->lower(p, n, err) : !is_done(n);
        if (status > 0)
            status = exec_lower_reference(p, n, err);
        if (status < 0)
            return error_prefix(err, "%s", node_label(n, label, sizeof label));
        done_with_inputs(n);
        if (packing_fill(p, err) < 0)
            return -1;
    }
    p->is_lowered = true;
    return packing_fill(p, err);
}

/* Results that were not written where the caller will find them are copied there. */
static int copy_outputs(struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->graph->output_count; i++) {
        struct view *from = &plan_place(p->graph->outputs[i])->view;
        if (from->buffer != p->outputs[i].buffer &&
            plan_copy_into(p, p->graph->outputs[i]->producer, from, &p->outputs[i], err) < 0)
            return -1;
    }
    return 0;
}

/* No view may have more elements than can be counted: what lowerings multiply is safe behind this. */
static int check_sizes(const struct plan *p, struct error *err)
{
    for (size_t i = 0; i < p->graph->value_count; i++) {
        const struct value *v = p->graph->values[i];
        char text[160];
        size_t bytes;
        if (!v || v->type.kind != TYPE_TENSOR || v->type.rank < 0)
            continue;
        int64_t count = tensor_count(v->type.rank, v->type.dims);
        if (count < 0 || !tensor_bytes(v->type.dtype, count, &bytes) || bytes > TENSOR_MAX_BYTES)
            return error_set(err, "value '%s': %s is too large", v->name,
                             type_text(p->graph, &v->type, text, sizeof text));
    }
    return 0;
}

static int build(struct plan *p, struct error *err)
{
    if (check_sizes(p, err) < 0)
        return -1;
    if (concat_assign(p, err) < 0)
        return -1;
    concat_borders(p);
    if (place_ports(p, err) < 0 || place_constants(p, err) < 0 || lower_all(p, err) < 0 || copy_outputs(p, err) < 0)
        return -1;
    if (schedule_make(p, err) < 0 || run_prepare(p, err) < 0)
        return -1;
    return buffer_place_all(p, err) < 0 ? -1 : plan_hold(p, err);
}

struct plan *plan_new(struct exec *e, struct graph *g, struct error *err)
{
    struct plan *p = mem_calloc(1, sizeof *p, err);
    if (!p) {
        graph_free(g);
        return NULL;
    }
    p->exec = e;
    p->kernels = e->kernels;
    p->graph = g;
    arena_init(&p->arena);
    if (build(p, err) < 0) {
        plan_free(p);
        return NULL;
    }
    return p;
}

/* Adds the bytes of tensors that lie outside the arena. */
static bool add_ports(struct value *const *ports, size_t n, size_t *sum)
{
    size_t bytes;
    for (size_t i = 0; i < n; i++) {
        const struct type *t = &ports[i]->type;
        if (t->kind == TYPE_TENSOR &&
            (!tensor_bytes(t->dtype, tensor_count(t->rank, t->dims), &bytes) || !mem_add(*sum, bytes, sum)))
            return false;
    }
    return true;
}

int plan_hold(struct plan *p, struct error *err)
{
    const struct graph *g = p->graph;
    size_t bytes = p->memory_size;
    if (p->memory)
        return 0;
    if (!add_ports(g->outputs, g->output_count, &bytes) ||
        (p->exec->follows && !add_ports(g->inputs, g->input_count, &bytes)))
        return error_set(err, "the activations do not fit the address space");
    if (exec_take(p, bytes, err) == 0 && buffer_allocate(p, err) == 0)
        return 0;
    plan_let_go(p);
    return -1;
}

void plan_let_go(struct plan *p)
{
    for (size_t i = 0; p->kept && i < p->graph->output_count; i++) {
        item_unref(p->kept[i]);
        p->kept[i] = NULL;
    }
    pages_free(p->memory, p->memory_size);
    p->memory = NULL;
    p->huge = 0;
    exec_give(p, p->held);
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    plan_let_go(p);
    for (struct buffer *b = p->buffers; b; b = b->next)
        tensor_unref(b->owned);
    packing_release(p);
    exec_free(p->then);
    free(p->then_from);
    free(p->shapes);
    free(p->steps);
    arena_release(&p->arena);
    graph_free(p->graph);
    free(p);
}

/* ---- steps ---- */

/* Where a view has one run of neighbouring elements after another, all a pitch apart, as parts of a Concat have. */
static void find_runs(const struct view *v, struct access *a)
{
    ptrdiff_t pitch = PTRDIFF_MAX, run = 1;
    for (int i = 0; i < v->rank; i++)
        if (v->dims[i] > 1 && v->stride[i] == 1)
            run = v->dims[i];
        else if (v->dims[i] > 1 && v->stride[i] < pitch)
            pitch = v->stride[i];
    if (pitch <= 0 || v->offset < 0 || v->offset % pitch + run > pitch)
        return;
    for (int i = 0; i < v->rank; i++)
        if (v->dims[i] > 1 && v->stride[i] != 1 && v->stride[i] % pitch != 0)
            return;
    a->pitch = pitch;
    a->first = v->offset % pitch;
    a->run = run;
}

static int note_accesses(struct plan *p, struct step *s, const struct view *const *views, int count,
                         enum step_uses uses, struct error *err)
{
    s->access = plan_alloc(p, sizeof *s->access * (size_t)count, err);
    if (!s->access)
        return -1;
    for (int i = 0; i < count; i++) {
        if (!views[i]->buffer)
            continue;
        struct access *a = &s->access[s->access_count++];
        views[i]->buffer->is_touched = true;
        *a = (struct access){.buffer = views[i]->buffer};
        if (uses == STEP_MAKES_BORDER)
            a->kind = ACCESS_BORDER;
        else if (uses == STEP_WRITES_FIRST)
            a->kind = i == 0 ? ACCESS_WRITE : ACCESS_READ;
        if (a->kind == ACCESS_WRITE)
            find_runs(views[i], a);
    }
    return 0;
}

int plan_step(struct plan *p, const struct step *step, struct error *err, const struct view *const *views, int count,
              enum step_uses uses)
{
    char text[160];
    if (mem_grow(&p->steps, &p->step_cap, p->step_count + 1, sizeof *p->steps, err) < 0)
        return -1;
    struct step *s = &p->steps[p->step_count];
    const struct value *out = step->node ? node_out(step->node, 0) : NULL;
    *s = *step;
    s->tiles = plan_even_tiles(p, s->tiles ? s->tiles : s->units, s->units);
    s->shape = arena_strdup(&p->arena, out ? type_text(p->graph, &out->type, text, sizeof text) : "", err);
    if (!s->shape || note_accesses(p, s, views, count, uses, err) < 0)
        return -1;
    if (s->scratch > p->scratch_bytes)
        p->scratch_bytes = s->scratch;
    p->step_count++;
    return 0;
}

int plan_step_more(struct plan *p, struct error *err, const struct view *const *views, int count, enum step_uses uses)
{
    struct step *s = &p->steps[p->step_count - 1], more = {.access = NULL};
    if (note_accesses(p, &more, views, count, uses, err) < 0)
        return -1;
    int all = s->access_count + more.access_count;
    struct access *access = plan_alloc(p, sizeof *access * (size_t)all, err);
    if (!access)
        return -1;
    memcpy(access, s->access, sizeof *access * (size_t)s->access_count);
    memcpy(access + s->access_count, more.access, sizeof *access * (size_t)more.access_count);
    s->access = access;
    s->access_count = all;
    return 0;
}

int64_t plan_tiles(double work, double grain, int64_t most)
{
    double tiles = work / grain;
    return tiles < 1 ? 1 : tiles >= (double)most ? most : (int64_t)tiles;
}

int64_t plan_even_tiles(const struct plan *p, int64_t tiles, int64_t most)
{
    int64_t threads = plan_threads(p), even = (tiles + threads - 1) / threads * threads;
    return tiles > 1 && even <= most ? even : tiles;
}

/* ---- what lowerings ask of inputs ---- */

const struct view *plan_in(const struct node *n, int i)
{
    return &plan_place(n->in[i])->view;
}

bool plan_is_constant(const struct node *n, int i)
{
    return node_in(n, i) && n->in[i]->constant;
}

/* A layout that a consumer wants: dense in an order, or channels last in a border of bytes `fill`. */
struct layout {
    enum order order;
    bool dense;
    const int (*border)[2]; /* NULL: none */
    int fill;
};

static bool has_border(const struct view *v, const struct layout *l)
{
    for (int i = 0; l->border && i < VIEW_SPATIAL; i++)
        for (int j = 0; j < 2; j++)
            if (v->border[i][j] < l->border[i][j] || (l->border[i][j] > 0 && v->fill != l->fill))
                return false;
    return true;
}

static bool serves(const struct view *v, const struct layout *l)
{
    return l->dense ? view_is_dense(v, l->order) : view_is_channels(v) && has_border(v, l);
}

/* The value in the wanted layout: as it lies, as copied before, or copied now. */
static int in_layout(struct plan *p, struct node *n, int i, const struct layout *l, struct view *view,
                     struct error *err)
{
    struct place *place = plan_place(n->in[i]);
    if (serves(&place->view, l)) {
        *view = place->view;
        return 0;
    }
    if (place->other.buffer && serves(&place->other, l)) {
        *view = place->other;
        return 0;
    }
    struct view from = place->view;
    from.fill = (uint8_t)l->fill;
    /* Another consumer may want a wider border: one copy then serves all. */
    if (plan_copy(p, n, &from, l->order, l->border ? place->border : NULL, view, err) < 0)
        return -1;
    place->other = *view;
    return 0;
}

int plan_in_dense(struct plan *p, struct node *n, int i, enum order order, struct view *view, struct error *err)
{
    return in_layout(p, n, i, &(struct layout){.order = order, .dense = true}, view, err);
}

int plan_in_channels(struct plan *p, struct node *n, int i, int (*border)[2], struct view *view, struct error *err)
{
    return plan_in_filled(p, n, i, border, 0, view, err);
}

int plan_in_filled(struct plan *p, struct node *n, int i, int (*border)[2], int fill, struct view *view,
                   struct error *err)
{
    struct layout l = {.order = ORDER_CHANNELS, .border = (const int(*)[2])border, .fill = fill};
    return in_layout(p, n, i, &l, view, err);
}

int plan_in_contiguous(struct plan *p, struct node *n, int i, int axis, struct view *view, struct error *err)
{
    const struct view *v = plan_in(n, i);
    int64_t perm[TENSOR_MAX_RANK];
    if (v->dims[axis] == 1 || v->stride[axis] == 1) {
        *view = *v;
        return 0;
    }
    if (axis == v->rank - 1 || (axis == 1 && v->rank > 2))
        return plan_in_dense(p, n, i, axis == v->rank - 1 ? ORDER_ROWS : ORDER_CHANNELS, view, err);
    for (int k = 0; k < v->rank; k++) /* a copy with that axis and the last exchanged; the exchange undoes itself */
        perm[k] = k == axis ? v->rank - 1 : k == v->rank - 1 ? axis : k;
    view_permute(v, perm, view);
    if (plan_copy(p, n, view, ORDER_ROWS, NULL, view, err) < 0)
        return -1;
    view_permute(view, perm, view);
    return 0;
}

const float *plan_constant_f32(struct plan *p, struct node *n, int i, bool *failed, struct error *err)
{
    struct tensor *t = node_in(n, i) ? n->in[i]->constant : NULL;
    if (!t || dtype_info(t->dtype)->class != DTYPE_CLASS_FLOAT)
        return NULL;
    plan_place(n->in[i])->is_kept = true;
    if (t->dtype == DTYPE_F32)
        return t->data;
    struct buffer *b = plan_external(p, NULL, err);
    if (b && (b->owned = tensor_cast(t, DTYPE_F32, true, err)) != NULL) {
        b->next = p->buffers;
        p->buffers = b;
        return b->owned->data;
    }
    *failed = true;
    return NULL;
}
