/* Names, and how answers are read, out of the yml files beside Paddle's inference models: inference.yml and
 * infer_cfg.yml, and RapidOCR's config.yaml. */
#include <string.h>

#include "parse/yaml.h"
#include "task/exported.h"

/* A list of these settings, in their PostProcess, or in one of the steps there. */
static const struct json_node *find_list(const struct json *j, const struct json_node *node, const char *key)
{
    const struct json_node *post = json_member(j, node, "PostProcess"), *list = json_member(j, node, key);
    list = list ? list : json_member(j, post, key);
    for (const struct json_node *step = json_first(j, post); step && !list; step = json_next(j, step))
        list = json_member(j, step, key);
    return list && list->kind == JSON_ARRAY ? list : NULL;
}

/* What would be a line of its own becomes a blank. */
static void add_line(const char *name, struct text *out)
{
    for (; *name; name++)
        text_add(out, (unsigned char)*name < 0x20 ? " " : name, 1);
}

static void add_lines(const struct json *j, const struct json_node *node, const char *key, struct text *out)
{
    const struct json_node *list = find_list(j, node, key), *first = json_first(j, list);
    for (const struct json_node *n = first; n; n = json_next(j, n)) {
        text_puts(out, n == first ? "" : "\n");
        if (n->kind == JSON_STRING)
            add_line(n->string, out);
        else if (n->kind == JSON_NUMBER)
            text_f64(out, n->number);
    }
}

/* ---- a text detector's settings ---- */

static const struct {
    const char *key, *option;
} numbers[] = {{"box_thresh", "score"}, {"thresh", "level"}, {"unclip_ratio", "unclip"}, {"max_candidates", "most"}};

static bool has_word(const struct json *j, const struct json_node *node, const char *key, const char *word)
{
    const struct json_node *n = json_member(j, node, key);
    return n && n->kind == JSON_STRING && strcmp(n->string, word) == 0;
}

/* Those of PaddleOCR's DBPostProcess; NULL: none, or with answers or scores that "polygons=db" does not have. */
static const struct json_node *find_detector(const struct json *j, const struct json_node *node)
{
    const struct json_node *post = json_member(j, node, "PostProcess");
    if (post && !has_word(j, post, "name", "DBPostProcess"))
        return NULL;
    post = post ? post : json_member(j, node, "limit_side_len") ? node : NULL;
    return has_word(j, post, "box_type", "poly") || has_word(j, post, "score_mode", "slow") ? NULL : post;
}

static void add_detector(const struct json *j, const struct json_node *post, struct text *task)
{
    text_puts(task, "polygons=db");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct json_node *v = json_member(j, post, numbers[i].key);
        if (v && v->kind == JSON_NUMBER) {
            text_printf(task, ",%s=", numbers[i].option);
            text_f32(task, (float)v->number);
        }
    }
    const struct json_node *dilation = json_member(j, post, "use_dilation");
    if (dilation && dilation->kind == JSON_TRUE)
        text_puts(task, ",dilate=yes");
}

void task_exported_paddle(const char *text, size_t n, const char *part, struct task_paddle *out)
{
    struct json j;
    struct error ignored;
    if (yaml_parse(&j, text, n, &ignored) != 0)
        return;
    const struct json_node *node = part ? json_member(&j, j.node, part) : j.node, *post = find_detector(&j, node);
    add_lines(&j, node, "label_list", &out->labels);
    add_lines(&j, node, "character_dict", &out->characters);
    if (post)
        add_detector(&j, post, &out->task);
    json_release(&j);
}

void task_paddle_init(struct task_paddle *p)
{
    text_init(&p->labels);
    text_init(&p->characters);
    text_init(&p->task);
}

void task_paddle_release(struct task_paddle *p)
{
    text_release(&p->labels);
    text_release(&p->characters);
    text_release(&p->task);
}
