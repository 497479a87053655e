/* With -J: a model as objects, one for each property, value and node. */
#include <stdio.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "inspect.h"

static void begin(const char *kind, const char *graph)
{
    record_begin();
    record_text("kind", kind);
    if (graph && *graph)
        record_text("graph", graph); /* of a subgraph: its node */
}

static int print_property(void *arg, const char *key, const char *text)
{
    (void)arg;
    begin("property", NULL);
    record_text("name", key);
    record_text("value", text);
    record_end();
    return 0;
}

static void record_type(const struct model_port *port)
{
    record_text("dtype", strcmp(port->dtype, "none") == 0 ? NULL : port->dtype);
    record_symbols("shape", port->rank, port->dims, port->symbols);
}

void print_port(const char *what, const struct model_port *port)
{
    record_begin();
    record_text("what", what);
    record_text("name", port->name);
    if (program_json)
        record_type(port);
    else
        record_text("value", port->text);
    record_end();
}

static int print_value(void *arg, const struct model_value *v)
{
    (void)arg;
    begin(v->role, v->graph);
    record_text("name", v->port.name);
    record_type(&v->port);
    if (v->bytes)
        record_integer("bytes", (int64_t)v->bytes);
    if (strcmp(v->role, "input") == 0)
        record_truth("optional", v->port.optional);
    record_end();
    return 0;
}

static void print_attribute(const struct model_attribute *a)
{
    static const char *const lists[] = {"ints", "floats"}, *const numbers[] = {"int", "float"};
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(a->kind, lists[i]) == 0) {
            record_numbers(a->name, a->text);
            return;
        }
        if (strcmp(a->kind, numbers[i]) == 0) {
            record_word(a->name, a->text);
            return;
        }
    }
    record_text(a->name, a->text);
}

static int print_node(void *arg, const struct model_node *n)
{
    (void)arg;
    begin("node", n->graph);
    record_text("name", n->name);
    record_text("domain", n->domain);
    record_text("op", n->op);
    record_texts("inputs", n->input_count, n->inputs);
    record_texts("outputs", n->output_count, n->outputs);
    record_object("attributes");
    for (size_t i = 0; i < n->attribute_count; i++)
        print_attribute(&n->attributes[i]);
    record_object_end();
    record_end();
    return 0;
}

int print_objects(const struct model *m, const char *path)
{
    struct model_error err;
    struct model_walk walk = {.property = print_property, .value = print_value, .node = print_node};
    struct model *copy = model_copy(m, &err);
    if (copy)
        model_infer(copy, NULL); /* as far as that goes */
    int status = copy && model_walk(copy, &walk, &err) == 0 ? 0 : say_failed("%s: %s", path_name(path), err.text);
    model_free(copy);
    return status;
}
