/* Names out of the yml files beside Paddle's inference models: inference.yml and infer_cfg.yml. */
#include "parse/yaml.h"
#include "task/exported.h"

/* A list at the outermost level, in PostProcess, or in one of the steps there. */
static const struct json_node *find_list(const struct json *j, const char *key)
{
    const struct json_node *post = json_member(j, j->node, "PostProcess"), *list = json_member(j, j->node, key);
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

static void add_lines(const struct json *j, const char *key, struct text *out)
{
    const struct json_node *list = find_list(j, key), *first = json_first(j, list);
    for (const struct json_node *n = first; n; n = json_next(j, n)) {
        text_puts(out, n == first ? "" : "\n");
        if (n->kind == JSON_STRING)
            add_line(n->string, out);
        else if (n->kind == JSON_NUMBER)
            text_f64(out, n->number);
    }
}

void task_exported_paddle(const char *text, size_t n, struct text *labels, struct text *characters)
{
    struct json j;
    struct error ignored;
    if (yaml_parse(&j, text, n, &ignored) != 0)
        return;
    add_lines(&j, "label_list", labels);
    add_lines(&j, "character_dict", characters);
    json_release(&j);
}
