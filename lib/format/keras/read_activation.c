/* Functions of element by element, by name and as layers. */
#include <math.h>
#include <string.h>

#include "format/keras/keras.h"

/* ---- by name ---- */

/* Plain operators of one input, with one parameter. */
static const struct {
    const char *name, *onnx, *attribute;
    float value;
} plain[] = {
    {"relu", "Relu", NULL, 0},         {"sigmoid", "Sigmoid", NULL, 0},
    {"tanh", "Tanh", NULL, 0},         {"elu", "Elu", NULL, 0},
    {"selu", "Selu", NULL, 0},         {"celu", "Celu", NULL, 0},
    {"softplus", "Softplus", NULL, 0}, {"softsign", "Softsign", NULL, 0},
    {"exponential", "Exp", NULL, 0},   {"gelu", "Gelu", NULL, 0},
    {"mish", "Mish", NULL, 0},         {"leaky_relu", "LeakyRelu", "alpha", 0.2f},
    {"softmax", "Softmax", NULL, 0},   {"log_softmax", "LogSoftmax", NULL, 0},
};

/* Others, as formulas. */
static const struct {
    const char *name, *formula;
} formulas[] = {
    {"squareplus", "$0 $0 $0 Mul:2 =4 Add:2 Sqrt Add:2 =0.5 Mul:2"},
    {"soft_shrink", "$0 Shrink/lambd=0.5/bias=0.5"},
    {"hard_shrink", "$0 Shrink/lambd=0.5/bias=0"},
    {"tanh_shrink", "$0 $0 Tanh Sub:2"},
    {"sparse_plus", "$0 =-1 =1 Clip:3 =1 Add:2 >p p p Mul:2 =0.25 Mul:2 $0 =1 Sub:2 Relu Add:2"},
    {"sparse_sigmoid", "$0 =1 Add:2 =0.5 Mul:2 =0 =1 Clip:3"},
    {"glu", "$0 Split/axis=-1/num_outputs=2 >p p p .1 Sigmoid Mul:2"},
};

static struct value *sigmoid_times(struct build *b, struct value *v)
{
    return BUILD(b, "Mul", v, BUILD(b, "Sigmoid", v));
}

static struct value *clip(struct build *b, struct value *v, double low, double high)
{
    return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, low), build_number(b, DTYPE_F32, high));
}

/* Keras 3 has another one than those before. */
static struct value *hard_sigmoid(struct keras_call *l, struct value *v)
{
    v = BUILD(l->b, "HardSigmoid", v);
    return build_float(l->b, v, "alpha", l->r->major >= 3 ? 1 / 6.0f : 0.2f);
}

struct value *keras_activation(struct keras_call *l, struct value *v, const char *name)
{
    struct build *b = l->b;
    if (strcmp(name, "linear") == 0)
        return v;
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (strcmp(plain[i].name, name) == 0) {
            v = BUILD(b, plain[i].onnx, v);
            return plain[i].attribute ? build_float(b, v, plain[i].attribute, plain[i].value) : v;
        }
    for (size_t i = 0; i < sizeof(formulas) / sizeof(*formulas); i++)
        if (strcmp(formulas[i].name, name) == 0)
            return build_formula(b, formulas[i].formula, 1, &v);
    if (strcmp(name, "swish") == 0 || strcmp(name, "silu") == 0)
        return sigmoid_times(b, v);
    if (strcmp(name, "relu6") == 0)
        return clip(b, v, 0, 6);
    if (strcmp(name, "hard_tanh") == 0)
        return clip(b, v, -1, 1);
    if (strcmp(name, "hard_sigmoid") == 0)
        return hard_sigmoid(l, v);
    if (strcmp(name, "hard_silu") == 0 || strcmp(name, "hard_swish") == 0)
        return BUILD(b, "HardSwish", v);
    if (strcmp(name, "log_sigmoid") == 0)
        return BUILD(b, "Neg", BUILD(b, "Softplus", BUILD(b, "Neg", v)));
    build_fail(b, "its activation \"%.50s\" is not one that is read", name);
    return NULL;
}

/* A name, a function {"class_name": "function", "config": "relu"}, or a layer. */
struct value *keras_activate(struct keras_call *l, struct value *v, const char *member)
{
    const struct json_node *n = keras_member(l, member);
    const char *class = keras_class_of(&l->r->json, n);
    struct keras_call inner = {.in = &v, .in_count = 1};
    if (!n || l->b->failed)
        return v;
    if (n->kind == JSON_OBJECT && strcmp(class, "function") == 0) {
        const struct json_node *config = json_member(&l->r->json, n, "config");
        class = config && config->kind == JSON_STRING ? config->string : "";
    } else if (n->kind == JSON_OBJECT) {
        keras_call_part(l, n, &l->place, &inner);
        return inner.out[0];
    }
    return keras_activation(l, v, class);
}

/* ---- layers ---- */

void keras_read_same(struct keras_call *l)
{
    keras_give(l, keras_in(l, 0));
}

void keras_read_activation(struct keras_call *l)
{
    keras_give(l, keras_activate(l, keras_in(l, 0), "activation"));
}

/* max_value caps it, below the threshold it has the slope. */
void keras_read_relu(struct keras_call *l)
{
    float slope = keras_float(l, "negative_slope", 0), threshold = keras_float(l, "threshold", 0);
    const struct json_node *most = keras_member(l, "max_value");
    struct value *v = keras_in(l, 0);
    if (threshold != 0 && slope == 0)
        v = build_float(l->b, BUILD(l->b, "ThresholdedRelu", v), "alpha", threshold);
    else if (threshold != 0)
        build_fail(l->b, "a threshold with a slope is not read");
    else if (slope != 0)
        v = build_float(l->b, BUILD(l->b, "LeakyRelu", v), "alpha", slope);
    if (most && (slope != 0 || threshold != 0))
        v = BUILD(l->b, "Min", v, build_number(l->b, DTYPE_F32, (double)keras_float(l, "max_value", 0)));
    else if (most)
        v = clip(l->b, v, 0, (double)keras_float(l, "max_value", 0));
    else if (slope == 0 && threshold == 0)
        v = BUILD(l->b, "Relu", v);
    keras_give(l, v);
}

/* Keras 3 calls alpha negative_slope. */
void keras_read_leaky_relu(struct keras_call *l)
{
    const char *name = keras_member(l, "negative_slope") ? "negative_slope" : "alpha";
    keras_give(l, build_float(l->b, BUILD(l->b, "LeakyRelu", keras_in(l, 0)), "alpha", keras_float(l, name, 0.3f)));
}

void keras_read_elu(struct keras_call *l)
{
    keras_give(l, build_float(l->b, BUILD(l->b, "Elu", keras_in(l, 0)), "alpha", keras_float(l, "alpha", 1)));
}

void keras_read_thresholded_relu(struct keras_call *l)
{
    struct value *v = BUILD(l->b, "ThresholdedRelu", keras_in(l, 0));
    keras_give(l, build_float(l->b, v, "alpha", keras_float(l, "theta", 1)));
}

void keras_read_prelu(struct keras_call *l)
{
    keras_give(l, BUILD(l->b, "PRelu", keras_in(l, 0), keras_weight(l, "alpha", 0)));
}

void keras_read_softmax(struct keras_call *l)
{
    int64_t axis[1] = {-1};
    if (keras_list(l, "axis", axis, 1) == 0)
        build_fail(l->b, "it has no axis");
    keras_give(l, build_int(l->b, BUILD(l->b, "Softmax", keras_in(l, 0)), "axis", axis[0]));
}
