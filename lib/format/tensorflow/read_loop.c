/* Branches and loops whose parts are functions, and the lists of tensors that loops go over.
 *
 * A list is the tensor of its elements one behind the other. One that a loop writes element by element is what ONNX's
 * Loop calls a scan output. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

#define MOST_STEPS 100 /* of Identities in a row */

/* ---- subgraphs ---- */

static void build_if(struct build *b, struct value *condition, struct graph *yes, struct graph *no, struct value **out,
                     int count)
{
    struct value *v = BUILD(b, "If", build_reshape(b, condition, 0, NULL));
    build_check(b, v && node_set_graph(v->producer, "then_branch", yes, b->err) == 0 &&
                       node_set_graph(v->producer, "else_branch", no, b->err) == 0);
    for (int i = 0; i < count && !b->failed; i++)
        out[i] = build_output(b, v, i);
}

void tensorflow_build_if(struct tensorflow_op *o, struct value *condition, struct graph *yes, struct graph *no,
                         int count)
{
    build_if(o->b, condition, yes, no, o->node->out, count);
}

/* ---- lists: TensorList…, and the TensorArray…V3 of TensorFlow 1, whose "flow" is the list ---- */

static bool is_reserved(const struct value *v)
{
    return v && v->producer && strcmp(v->producer->op, "TensorListReserve") == 0;
}

/* Stands for a list without elements, of which only a loop may make one with some. The word of these operators is the
 * number of the input that is the list, or, here, how many elements it has. */
void tensorflow_read_list_reserve(struct tensorflow_op *o)
{
    struct value *v = BUILD(o->b, "tensorflow.TensorListReserve", tensorflow_in(o, *o->kind->onnx - '0'));
    tensorflow_give(o, 0, v);
    tensorflow_give(o, 1, v);
}

static struct value *list_of(struct tensorflow_op *o)
{
    struct value *v = tensorflow_in(o, *o->kind->onnx - '0');
    if (is_reserved(v))
        build_fail(o->b, "a list is read whose elements are not written, or in a way that is not read");
    return v;
}

void tensorflow_read_list(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, list_of(o));
}

/* One element, or several. */
void tensorflow_read_list_get(struct tensorflow_op *o)
{
    struct value *v = BUILD(o->b, "Gather", list_of(o), tensorflow_in(o, 1));
    tensorflow_give(o, 0, build_int(o->b, v, "axis", 0));
}

/* Within a loop that collects them: the element. Elsewhere a list is a tensor, of zeros where nothing is written. */
void tensorflow_read_list_set(struct tensorflow_op *o)
{
    struct value *list = tensorflow_in(o, *o->kind->onnx - '0');
    if (is_reserved(list) && o->scope->r->writing) {
        tensorflow_give(o, 0, tensorflow_in(o, 2));
        return;
    }
    struct value *in[] = {list, tensorflow_in(o, 1), tensorflow_in(o, 2)};
    if (is_reserved(list)) {
        struct value *zeros[] = {in[2], node_in(list->producer, 0)};
        in[0] = build_formula(o->b, "$0 >x =0 $1 Cast/to=7 [1] Reshape:2 $0 Shape Concat:2/axis=0 Expand:2", 2, zeros);
    }
    tensorflow_give(o, 0, build_formula(o->b, "$0 $1 Cast/to=7 [1,1] Reshape:2 $2 [0] Unsqueeze:2 ScatterND:3", 3, in));
}

void tensorflow_read_list_length(struct tensorflow_op *o)
{
    struct value *v = build_reshape(o->b, build_shape(o->b, list_of(o), 0, 1), 0, NULL);
    tensorflow_give(o, 0, build_cast(o->b, v, DTYPE_I32));
}

/* ---- what becomes of a loop's variables ---- */

const char *tensorflow_through(struct tensorflow_scope *s, const char *name)
{
    int output;
    for (int i = 0; i < MOST_STEPS && !lookup_find(&s->args, name); i++) {
        const struct tensorflow_node *n = tensorflow_scope_find(s, name, &output);
        if (!n || (strcmp(n->op, "Identity") != 0 && strcmp(n->op, "ReadVariableOp") != 0))
            break;
        name = tensorflow_input(n->message, 0);
    }
    return name;
}

static bool is_arg(const struct tensorflow_loop *l, const char *name, int k)
{
    return strcmp(tensorflow_through(l->look, name), l->arg[k]) == 0;
}

bool tensorflow_is_number(const struct tensorflow_loop *l, const char *name, int64_t number)
{
    int output;
    int64_t value;
    const char *at = tensorflow_through(l->look, name);
    const struct tensorflow_node *n = tensorflow_scope_find(l->look, at, &output);
    for (int k = 0; k < l->count; k++) /* what a loop gets and does not change */
        if (strcmp(at, l->arg[k]) == 0)
            return is_arg(l, l->becomes[k], k) && build_known(l->o->b, l->in[k], &value, 1, NULL) == 1 &&
                   value == number;
    if (!n || strcmp(n->op, "Const") != 0)
        return false;
    struct tensor *t = tensorflow_constant(l->look->r, n->message);
    bool same = t && t->count == 1 && t->dtype != DTYPE_STRING && tensor_get_i64(t, 0) == number;
    tensor_unref(t);
    return same;
}

bool tensorflow_is_counter(const struct tensorflow_loop *l, int k)
{
    int output;
    int64_t first = -1;
    const struct tensorflow_node *n =
        tensorflow_scope_find(l->look, tensorflow_through(l->look, l->becomes[k]), &output);
    if (!n || strncmp(n->op, "Add", 3) != 0 || build_known(l->o->b, l->in[k], &first, 1, NULL) != 1 || first != 0)
        return false;
    const char *a = tensorflow_input(n->message, 0), *b = tensorflow_input(n->message, 1);
    return (is_arg(l, a, k) && tensorflow_is_number(l, b, 1)) || (is_arg(l, b, k) && tensorflow_is_number(l, a, 1));
}

static enum tensorflow_fate list_fate(struct tensorflow_loop *l, int k)
{
    int output;
    const struct tensorflow_node *n =
        tensorflow_scope_find(l->look, tensorflow_through(l->look, l->becomes[k]), &output);
    bool is_array = n && strcmp(n->op, "TensorArrayWriteV3") == 0;
    if (n && (is_array || strcmp(n->op, "TensorListSetItem") == 0) &&
        is_arg(l, tensorflow_input(n->message, is_array ? 3 : 0), k)) {
        const char *index = tensorflow_input(n->message, 1);
        if (tensorflow_is_number(l, index, 0))
            return TENSORFLOW_LATEST;
        for (int c = 0; c < l->count; c++)
            if (is_arg(l, index, c) && tensorflow_is_counter(l, c))
                return TENSORFLOW_WRITTEN;
    }
    build_fail(l->o->b, "a loop writes a list in another way than one element after the other");
    return TENSORFLOW_KEPT;
}

const char *tensorflow_written(struct tensorflow_loop *l, int k)
{
    int output;
    const struct tensorflow_node *n =
        tensorflow_scope_find(l->look, tensorflow_through(l->look, l->becomes[k]), &output);
    return n ? tensorflow_input(n->message, 2) : "";
}

enum tensorflow_fate tensorflow_fate(struct tensorflow_loop *l, int k)
{
    if (is_arg(l, l->becomes[k], k))
        return TENSORFLOW_KEPT;
    return is_reserved(l->in[k]) ? list_fate(l, k) : TENSORFLOW_CARRIED;
}

/* ---- loops ---- */

/* A variable of the body: of the rank that it begins with. */
static struct value *body_input(struct build *b, struct value *first, const struct type *type)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        dims[i] = DIM_UNKNOWN;
    return build_input(b, NULL, first->type.dtype, type && type->kind == TYPE_TENSOR ? type->rank : -1, dims);
}

static struct graph *build_body(struct tensorflow_loop *l, const enum tensorflow_fate *fates)
{
    struct tensorflow_reader *r = l->o->scope->r;
    struct value *in[TENSORFLOW_OUTPUTS], *out[TENSORFLOW_OUTPUTS];
    const struct type *types[TENSORFLOW_OUTPUTS] = {NULL};
    for (int k = 0; k < l->count && !r->b.failed; k++)
        types[k] = build_type(&r->b, l->in[k]);
    struct build outer = build_enter(&r->b, NULL);
    if (!r->b.failed) {
        build_input(&r->b, NULL, DTYPE_I64, 0, NULL);
        build_input(&r->b, NULL, DTYPE_BOOL, 0, NULL);
    }
    for (int k = 0; k < l->count && !r->b.failed; k++)
        in[k] = fates[k] == TENSORFLOW_CARRIED ? body_input(&r->b, l->in[k], types[k]) : l->in[k];
    r->writing++;
    if (!r->b.failed && l->body(l, in, out) != 0)
        build_check(&r->b, false);
    r->writing--;
    for (int k = 0; k < l->count && !r->b.failed; k++)
        out[k] = fates[k] == TENSORFLOW_KEPT ? l->in[k] : out[k];
    struct value *again = r->b.failed ? NULL : l->condition(l, out);
    if (!r->b.failed)
        build_body_output(&r->b, again);
    for (int k = 0; k < l->count && !r->b.failed; k++)
        if (fates[k] == TENSORFLOW_CARRIED)
            build_body_output(&r->b, out[k]);
    for (int k = 0; k < l->count && !r->b.failed; k++)
        if (fates[k] >= TENSORFLOW_WRITTEN)
            build_body_output(&r->b, out[k]);
    return build_leave(&r->b, outer);
}

/* A list that a loop wrote, with zeros for the elements that it has place for and did not come to. */
static struct value *filled(struct build *b, struct value *written, const struct value *reserved)
{
    struct value *in[] = {written, b->failed ? NULL : node_in(reserved->producer, 0)};
    return build_formula(b,
                         "$0 [0] $1 Cast/to=7 [1] Reshape:2 $0 Shape/end=1 Sub:2 [0] Max:2 Concat:2/axis=0 $2? [0] "
                         "Pad:4",
                         2, in);
}

/* ONNX asks for the condition of the first round before it, and for the next one's in the body. */
int tensorflow_build_loop(struct tensorflow_loop *l, struct value **out)
{
    struct build *b = l->o->b;
    struct value *in[TENSORFLOW_OUTPUTS + 2] = {NULL};
    enum tensorflow_fate fates[TENSORFLOW_OUTPUTS];
    int carried = 0, scanned = 0, at = 0;
    if (tensorflow_build_recurrent(l, out))
        return b->failed ? -1 : 0;
    for (int k = 0; k < l->count && !b->failed; k++) {
        fates[k] = tensorflow_fate(l, k);
        if (fates[k] == TENSORFLOW_CARRIED)
            in[2 + carried++] = l->in[k];
        scanned += fates[k] >= TENSORFLOW_WRITTEN;
    }
    if (carried + scanned == 0) { /* nothing changes in it */
        memcpy(out, l->in, sizeof(l->in));
        return b->failed ? -1 : 0;
    }
    in[1] = b->failed ? NULL : l->condition(l, l->in);
    struct graph *body = b->failed ? NULL : build_body(l, fates);
    struct value *v = build_node(b, "Loop", carried + 2, in);
    build_check(b, v && node_set_graph(v->producer, "body", body, b->err) == 0);
    for (int i = 0; i < carried + scanned && !b->failed; i++)
        build_output(b, v, i);
    for (int k = 0; k < l->count && !b->failed; k++)
        out[k] = fates[k] == TENSORFLOW_KEPT      ? l->in[k]
                 : fates[k] == TENSORFLOW_CARRIED ? build_output(b, v, at++)
                                                  : NULL;
    for (int k = 0; k < l->count && !b->failed; k++)
        if (fates[k] >= TENSORFLOW_WRITTEN)
            out[k] = build_output(b, v, at++);
    for (int k = 0; k < l->count && !b->failed; k++)
        if (fates[k] == TENSORFLOW_LATEST)
            out[k] = build_slice(b, out[k], 0, -1, INT64_MAX);
        else if (fates[k] == TENSORFLOW_WRITTEN)
            out[k] = filled(b, out[k], l->in[k]);
    return b->failed ? -1 : 0;
}

/* ---- of functions ---- */

/* What a function makes, as a subgraph; *outputs: how many values, -1 after a failure. */
static struct graph *branch(struct tensorflow_op *o, const char *function, int *outputs)
{
    struct tensorflow_reader *r = o->scope->r;
    struct value *out[TENSORFLOW_OUTPUTS];
    struct build outer = build_enter(&r->b, NULL);
    *outputs = o->b->failed ? -1 : tensorflow_call(r, function, o->in + 1, o->in_count - 1, out, TENSORFLOW_OUTPUTS);
    for (int i = 0; i < *outputs; i++)
        build_body_output(o->b, out[i]);
    return build_leave(&r->b, outer);
}

/* The function that input 0 chooses from `count`, or -1: that is only known at run time. */
static int64_t chosen(struct tensorflow_op *o, int count)
{
    int64_t at;
    if (build_known(o->b, tensorflow_in(o, 0), &at, 1, NULL) != 1)
        return -1;
    return at >= 0 && at < count ? at : count - 1;
}

/* Results of the function whose number input 0 is, counted from `at`; the last serves all other numbers. Their count,
 * or -1. */
static int choose(struct tensorflow_op *o, const char *const *functions, int count, int at, struct value **out)
{
    struct build *b = o->b;
    struct value *others[TENSORFLOW_OUTPUTS];
    int counts[2];
    if (at + 1 == count)
        return tensorflow_call(o->scope->r, functions[at], o->in + 1, o->in_count - 1, out, TENSORFLOW_OUTPUTS);
    if (++o->scope->r->depth > TENSORFLOW_DEPTH)
        build_fail(b, "branches more than %d deep", TENSORFLOW_DEPTH);
    struct value *is = BUILD(b, "Equal", tensorflow_in(o, 0), build_number(b, DTYPE_I32, at));
    struct graph *yes = branch(o, functions[at], &counts[0]);
    struct build outer = build_enter(b, NULL);
    counts[1] = b->failed ? -1 : choose(o, functions, count, at + 1, others);
    for (int i = 0; i < counts[1]; i++)
        build_body_output(b, others[i]);
    struct graph *no = build_leave(b, outer);
    if (!b->failed && counts[0] != counts[1])
        build_fail(b, "branches of %d and %d outputs", counts[0], counts[1]);
    build_if(b, is, yes, no, out, counts[0]);
    o->scope->r->depth--;
    return b->failed ? -1 : counts[0];
}

void tensorflow_read_case(struct tensorflow_op *o)
{
    const char *functions[TENSORFLOW_OUTPUTS];
    struct value *out[TENSORFLOW_OUTPUTS];
    int count = 0;
    const struct protobuf *list = protobuf_message(tensorflow_attr(o->node->message, "branches"), "list");
    for (const struct protobuf *p = protobuf_first(list, "func"); p && count < TENSORFLOW_OUTPUTS; p = protobuf_more(p))
        functions[count++] = protobuf_text(p, "name", "");
    if (count == 0 || protobuf_count(list, "func") > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "want 1 to %d branches", TENSORFLOW_OUTPUTS);
    int64_t at = o->b->failed ? -1 : chosen(o, count);
    int results = o->b->failed ? -1 : choose(o, functions, at < 0 ? count : (int)at + 1, at < 0 ? 0 : (int)at, out);
    for (int i = 0; i < results; i++)
        tensorflow_give(o, i, out[i]);
}

/* Of a condition that is known, the branch that is taken. */
void tensorflow_read_if(struct tensorflow_op *o)
{
    int counts[2];
    const char *functions[] = {tensorflow_function(o, "else_branch"), tensorflow_function(o, "then_branch")};
    struct value *condition = tensorflow_in(o, 0), *out[TENSORFLOW_OUTPUTS];
    int64_t at = o->b->failed ? -1 : chosen(o, 2);
    if (at >= 0) {
        counts[0] = choose(o, functions, (int)at + 1, (int)at, out);
        for (int i = 0; i < counts[0]; i++)
            tensorflow_give(o, i, out[i]);
        return;
    }
    struct graph *yes = branch(o, functions[1], &counts[1]);
    struct graph *no = o->b->failed ? NULL : branch(o, functions[0], &counts[0]);
    if (!o->b->failed && counts[0] != counts[1])
        build_fail(o->b, "branches of %d and %d outputs", counts[1], counts[0]);
    tensorflow_build_if(o, condition, yes, no, counts[1]);
}

static int call_body(struct tensorflow_loop *l, struct value *const *in, struct value **out)
{
    int count =
        tensorflow_call(l->o->scope->r, tensorflow_function(l->o, "body"), in, l->count, out, TENSORFLOW_OUTPUTS);
    if (count >= 0 && count != l->count)
        build_fail(l->o->b, "a loop over %d values makes %d", l->count, count);
    return l->o->b->failed ? -1 : 0;
}

static struct value *call_condition(struct tensorflow_loop *l, struct value *const *in)
{
    struct value *out[1];
    int count = tensorflow_call(l->o->scope->r, tensorflow_function(l->o, "cond"), in, l->count, out, 1);
    if (count >= 0 && count != 1)
        build_fail(l->o->b, "the condition of a loop makes %d values, want 1", count);
    return l->o->b->failed ? NULL : build_reshape(l->o->b, out[0], 0, NULL);
}

void tensorflow_read_while(struct tensorflow_op *o)
{
    struct tensorflow_reader *r = o->scope->r;
    const struct protobuf *body = lookup_find(&r->functions, tensorflow_function(o, "body")),
                          *signature = protobuf_message(body, "signature");
    struct tensorflow_loop l = {.o = o, .count = o->in_count, .body = call_body, .condition = call_condition};
    struct value *out[TENSORFLOW_OUTPUTS];
    struct tensorflow_scope look;
    const struct protobuf *arg = protobuf_first(signature, "input_arg"),
                          *result = protobuf_first(signature, "output_arg");
    if (o->in_count > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "a loop over %d values, want at most %d", o->in_count, TENSORFLOW_OUTPUTS);
    for (int k = 0; k < o->in_count && !o->b->failed; k++) {
        if (!arg || !result) {
            build_fail(o->b, "a loop over %d values, its body is over %d", o->in_count, k);
            break;
        }
        l.in[k] = tensorflow_in(o, k);
        l.arg[k] = protobuf_text(arg, "name", "");
        l.becomes[k] = tensorflow_returned(body, protobuf_text(result, "name", ""));
        arg = protobuf_more(arg);
        result = protobuf_more(result);
    }
    if (o->b->failed)
        return;
    l.look = &look;
    if (tensorflow_scope_open(&look, r, body, "node_def") == 0 && tensorflow_build_loop(&l, out) == 0)
        for (int k = 0; k < o->in_count; k++)
            tensorflow_give(o, k, out[k]);
    tensorflow_scope_close(&look);
}
