/* The public API: models and the tables. */
#include "model_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/format.h"
#include "op/op.h"
#include "pass/pass.h"
#include "quant/weights.h"

const char *model_version(void)
{
    return VERSION;
}

void model_abandon_files(void)
{
    file_abandon_all();
}

/* ---- tables ---- */

static struct model_format row_of(const struct format *f)
{
    return (struct model_format){f->name, f->what, f->suffixes, f->read != NULL, f->write != NULL, f->has_properties};
}

bool model_format_at(size_t index, struct model_format *format)
{
    size_t count;
    const struct format *const *table = format_table(&count);
    if (index >= count)
        return false;
    *format = row_of(table[index]);
    return true;
}

bool model_format_option_at(size_t format, size_t index, struct model_row *option)
{
    size_t count;
    const struct format *const *table = format_table(&count);
    const struct target_option *o = format < count ? table[format]->options : NULL;
    while (o && o->name && index > 0) {
        o++;
        index--;
    }
    if (!o || !o->name)
        return false;
    *option = (struct model_row){o->name, o->what};
    return true;
}

bool model_pass_at(size_t index, struct model_pass *pass)
{
    size_t count;
    const struct pass *table = pass_table(&count);
    if (index >= count)
        return false;
    *pass = (struct model_pass){table[index].name, table[index].what, table[index].safe};
    return true;
}

bool model_task_at(size_t index, struct model_row *task)
{
    if (index >= TASK_IDS)
        return false;
    *task = (struct model_row){task_name((enum task_id)index), task_options((enum task_id)index)};
    return true;
}

bool model_scheme_at(size_t index, struct model_row *scheme)
{
    size_t count;
    const struct quant_scheme *table = quant_schemes(&count);
    if (index >= count)
        return false;
    *scheme = (struct model_row){table[index].name, table[index].what};
    return true;
}

/* ---- models ---- */

struct model *model_of_graph(struct graph *g, struct error *err)
{
    struct model *m = g ? mem_calloc(1, sizeof *m, err) : NULL;
    if (m)
        m->graph = g;
    else
        graph_free(g);
    return m;
}

static int find_format(const char *name, const struct format **format, struct error *err)
{
    *format = name ? format_by_name(name) : NULL;
    if (!name || *format)
        return 0;
    struct text known;
    text_init(&known);
    size_t count;
    const struct format *const *table = format_table(&count);
    for (size_t i = 0; i < count; i++)
        text_printf(&known, i ? ", %s" : "%s", table[i]->name);
    error_set(err, "format '%s' is not known: want one of %s", name, known.failed || !known.data ? "" : known.data);
    text_release(&known);
    return -1;
}

struct model *model_read_for(const char *path, const char *format, const struct model_shape *shapes, size_t shape_count,
                             struct model_error *err)
{
    const struct format *f;
    const char *entry = format ? strchr(format, ':') : NULL;
    char name[64];
    if (entry) {
        snprintf(name, sizeof name, "%.*s", (int)(entry++ - format), format);
        format = *name ? name : NULL;
    }
    if (find_format(format, &f, model_inner(err)) < 0)
        return NULL;
    struct source_shape *known = mem_calloc(shape_count, sizeof *known, model_inner(err));
    for (size_t i = 0; known && i < shape_count; i++)
        known[i] = (struct source_shape){shapes[i].name, shapes[i].rank, shapes[i].dims, DTYPE_NONE};
    for (size_t i = 0; known && i < shape_count; i++)
        if (shapes[i].dtype)
            known[i].dtype = dtype_from_name(shapes[i].dtype, strlen(shapes[i].dtype));
    struct graph *g = known ? format_read_any(path, &f, entry, known, shape_count, model_inner(err)) : NULL;
    free(known);
    if (g && ((f->channels_last && pass_cancel_wraps(g, model_inner(err))) ||
              model_take_exported(g, path, model_inner(err)) < 0)) {
        graph_free(g);
        return NULL;
    }
    return model_of_graph(g, model_inner(err));
}

struct model *model_read(const char *path, const char *format, struct model_error *err)
{
    return model_read_for(path, format, NULL, 0, err);
}

int model_check_target(const char *path, const char *format, const char *options, struct model_format *chosen,
                       struct model_error *err)
{
    const struct format *f;
    if (find_format(format, &f, model_inner(err)) < 0)
        return -1;
    f = format_for_writing(path, f, options, model_inner(err));
    if (f && chosen)
        *chosen = row_of(f);
    return f ? 0 : -1;
}

/* A copy that passes were run on; NULL where that is no help. */
static struct graph *rewritten(const struct graph *of, int (*run)(struct graph *g, struct error *err))
{
    struct graph *g = graph_clone(of, NULL);
    if (g)
        op_resolve(g);
    if (g && op_infer_graph(g, NULL) == 0 && run(g, NULL) == 0)
        return g;
    graph_free(g);
    return NULL;
}

static bool finds_activations(const struct pass *p)
{
    return strcmp(p->name, "recognise-activations") == 0;
}

static int find_activations(struct graph *g, struct error *err)
{
    return pass_run_those(g, finds_activations, err);
}

/* What cannot be written as it is may be, once what is computed from constants alone became numbers. */
int model_write(const struct model *m, const char *path, const char *format, const char *options,
                struct model_error *err)
{
    const struct format *f;
    if (find_format(format, &f, model_inner(err)) < 0 || !(f = format_for_writing(path, f, options, model_inner(err))))
        return -1;
    struct graph *g = f->lacks_parts ? rewritten(m->graph, find_activations) : NULL;
    int status = format_write(g ? g : m->graph, path, f, options, model_inner(err));
    graph_free(g);
    g = status < 0 && f->has_numbers ? rewritten(m->graph, pass_run_unfused) : NULL;
    if (g)
        status = format_write(g, path, f, options, model_inner(err));
    graph_free(g);
    return status;
}

struct model *model_copy(const struct model *m, struct model_error *err)
{
    struct graph *g = graph_clone(m->graph, model_inner(err));
    if (g)
        op_resolve(g);
    return model_of_graph(g, model_inner(err));
}

void model_free(struct model *m)
{
    if (!m)
        return;
    graph_free(m->graph);
    free(m);
}

void model_drop_weights(struct model *m)
{
    graph_drop_constants(m->graph);
}

int model_infer(struct model *m, struct model_error *err)
{
    return op_infer_graph(m->graph, model_inner(err));
}

int model_unknown(const struct model *m, char *text, size_t size)
{
    return op_list_unknown(m->graph, text, size);
}

/* ---- ports ---- */

size_t model_input_count(const struct model *m)
{
    return m->graph->input_count;
}

size_t model_output_count(const struct model *m)
{
    return m->graph->output_count;
}

static bool is_optional(const struct value *v)
{
    return v && v->is_input && v->constant;
}

/* A state's next value: "h_out" beside the input "h", which has a value when none is given. */
static bool is_next_state(const struct value *v)
{
    char stem[256];
    size_t n = strlen(v->name);
    if (n < 5 || n >= sizeof stem || strcmp(v->name + n - 4, "_out") != 0)
        return false;
    snprintf(stem, sizeof stem, "%.*s", (int)n - 4, v->name);
    return is_optional(graph_find_local(v->graph, stem));
}

void model_fill_port(const struct value *v, struct model_port *port)
{
    const struct type *t = &v->type;
    *port = (struct model_port){.name = v->name, .dtype = "none", .rank = -1};
    port->optional = is_optional(v) || is_next_state(v);
    type_text(v->graph, t, port->text, sizeof port->text);
    if (t->kind != TYPE_TENSOR)
        return;
    port->dtype = dtype_info(t->dtype)->name;
    port->rank = t->rank;
    for (int i = 0; i < t->rank; i++) {
        port->dims[i] = t->dims[i] >= 0 ? t->dims[i] : -1;
        port->symbols[i] = t->dims[i] >= 0 ? NULL : graph_symbol_name(v->graph, t->dims[i]);
    }
}

bool model_input(const struct model *m, size_t index, struct model_port *port)
{
    if (index >= m->graph->input_count)
        return false;
    model_fill_port(m->graph->inputs[index], port);
    return true;
}

bool model_output(const struct model *m, size_t index, struct model_port *port)
{
    if (index >= m->graph->output_count)
        return false;
    model_fill_port(m->graph->outputs[index], port);
    return true;
}

/* ---- properties ---- */

const char *model_property(const struct model *m, const char *key)
{
    const struct str *s = graph_property(m->graph, key);
    return s ? s->data : NULL; /* graph_set_property() puts a NUL behind its copy */
}

static int check_recipe(const struct graph *g, const char *text, struct text *out, struct error *err)
{
    struct recipe r;
    if (recipe_parse(text, strlen(text), &r, err) < 0 ||
        (g && (model_check_recipe(g, &r, err) < 0 || model_check_levels(g, &r, err) < 0)))
        return -1;
    recipe_print(&r, out);
    return 0;
}

/* Of characters: one label less than classes for the blank, and perhaps another for a space; of one a step, as many as
 * there are beside the end. */
static int check_characters(const struct type *t, const struct task *task, size_t labels, struct error *err)
{
    int64_t classes = t->dims[t->rank - 1], most = classes - (int64_t)task_blanks(task), count = (int64_t)labels;
    if (classes < 0 || count == most || count == most - 1 || (task->id == TASK_ID_STEPS && labels && count < most))
        return 0;
    return error_set(err, "%zu labels for %lld classes: want %lld, or %lld and a space", labels, (long long)classes,
                     (long long)most, (long long)most - 1);
}

static int check_classes(const struct type *t, const struct task_labels *labels, struct error *err)
{
    int batch = t->rank > 1;
    int64_t count = tensor_count(t->rank - batch, t->dims + batch);
    return count < 0 ? 0 : task_labels_check(labels, (size_t)count, err);
}

/* Of a classifier, a detector, or one of characters, as far as sizes are known, of the output that is meant; labels
 * NULL: not set. */
static int check_label_count(const struct graph *g, const char *task_text, const char *label_text, struct error *err)
{
    struct task task;
    struct task_labels labels;
    struct error ignored;
    if (!g || !task_text || !label_text || task_parse(task_text, strlen(task_text), &task, &ignored) < 0 ||
        (task.kind != TASK_CLASSIFY && task.kind != TASK_CTC && task.kind != TASK_DETECT))
        return 0;
    const struct task_numbers *said = &task.option[TASK_OUTPUT];
    size_t number = said->count ? (size_t)said->at[0] : 0;
    const struct type *t = number < g->output_count ? &g->outputs[number]->type : NULL;
    if (!t || t->kind != TYPE_TENSOR || t->rank < 1)
        return 0;
    if (task_labels_init(&labels, label_text, strlen(label_text), err) < 0)
        return -1;
    bool one = g->output_count == 1 || said->count;
    int status = task.kind == TASK_DETECT     ? model_check_detector(g, &task, &labels, err)
                 : task.kind == TASK_CLASSIFY ? check_classes(t, &labels, err)
                 : one                      ? check_characters(t, &task, labels.count, err)
                                            : 0;
    task_labels_release(&labels);
    return status;
}

static const char *property_text(const struct graph *g, const char *key)
{
    const struct str *s = g ? graph_property(g, key) : NULL;
    return s ? s->data : NULL;
}

static int check_task(const struct graph *g, const char *text, struct text *out, struct error *err)
{
    struct task task;
    if (task_parse(text, strlen(text), &task, err) < 0 ||
        check_label_count(g, text, property_text(g, "labels"), err) < 0)
        return -1;
    task_print(&task, out);
    return 0;
}

static int check_labels(const struct graph *g, const char *text, struct text *out, struct error *err)
{
    struct task_labels labels;
    if (check_label_count(g, property_text(g, "task"), text, err) < 0 ||
        task_labels_init(&labels, text, strlen(text), err) < 0)
        return -1;
    for (size_t i = 0; i < labels.count; i++)
        text_printf(out, i ? "\n%s" : "%s", labels.names[i]);
    task_labels_release(&labels);
    return 0;
}

static const struct {
    const char *key;
    int (*check)(const struct graph *g, const char *text, struct text *out, struct error *err);
} checked[] = {{"recipe", check_recipe}, {"task", check_task}, {"labels", check_labels}, {"frame", model_check_frame}};

int model_check_property(const char *key, const char *text, struct model_error *err)
{
    struct text canonical;
    int status = 0;
    text_init(&canonical);
    for (size_t i = 0; i < sizeof checked / sizeof *checked; i++)
        if (strcmp(key, checked[i].key) == 0)
            status = checked[i].check(NULL, text, &canonical, model_inner(err));
    text_release(&canonical);
    return status;
}

int model_set_property(struct model *m, const char *key, const char *text, struct model_error *err)
{
    for (size_t i = 0; i < sizeof checked / sizeof *checked; i++) {
        if (strcmp(key, checked[i].key) != 0)
            continue;
        struct text canonical;
        text_init(&canonical);
        int status = checked[i].check(m->graph, text, &canonical, model_inner(err));
        if (status == 0 && canonical.failed)
            status = error_memory(model_inner(err));
        if (status == 0)
            status = graph_set_property(m->graph, key, canonical.data ? canonical.data : "", canonical.size,
                                        model_inner(err));
        text_release(&canonical);
        return status;
    }
    return graph_set_property(m->graph, key, text, strlen(text), model_inner(err));
}

/* ---- rewriting ---- */

int model_optimize(struct model *m, const bool *chosen, int *counts, struct model_error *err)
{
    size_t count;
    pass_table(&count);
    if (counts)
        memset(counts, 0, count * sizeof *counts);
    int status = op_infer_graph(m->graph, model_inner(err));
    /* Weights of half precision are computed with in full; those that only were widened by that go back. */
    const struct quant_scheme *stored = status == 0 ? quant_stored_by(m->graph) : NULL;
    if (status == 0)
        status = pass_run(m->graph, chosen, counts, model_inner(err));
    if (status == 0 && stored && (status = quant_store_exact(m->graph, stored, model_inner(err))) == 0)
        status = op_infer_graph(m->graph, model_inner(err));
    return status;
}
