/* A model that tells its task in the words of the program that exported it. */
#include "model_private.h"

#include <string.h>

#include "format/source.h"
#include "task/exported.h"

#define MAX_YAML (1 << 20)

static struct exported_text property(const struct graph *g, const char *key)
{
    const struct str *s = graph_property(g, key);
    return s ? (struct exported_text){s->data, s->size} : (struct exported_text){NULL, 0};
}

static int set(struct graph *g, const char *key, const struct text *t, bool replace, struct error *err)
{
    return !replace && graph_property(g, key) ? 0 : graph_set_property(g, key, t->data, t->size, err);
}

/* What the model says in this project's words stays. */
static int set_all(struct graph *g, const struct text *recipe, const struct text *task, const struct text *labels,
                   struct error *err)
{
    const struct str *own = graph_property(g, "task");
    struct error ignored;
    struct task known;
    struct recipe r;
    bool is_ours = own && task_parse(own->data, own->size, &known, &ignored) == 0 && known.id != TASK_ID_DETECT;
    if (recipe_parse(recipe->data, recipe->size, &r, &ignored) < 0 || model_check_recipe(g, &r, &ignored) < 0)
        return 0; /* it is another model's */
    return set(g, "recipe", recipe, false, err) < 0 || set(g, "labels", labels, false, err) < 0 ||
                   set(g, "task", task, !is_ours, err) < 0
               ? -1
               : 0;
}

static int take(struct graph *g, const struct task_exported *e, struct error *err)
{
    struct text recipe, task, labels;
    text_init(&recipe);
    text_init(&task);
    text_init(&labels);
    int status = task_exported_read(e, &recipe, &task, &labels) ? set_all(g, &recipe, &task, &labels, err) : 0;
    text_release(&recipe);
    text_release(&task);
    text_release(&labels);
    return status;
}

#define LINE_RECIPE "opencv,resize=height:48:up,bgr,mean=127.5,std=127.5,pad=320x48:0:0:0:corner"

/* The labels of networks that RapidAI publishes; those of a recogniser of text lines are characters. */
static int take_characters(struct graph *g, struct error *err)
{
    struct exported_text characters = property(g, "character");
    struct recipe r;
    struct error ignored;
    bool is_reader = g->output_count == 1 && g->outputs[0]->type.rank == 3;
    if (!characters.at || graph_property(g, "labels") || graph_property(g, "task"))
        return 0;
    if (graph_set_property(g, "labels", characters.at, characters.size, err) < 0 ||
        (is_reader && graph_set_property(g, "task", "ctc", 3, err) < 0))
        return -1;
    if (!is_reader || graph_property(g, "recipe") || recipe_parse(LINE_RECIPE, strlen(LINE_RECIPE), &r, &ignored) < 0 ||
        model_check_recipe(g, &r, &ignored) < 0)
        return 0;
    return graph_set_property(g, "recipe", LINE_RECIPE, strlen(LINE_RECIPE), err);
}

/* A recipe that is another model's is none. */
static int take_recipe(struct graph *g, const struct blob *yml, struct error *err)
{
    struct error ignored;
    struct recipe r;
    struct text t;
    if (graph_property(g, "recipe") || recipe_import(yml->data, yml->size, NULL, &r, &ignored) < 0 ||
        model_check_recipe(g, &r, &ignored) < 0)
        return 0;
    text_init(&t);
    recipe_print(&r, &t);
    int status = t.failed ? error_memory(err) : graph_set_property(g, "recipe", t.data ? t.data : "", t.size, err);
    text_release(&t);
    return status;
}

static int take_paddle(struct graph *g, const struct blob *yml, struct error *err)
{
    struct task_paddle p;
    struct task known;
    struct error ignored;
    task_paddle_init(&p);
    task_exported_paddle(yml->data, yml->size, NULL, &p);
    int status = p.labels.failed || p.characters.failed || p.task.failed ? error_memory(err) : 0;
    if (status == 0 && p.task.size && task_parse(p.task.data, p.task.size, &known, &ignored) == 0)
        status = set(g, "task", &p.task, false, err);
    if (status == 0 && p.characters.size)
        status = set(g, "character", &p.characters, false, err) < 0 ? -1 : take_characters(g, err);
    if (status == 0 && p.labels.size)
        status = set(g, "labels", &p.labels, false, err);
    task_paddle_release(&p);
    return status == 0 ? take_recipe(g, yml, err) : -1;
}

/* Paddle's files of settings are called so beside a model that has its usual name, or in its folder. */
static int take_settings(struct graph *g, const struct source *source, struct error *err)
{
    static const char *const names[] = {"inference.yml", "infer_cfg.yml"};
    const struct str *producer = graph_property(g, "producer");
    const char *slash = strrchr(source->path, '/'), *name = slash ? slash + 1 : source->path;
    struct error ignored;
    struct blob *yml = NULL;
    if (!producer || producer->size != 12 || memcmp(producer->data, "PaddlePaddle", 12) != 0 ||
        (!source->is_folder && strncmp(name, "inference.", 10) != 0 && strncmp(name, "model.", 6) != 0))
        return 0;
    for (int i = 0; i < 2 && !yml; i++)
        yml = source_member(source, names[i], &ignored);
    int status = yml && yml->size <= MAX_YAML ? take_paddle(g, yml, err) : 0;
    blob_unref(yml);
    return status;
}

static int take_archive(struct graph *g, struct blob *file, struct error *err)
{
    struct task_exported e;
    struct blob *text = file ? task_exported_member(file) : NULL;
    int status = 0;
    if (text && text->size) {
        task_exported_object((const char *)text->data, text->size, &e);
        status = take(g, &e, err);
    }
    blob_unref(text);
    return status;
}

int model_take_exported(struct graph *g, const char *path, struct error *err)
{
    struct task_exported e = {property(g, "task"), property(g, "names"), property(g, "imgsz"), property(g, "kpt_shape"),
                              property(g, "description")};
    struct error ignored;
    struct source source;
    if (e.names.at)
        return take(g, &e, err);
    if (take_characters(g, err) < 0)
        return -1;
    if (!path || strcmp(path, "-") == 0 || source_open(&source, path, &ignored) < 0)
        return 0;
    struct blob *yaml = source_member(&source, "metadata.yaml", &ignored);
    int status = 0;
    if (yaml && yaml->size <= MAX_YAML) {
        task_exported_yaml(yaml->data, yaml->size, &e);
        status = take(g, &e, err);
    } else if (!yaml)
        status = take_archive(g, source.blob, err);
    blob_unref(yaml);
    status = status < 0 ? -1 : take_settings(g, &source, err);
    source_release(&source);
    return status;
}
