/* Branches and loops. Their bodies see nothing but what is mapped to their Parameters. */
#include <string.h>

#include "base/text.h"
#include "format/openvino/openvino.h"

#define MOST_PORTS 256 /* of a loop */

static int64_t number(struct openvino_read *l, const struct xml_node *node, const char *name, int64_t otherwise)
{
    const char *text = xml_attr(&l->body->reader->xml, node, name);
    if (text && !text_to_i64(text, strlen(text), &otherwise))
        build_fail(l->b, "the %s of a port map is \"%.50s\"", name, text);
    return otherwise;
}

static const struct xml_node *child(struct openvino_read *l, const struct xml_node *node, const char *name)
{
    return xml_first(&l->body->reader->xml, node, name);
}

/* The body `name` of the layer, to be read into a new subgraph. */
static void open_body(struct openvino_read *l, struct openvino_body *body, const char *name)
{
    struct openvino_reader *r = l->body->reader;
    build_infer(l->b);
    *body = (struct openvino_body){.reader = r, .b = {.err = l->b->err, .failed = l->b->failed}};
    const struct xml_node *xml = child(l, l->layer->xml, name);
    if (!xml)
        build_fail(l->b, "it has no <%s>", name);
    if (!l->b->failed && openvino_net_list(&body->net, &r->xml, xml, &r->arena, l->b->err) == 0) {
        body->b.graph = graph_new_subgraph(build_place(l->b), l->b->err);
        body->given = arena_alloc(&r->arena, (body->net.count + 1) * sizeof(struct value *), l->b->err);
    }
    body->b.failed = !body->b.graph || !body->given;
    build_check(l->b, !body->b.failed);
}

static struct openvino_layer *find_layer(struct openvino_body *body, int64_t id, const char *type)
{
    for (size_t i = 0; i < body->net.count; i++)
        if (body->net.layers[i].id == id && strcmp(body->net.layers[i].type, type) == 0)
            return &body->net.layers[i];
    build_fail(&body->b, "a port map tells of %s %lld, which its body has not", type, (long long)id);
    return NULL;
}

static struct value *outer_input(struct openvino_read *l, int64_t port)
{
    for (int k = 0; k < l->layer->in_count; k++)
        if (l->layer->in_ids[k] == port)
            return openvino_in(l, k);
    build_fail(l->b, "a port map tells of its input port %lld, which it has not", (long long)port);
    return NULL;
}

static int outer_output(struct openvino_read *l, int64_t port)
{
    for (int o = 0; o < l->layer->out_count; o++)
        if (l->layer->out[o].id == port)
            return o;
    build_fail(l->b, "a port map tells of its output port %lld, which it has not", (long long)port);
    return -1;
}

/* Messages of bodies are those of the layer. */
static void close_body(struct openvino_read *l, struct openvino_body *body)
{
    build_infer(&body->b);
    build_check(l->b, !body->b.failed);
}

/* ---- branches ---- */

static struct graph *branch(struct openvino_read *l, const char *name, const char *map_name)
{
    const struct xml *x = &l->body->reader->xml;
    struct openvino_body body;
    open_body(l, &body, name);
    const struct xml_node *map = child(l, l->layer->xml, map_name);
    for (const struct xml_node *m = xml_first(x, map, "input"); m && !l->b->failed; m = xml_next(x, m, "input")) {
        struct openvino_layer *p = find_layer(&body, number(l, m, "internal_layer_id", -1), "Parameter");
        if (p)
            body.given[p - body.net.layers] = outer_input(l, number(l, m, "external_port_id", -1));
        build_check(l->b, !body.b.failed);
    }
    if (!l->b->failed)
        openvino_read_body(&body);
    for (int o = 0; o < l->layer->out_count && !body.b.failed; o++) {
        const struct openvino_layer *result = NULL;
        for (const struct xml_node *m = xml_first(x, map, "output"); m; m = xml_next(x, m, "output"))
            if (outer_output(l, number(l, m, "external_port_id", -1)) == o)
                result = find_layer(&body, number(l, m, "internal_layer_id", -1), "Result");
        if (!result)
            build_fail(&body.b, "a branch does not make its output %d", o);
        else
            build_body_output(&body.b, result->result);
    }
    close_body(l, &body);
    return body.b.graph;
}

void openvino_read_if(struct openvino_read *l)
{
    struct value *condition = openvino_scalar(l->b, openvino_in(l, 0));
    struct graph *yes = branch(l, "then_body", "then_port_map");
    struct graph *no = l->b->failed ? NULL : branch(l, "else_body", "else_port_map");
    struct value *v = BUILD(l->b, "If", condition);
    build_check(l->b, v && node_set_graph(v->producer, "then_branch", yes, l->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", no, l->b->err) == 0);
    for (int o = 0; o < l->layer->out_count; o++)
        l->out[o] = build_output(l->b, v, o);
}

/* ---- loops ---- */

struct loop {
    struct openvino_read *l;
    struct openvino_body body;
    struct value *iteration;                       /* of the body: i64 */
    struct value *trips;                           /* how often, as the first sliced input says; NULL: none is */
    struct value *start[MOST_PORTS];               /* of states, in order */
    const struct openvino_layer *from[MOST_PORTS]; /* the Result that is the state of the next round */
    int states;
    const struct xml_node *scans[MOST_PORTS]; /* outputs that are put together, or the last of what is no state */
    bool is_bare[MOST_PORTS];                 /* what is put together has no axis for it yet */
    int scan_count;
};

/* The Result whose value Parameter `id` has in the next round; NULL: none. */
static const struct openvino_layer *back_edge(struct loop *loop, int64_t id)
{
    const struct xml *x = &loop->l->body->reader->xml;
    const struct xml_node *edges = child(loop->l, loop->l->layer->xml, "back_edges");
    for (const struct xml_node *e = xml_first(x, edges, "edge"); e; e = xml_next(x, e, "edge"))
        if (number(loop->l, e, "to-layer", -1) == id)
            return find_layer(&loop->body, number(loop->l, e, "from-layer", -1), "Result");
    return NULL;
}

/* One element of an axis for each round, from either end. */
static struct value *sliced(struct loop *loop, const struct xml_node *m, struct value *x)
{
    struct build *b = loop->l->b;
    const struct type *type = x ? build_type(b, x) : NULL;
    int64_t stride = number(loop->l, m, "stride", 1), size = number(loop->l, m, "part_size", 1);
    int axis = type && type->rank > 0 ? openvino_axis(loop->l, number(loop->l, m, "axis", 0), type->rank) : 0;
    if (size != 1 || (stride != 1 && stride != -1) ||
        number(loop->l, m, "start", stride > 0 ? 0 : -1) != (stride > 0 ? 0 : -1))
        build_fail(b, "a loop over parts of an axis: only single elements of a whole axis are read");
    if (b->failed)
        return NULL;
    if (!loop->trips)
        loop->trips = BUILD(b, "Squeeze", build_shape(b, x, axis, axis + 1));
    struct build *in = &loop->body.b;
    struct value *at = loop->iteration;
    if (stride < 0)
        at = BUILD(in, "Sub", build_number(in, DTYPE_I64, -1), at);
    return build_int(in, BUILD(in, "Gather", x, BUILD(in, "Reshape", at, BUILD_LIST(in, 1))), "axis", axis);
}

static struct value *add_state(struct loop *loop, const struct openvino_layer *parameter,
                               const struct openvino_layer *result, struct value *start)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct openvino_read p = {.body = &loop->body, .layer = (struct openvino_layer *)parameter, .b = &loop->body.b};
    const struct type *type = start ? build_type(loop->l->b, start) : NULL;
    int rank = openvino_stated_dims(&p, "shape", dims);
    if (loop->states == MOST_PORTS || !type) {
        build_fail(loop->l->b, "a loop of more than %d states", MOST_PORTS);
        return NULL;
    }
    loop->start[loop->states] = start;
    loop->from[loop->states++] = result;
    return build_input(&loop->body.b, NULL, type->dtype, rank, dims);
}

static struct value *iteration(struct openvino_read *parameter, struct value *v)
{
    v = openvino_as(parameter, v, "element_type", "i64");
    return openvino_text(parameter, "shape", "")[0] ? build_reshape(parameter->b, v, 1, (int64_t[]){1}) : v;
}

/* What each Parameter of the body is. */
static void map_inputs(struct loop *loop)
{
    struct openvino_read *l = loop->l;
    const struct xml *x = &l->body->reader->xml;
    const struct xml_node *map = child(l, l->layer->xml, "port_map");
    for (const struct xml_node *m = xml_first(x, map, "input"); m && !l->b->failed; m = xml_next(x, m, "input")) {
        int64_t id = number(l, m, "internal_layer_id", -1), port = number(l, m, "external_port_id", -1);
        const char *purpose = xml_attr(x, m, "purpose");
        struct openvino_layer *p = find_layer(&loop->body, id, "Parameter");
        const struct openvino_layer *again = back_edge(loop, id);
        build_check(l->b, !loop->body.b.failed);
        if (l->b->failed)
            return;
        struct value **given = &loop->body.given[p - loop->body.net.layers];
        struct openvino_read inner = {.body = &loop->body, .layer = p, .b = &loop->body.b};
        if (purpose && strcmp(purpose, "current_iteration") == 0)
            *given = iteration(&inner, loop->iteration);
        else if (again)
            *given = add_state(loop, p, again, outer_input(l, port));
        else if (xml_attr(x, m, "axis"))
            *given = sliced(loop, m, outer_input(l, port));
        else
            *given = outer_input(l, port);
    }
}

static int state_of(const struct loop *loop, const struct openvino_layer *result)
{
    for (int i = 0; i < loop->states; i++)
        if (loop->from[i] == result)
            return i;
    return -1;
}

/* What is put together along a new first axis, without it; NULL: the axis is not new. */
static struct value *without_axis(struct loop *loop, const struct xml_node *m, struct value *v)
{
    struct node *n = v ? v->producer : NULL;
    const struct tensor *axes = n && node_is(n, "Unsqueeze") && node_in(n, 1) ? n->in[1]->constant : NULL;
    bool first = axes && axes->count == 1 && tensor_get_i64(axes, 0) == 0;
    return first && xml_attr(&loop->l->body->reader->xml, m, "axis") && number(loop->l, m, "axis", 0) == 0 ? n->in[0]
                                                                                                           : NULL;
}

/* Whether to go on; then the states; then what is put together. */
static void put_outputs(struct loop *loop)
{
    struct openvino_read *l = loop->l;
    struct build *b = &loop->body.b;
    const struct xml *x = &l->body->reader->xml;
    const struct xml_node *map = child(l, l->layer->xml, "port_map");
    struct value *go_on = NULL;
    for (const struct xml_node *m = xml_first(x, map, "output"); m && !b->failed; m = xml_next(x, m, "output")) {
        const char *purpose = xml_attr(x, m, "purpose");
        if (purpose && strcmp(purpose, "execution_condition") == 0) {
            const struct openvino_layer *result =
                find_layer(&loop->body, number(l, m, "internal_layer_id", -1), "Result");
            go_on = result ? openvino_scalar(b, result->result) : NULL;
        }
    }
    build_body_output(b, go_on ? go_on : build_number(b, DTYPE_BOOL, 1));
    for (int i = 0; i < loop->states && !b->failed; i++)
        build_body_output(b, loop->from[i]->result);
    for (const struct xml_node *m = xml_first(x, map, "output"); m && !b->failed; m = xml_next(x, m, "output")) {
        if (number(l, m, "external_port_id", -1) < 0)
            continue;
        const struct openvino_layer *result = find_layer(&loop->body, number(l, m, "internal_layer_id", -1), "Result");
        if (b->failed || (!xml_attr(x, m, "axis") && state_of(loop, result) >= 0))
            continue;
        struct value *part = without_axis(loop, m, result->result);
        if (loop->scan_count == MOST_PORTS) {
            build_fail(b, "a loop of more than %d outputs", MOST_PORTS);
            return;
        }
        loop->is_bare[loop->scan_count] = part != NULL;
        loop->scans[loop->scan_count++] = m;
        build_body_output(b, part ? part : result->result);
    }
    build_remove_unused(b);
}

/* Values of all rounds, [rounds, …, 1, …], along the axis. */
static struct value *put_together(struct loop *loop, const struct xml_node *m, struct value *v, bool bare)
{
    struct build *b = loop->l->b;
    const struct type *type = v ? build_type(b, v) : NULL;
    int64_t perm[TENSOR_MAX_RANK], stride = number(loop->l, m, "stride", 1);
    if (!xml_attr(&loop->l->body->reader->xml, m, "axis"))
        return BUILD(b, "Gather", v, build_number(b, DTYPE_I64, -1));
    if (!type || type->rank < 2 - bare || number(loop->l, m, "part_size", 1) != 1 || (stride != 1 && stride != -1)) {
        build_fail(b, "a loop that puts together parts of several elements is not read");
        return NULL;
    }
    int rank = type->rank - !bare, axis = openvino_axis(loop->l, number(loop->l, m, "axis", 0), rank);
    if (stride < 0)
        v = BUILD(b, "Slice", v, BUILD_LIST(b, INT64_MAX), BUILD_LIST(b, INT64_MIN), BUILD_LIST(b, 0),
                  BUILD_LIST(b, -1));
    if (bare)
        return v;
    v = BUILD(b, "Squeeze", v, BUILD_LIST(b, axis + 1));
    for (int i = 0; i < rank; i++)
        perm[i] = i < axis ? i + 1 : i == axis ? 0 : i;
    return axis == 0 ? v : build_transpose(b, v, rank, perm);
}

static void give_outputs(struct loop *loop, struct value *v)
{
    struct openvino_read *l = loop->l;
    const struct xml *x = &l->body->reader->xml;
    const struct xml_node *map = child(l, l->layer->xml, "port_map");
    for (int i = 0; i < loop->states + loop->scan_count; i++)
        build_output(l->b, v, i);
    for (const struct xml_node *m = xml_first(x, map, "output"); m && !l->b->failed; m = xml_next(x, m, "output")) {
        int64_t port = number(l, m, "external_port_id", -1);
        int o = port < 0 ? -1 : outer_output(l, port), scan = 0;
        if (o < 0)
            continue;
        while (scan < loop->scan_count && loop->scans[scan] != m)
            scan++;
        const struct openvino_layer *result = find_layer(&loop->body, number(l, m, "internal_layer_id", -1), "Result");
        if (scan < loop->scan_count)
            l->out[o] = put_together(loop, m, build_output(l->b, v, loop->states + scan), loop->is_bare[scan]);
        else
            l->out[o] = build_output(l->b, v, state_of(loop, result));
    }
}

/* A Loop says how often it goes round and whether at all; a TensorIterator has as many rounds as its inputs' parts. */
void openvino_read_loop(struct openvino_read *l)
{
    struct loop *loop = arena_alloc(&l->body->reader->arena, sizeof(*loop), l->b->err);
    bool is_loop = strcmp(l->layer->type, "Loop") == 0;
    struct value *in[MOST_PORTS + 2] = {NULL};
    int64_t rounds;
    if (!loop) {
        build_check(l->b, false);
        return;
    }
    loop->l = l;
    open_body(l, &loop->body, "body");
    loop->iteration = build_input(&loop->body.b, NULL, DTYPE_I64, 0, NULL);
    build_input(&loop->body.b, NULL, DTYPE_BOOL, 0, NULL);
    map_inputs(loop);
    if (!l->b->failed && openvino_read_body(&loop->body) == 0)
        put_outputs(loop);
    close_body(l, &loop->body);
    in[0] = loop->trips;
    if (is_loop && (openvino_in_ints(l, 0, &rounds, 1) != 1 || rounds >= 0))
        in[0] = openvino_scalar(l->b, openvino_i64(l, 0));
    if (is_loop)
        in[1] = openvino_scalar(l->b, openvino_in(l, 1));
    memcpy(in + 2, loop->start, (size_t)loop->states * sizeof(*in));
    if (!in[0] && !is_loop)
        build_fail(l->b, "it goes over no input, so that its rounds cannot be told");
    struct value *v = build_node(l->b, "Loop", loop->states + 2, in);
    build_check(l->b, v && node_set_graph(v->producer, "body", loop->body.b.graph, l->b->err) == 0);
    if (!l->b->failed)
        give_outputs(loop, v);
}
