/* What a layer was set to, as text: the same for layers that do the same. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "op/attr.h"
#include "op/window.h"
#include "pair/pair.h"
#include "pass/util.h"

/* ---- axes ---- */

/* Marks which axes of a value are meant: "56,[64],56" over those longer than 1, so that neither a reshape around them
 * nor a negative number matters. */
static void add_axes(struct text *t, const char *name, const struct value *v, const bool *marked,
                     const struct pair_layout *layout)
{
    int axes[TENSOR_MAX_RANK], n = 0;
    for (int i = 0; i < v->type.rank; i++)
        if (v->type.dims[i] != 1)
            axes[n++] = i;
    text_printf(t, "%s\t", name);
    for (int i = 0; i < n; i++) {
        int axis = axes[layout->moved && layout->rank == n ? layout->perm[i] : i];
        text_printf(t, marked[axis] ? "%s[%lld]" : "%s%lld", i ? "," : "", (long long)v->type.dims[axis]);
    }
    text_puts(t, "\n");
}

static void add_ints(struct text *t, const char *name, int n, const int64_t *values)
{
    text_printf(t, "%s\t", name);
    for (int i = 0; i < n; i++)
        text_printf(t, i ? ",%lld" : "%lld", (long long)values[i]);
    text_puts(t, "\n");
}

/* False when an axis is out of range. */
static bool mark_axes(const struct value *v, int n, const int64_t *list, bool *marked)
{
    if (!pass_is_static(v))
        return false;
    for (int i = 0; i < n; i++) {
        int64_t axis = list[i] < 0 ? list[i] + v->type.rank : list[i];
        if (axis < 0 || axis >= v->type.rank)
            return false;
        marked[axis] = true;
    }
    return true;
}

static void add_axis_list(struct text *t, const char *name, const struct value *v, int n, const int64_t *list,
                          const struct pair_layout *layout)
{
    bool marked[TENSOR_MAX_RANK] = {false};
    if (v && mark_axes(v, n, list, marked))
        add_axes(t, name, v, marked, layout);
    else
        add_ints(t, name, n, list);
}

/* ---- attributes as they are ---- */

static void add_list(struct text *t, const struct node *n, const char *name, enum attr_kind kind)
{
    int count = 0;
    const int64_t *ints = kind == ATTR_INTS ? op_ints(n, name, &count) : NULL;
    const float *floats = kind == ATTR_FLOATS ? op_floats(n, name, &count) : NULL;
    text_printf(t, "%s\t", name);
    for (int i = 0; i < count; i++)
        if (ints)
            text_printf(t, i ? ",%lld" : "%lld", (long long)ints[i]);
        else
            text_printf(t, i ? ",%.6g" : "%.6g", (double)floats[i]);
    text_puts(t, "\n");
}

static void add_elements(struct text *t, const char *name, const struct tensor *tensor)
{
    text_printf(t, "%s\t", name);
    for (int64_t i = 0; tensor && i < tensor->count && i < 16; i++) {
        text_puts(t, i ? "," : "");
        tensor_element_text(tensor, i, t);
    }
    text_puts(t, "\n");
}

static void add_strings(struct text *t, const struct attr *a)
{
    for (size_t i = 0; a && i < a->n; i++) {
        const struct str *s = a->kind == ATTR_STRINGS ? &a->strings[i] : &a->s;
        text_puts(t, i ? "," : "");
        text_escape(t, s->data, s->size, "");
    }
}

static void add_attribute(struct text *t, const struct node *n, const char *name, enum attr_kind kind)
{
    switch (kind) {
    case ATTR_INT:
        text_printf(t, "%s\t%lld\n", name, (long long)op_int(n, name));
        break;
    case ATTR_FLOAT:
        text_printf(t, "%s\t%.6g\n", name, (double)op_float(n, name));
        break;
    case ATTR_STRING:
        text_printf(t, "%s\t%s\n", name, op_string(n, name));
        break;
    case ATTR_INTS:
    case ATTR_FLOATS:
        add_list(t, n, name, kind);
        break;
    case ATTR_STRINGS:
        text_printf(t, "%s\t", name);
        add_strings(t, node_attr(n, name));
        text_puts(t, "\n");
        break;
    case ATTR_TENSOR:
        add_elements(t, name, op_tensor(n, name));
        break;
    default:
        break; /* what a subgraph does is seen by its layers */
    }
}

/* Attributes that say only how the result is shaped, which the result shows. */
static bool is_shaping(const char *name)
{
    return text_has_word("keepdims noop_with_empty_axes num_outputs keep_aspect_ratio_policy", name);
}

/* Those of the fused forms, which are written out: only nn.MatMul is left, for its bias, with a matrix as MatMul's. */
static bool is_fusion(const struct node *n, const char *name)
{
    return strcmp(n->domain, "nn") == 0 &&
           (strncmp(name, "activation", 10) == 0 || strcmp(name, "residual_last") == 0 || strcmp(name, "transB") == 0);
}

static const struct value *value_with_axes(const struct pair_layer *l)
{
    return strcmp(l->op, "Concat") == 0 ? l->value : node_in(l->node, 0);
}

static void add_known(const struct pair_layer *l, const struct pair_layout *layout, struct text *t)
{
    struct attr_spec spec;
    for (const char *at = l->node->def->attrs; attr_spec_next(&at, &spec);) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)spec.name_size, spec.name);
        bool resized = strcmp(l->op, "Resize") == 0 && strcmp(name, "axes") == 0; /* which its sizes are for */
        if (resized || is_shaping(name) || is_fusion(l->node, name))
            continue;
        if (strcmp(name, "axis") == 0 && spec.kind == ATTR_INT)
            add_axis_list(t, name, value_with_axes(l), 1, (int64_t[]){op_int(l->node, name)}, layout);
        else
            add_attribute(t, l->node, name, spec.kind);
    }
}

/* Of an operator that the table does not know. */
static void add_unknown(const struct node *n, struct text *t)
{
    for (const struct attr *a = n->attrs; a; a = a->next) {
        text_printf(t, "%s\t", a->name);
        for (size_t i = 0; i < a->n && i < 64; i++)
            if (a->kind == ATTR_INT || a->kind == ATTR_INTS)
                text_printf(t, i ? ",%lld" : "%lld", (long long)(a->kind == ATTR_INT ? a->i : a->ints[i]));
            else if (a->kind == ATTR_FLOAT || a->kind == ATTR_FLOATS)
                text_printf(t, i ? ",%.6g" : "%.6g", (double)(a->kind == ATTR_FLOAT ? a->f : a->floats[i]));
        if (a->kind == ATTR_STRING || a->kind == ATTR_STRINGS)
            add_strings(t, a);
        text_puts(t, "\n");
    }
}

/* ---- convolutions and pools ---- */

/* Padding at the end shows in the result's size; it matters by itself only where it is counted. */
static void add_window(const struct pair_layer *l, const struct window *w, struct text *t)
{
    const struct node *n = l->node;
    struct attr_spec spec;
    int64_t stride[WINDOW_MAX], dilation[WINDOW_MAX];
    bool padded = false, counts = attr_spec_find(n->def, "count_include_pad", &spec);
    for (int i = 0; i < w->rank; i++) {
        stride[i] = w->out[i] == 1 ? 1 : w->stride[i];
        dilation[i] = w->kernel[i] == 1 ? 1 : w->dilation[i];
        padded |= w->begin[i] || w->end[i];
    }
    add_ints(t, "kernel_shape", w->rank, w->kernel);
    add_ints(t, "strides", w->rank, stride);
    add_ints(t, "dilations", w->rank, dilation);
    add_ints(t, "pads", w->rank, w->begin);
    bool counted = counts && padded && op_int(n, "count_include_pad");
    if (counts)
        text_printf(t, "count_include_pad\t%d\n", counted);
    if (counted)
        add_ints(t, "pads at the end", w->rank, w->end);
    if (attr_spec_find(n->def, "group", &spec))
        text_printf(t, "group\t%lld\n", (long long)op_int(n, "group"));
    if (attr_spec_find(n->def, "p", &spec))
        text_printf(t, "p\t%lld\n", (long long)op_int(n, "p"));
}

static bool add_convolution(const struct pair_layer *l, const struct pair_layout *layout, struct text *t)
{
    struct window w;
    const struct type *x = pass_type(node_in(l->node, 0)), *weights = pass_type(node_in(l->node, 1));
    bool transposed = strcmp(l->op, "ConvTranspose") == 0;
    (void)layout;
    if (!x || x->rank < 3 || !pass_is_static(l->node->in[0]) || (weights && weights->rank != x->rank) ||
        window_read(&w, l->node, x->rank - 2, weights ? weights->dims + 2 : NULL, NULL) < 0)
        return false;
    if (transposed ? w.auto_pad != WINDOW_EXPLICIT : window_resolve(&w, x->dims + 2, NULL) < 0)
        return false;
    add_window(l, &w, t);
    return true;
}

/* ---- settings in operands ---- */

static bool add_reduction(const struct pair_layer *l, const struct pair_layout *layout, struct text *t)
{
    int64_t axes[TENSOR_MAX_RANK];
    const struct node *n = l->node;
    int count = node_in(n, 1) ? pass_ints(n->in[1], axes, TENSOR_MAX_RANK) : 0;
    if (count < 0 || !pass_is_static(n->in[0]))
        return false;
    for (; !node_in(n, 1) && count < n->in[0]->type.rank; count++) /* without a list: all */
        axes[count] = count;
    add_axis_list(t, "axes", n->in[0], count, axes, layout);
    add_known(l, layout, t);
    return true;
}

/* Sizes and scales show in the result. */
static bool add_sized(const struct pair_layer *l, const struct pair_layout *layout, struct text *t)
{
    add_known(l, layout, t);
    return true;
}

/* Operators with settings of their own, and which operands are settings (a bit each). */
static const struct {
    const char *op;
    unsigned operands;
    bool (*add)(const struct pair_layer *l, const struct pair_layout *layout, struct text *t);
} special[] = {
    {"Conv", 0, add_convolution},
    {"ConvTranspose", 0, add_convolution},
    {"MaxPool", 0, add_convolution},
    {"AveragePool", 0, add_convolution},
    {"LpPool", 0, add_convolution},

    {"ReduceMean", 2, add_reduction},
    {"ReduceSum", 2, add_reduction},
    {"ReduceMax", 2, add_reduction},
    {"ReduceMin", 2, add_reduction},
    {"ReduceProd", 2, add_reduction},
    {"ReduceL1", 2, add_reduction},
    {"ReduceL2", 2, add_reduction},
    {"ReduceLogSumExp", 2, add_reduction},
    {"ReduceSumSquare", 2, add_reduction},
    {"ReduceLogSum", 2, add_reduction},
    {"Resize", 0xe, add_sized},
    {"Split", 2, add_sized},
};

#define SPECIALS (sizeof special / sizeof *special)

static size_t find_special(const struct pair_layer *l)
{
    size_t i = 0;
    while (i < SPECIALS && strcmp(special[i].op, l->op) != 0)
        i++;
    return i;
}

bool pair_is_setting(const struct pair_layer *l, int i)
{
    size_t at = find_special(l);
    return l->node && at < SPECIALS && i < 31 && (special[at].operands >> i & 1) && node_in(l->node, i) &&
           l->node->in[i]->constant;
}

void pair_settings(const struct pair_layer *l, const struct pair_layout *layout, struct text *text)
{
    size_t at = find_special(l), before = text->size;
    if (!l->node || (l->node->def && at < SPECIALS && special[at].add(l, layout, text)))
        return;
    if (text->size > before) { /* of a failed attempt */
        text->size = before;
        text->data[before] = 0;
    }
    for (int i = 0; i < l->node->in_count; i++)
        if (pair_is_setting(l, i))
            add_elements(text, "operand", l->node->in[i]->constant);
    if (l->node->def)
        add_known(l, layout, text);
    else
        add_unknown(l->node, text);
}
