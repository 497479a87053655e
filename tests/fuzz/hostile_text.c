/* Nets of Caffe, Darknet, OpenVINO and pnnx, which are text. */
#include <stdio.h>

#include "hostile.h"

#define MAP "input: 'a' input_dim: 1 input_dim: 4 input_dim: 8 input_dim: 8\n"

static void repeat(struct out *o, const char *first, const char *again, int count)
{
    hostile_say(o, first);
    for (int i = 0; i < count; i++)
        hostile_say(o, again);
}

static void caffe_nested_messages(struct out *o)
{
    repeat(o, MAP, "layer { ", 100000);
}

static void caffe_layers_in_place(struct out *o)
{
    repeat(o, MAP, "layer { name: 'a' type: 'ReLU' bottom: 'a' top: 'a' }\n", 8000);
}

static void caffe_doubling_concat(struct out *o)
{
    repeat(o, MAP, "layer { name: 'a' type: 'Concat' bottom: 'a' bottom: 'a' top: 'a' }\n", 70);
}

static void caffe_numbers(struct out *o)
{
    repeat(o, MAP "layer { name: 'a' x: [", "1,", 3000000);
}

static void caffe_many_tops(struct out *o)
{
    char text[40];

    hostile_say(o, "layer { name: 'a' type: 'Input' ");
    for (int i = 0; i < 20000; i++) {
        snprintf(text, sizeof text, "top: 'a%d' ", i);
        hostile_say(o, text);
    }
    hostile_say(o, "input_param { shape { dim: 2147483647 dim: 2147483647 dim: 2 } } }\n"
                   "layer { name: 'b' type: 'ReLU' bottom: 'a7' top: 'b' }");
}

static void caffe_adopted_inputs(struct out *o)
{
    char text[200];

    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof text,
                 "layer { name: 'd' type: 'Data' top: 'd%d' include { phase: TRAIN } } "
                 "layer { name: 'r' type: 'ReLU' bottom: 'd%d' top: 'r%d' }\n",
                 i, i, i);
        hostile_say(o, text);
    }
}

static void caffe_dummy_data(struct out *o)
{
    hostile_say(o,
                "layer { name: 'a' type: 'DummyData' top: 'a' dummy_data_param { num: 2147483647 channels: 2147483647 "
                "height: 2 width: 1 } } layer { name: 'b' type: 'Sigmoid' bottom: 'a' top: 'b' }");
}

static void caffe_large_map(struct out *o)
{
    hostile_say(
        o, "input: 'a' input_dim: 1 input_dim: 1 input_dim: 65535 input_dim: 65535\n"
           "layer { name: 's' type: 'SPP' bottom: 'a' top: 's' spp_param { pyramid_height: 16 } }\n"
           "layer { name: 'p' type: 'PriorBox' bottom: 'a' bottom: 'a' top: 'p' prior_box_param { min_size: 1 } }");
}

static void caffe_empty_layers(struct out *o)
{
    for (int i = 0; i < 500000; i++)
        hostile_say(o, "\xa2\x06\x09\x12\x07Silence");
}

#define NET "[net]\nwidth=8\nheight=8\nchannels=4\n"

static void darknet_doubling_route(struct out *o)
{
    repeat(o, NET "[dropout]\n", "[route]\nlayers=-1,-1\n", 70);
}

static void darknet_upsampling(struct out *o)
{
    repeat(o, NET, "[upsample]\nstride=65535\n", 5);
}

static void darknet_many_sections(struct out *o)
{
    repeat(o, NET, "[dropout]\n", 100001);
}

static void darknet_sums(struct out *o)
{
    repeat(o, NET "[dropout]\n", "[shortcut]\nfrom=0\n", 5000);
}

static void darknet_long_line(struct out *o)
{
    repeat(o, NET "[route]\nlayers=", "0,", 1000000);
}

/* ---- OpenVINO ---- */

#define IR      "<?xml version=\"1.0\"?><net name=\"n\" version=\"11\"><layers>"
#define IR_PORT "precision=\"FP32\"><dim>1</dim><dim>3</dim></port>"
#define IR_INPUT                                                                                                       \
    "<layer id=\"0\" name=\"x\" type=\"Parameter\" version=\"opset1\"><data shape=\"1,3\" "                            \
    "element_type=\"f32\"/><output>"                                                                                   \
    "<port id=\"0\" " IR_PORT "</output></layer>"

static void number(struct out *o, const char *format, int i)
{
    char text[300];

    snprintf(text, sizeof text, format, i, i + 1);
    hostile_say(o, text);
}

/* The result, layer `id`, of the one before. */
static void ir_result(struct out *o, int id)
{
    number(o, "<layer id=\"%d\" name=\"y\" type=\"Result\" version=\"opset1\"><input><port id=\"0\"/></input></layer>",
           id);
}

/* `count` layers of a type, each of two inputs and an output, of which each takes the one before on both. */
static void ir_chain(struct out *o, const char *type, int count)
{
    hostile_say(o, IR IR_INPUT);
    for (int i = 1; i <= count; i++) {
        number(o, "<layer id=\"%d\" name=\"", i);
        number(o, "l%d\" type=\"", i);
        hostile_say(o, type);
        hostile_say(o, "\" version=\"opset1\"><data axis=\"1\"/><input><port id=\"0\" " IR_PORT
                       "<port id=\"1\" " IR_PORT "</input><output><port id=\"2\" " IR_PORT "</output></layer>");
    }
    ir_result(o, count + 1);
    hostile_say(o, "</layers><edges>");
    for (int i = 0; i < count; i++)
        for (int port = 0; port < 2; port++) {
            number(o,
                   i ? "<edge from-layer=\"%1$d\" from-port=\"2\" to-layer=\"%2$d\" "
                     : "<edge from-layer=\"%1$d\" from-port=\"0\" to-layer=\"%2$d\" ",
                   i);
            number(o, "to-port=\"%d\"/>", port);
        }
    number(o, "<edge from-layer=\"%1$d\" from-port=\"2\" to-layer=\"%2$d\" to-port=\"0\"/></edges></net>", count);
}

static void ir_nested(struct out *o)
{
    repeat(o, IR, "<layer>", 100000);
}

static void ir_doublings(struct out *o)
{
    ir_chain(o, "Concat", 70);
}

static void ir_layers(struct out *o)
{
    ir_chain(o, "Add", 5000);
}

static void ir_edges(struct out *o)
{
    repeat(o, IR IR_INPUT "</layers><edges>", "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"0\" to-port=\"0\"/>",
           200000);
    hostile_say(o, "</edges></net>");
}

static void ir_ports(struct out *o)
{
    hostile_say(o,
                IR IR_INPUT "<layer id=\"1\" name=\"c\" type=\"Concat\" version=\"opset1\"><data axis=\"1\"/><input>");
    for (int i = 0; i < 60000; i++)
        number(o, "<port id=\"%d\"/>", i);
    hostile_say(o, "</input><output><port id=\"60000\"/></output></layer>");
    ir_result(o, 2);
    hostile_say(o, "</layers><edges><edge from-layer=\"1\" from-port=\"60000\" to-layer=\"2\" to-port=\"0\"/>");
    for (int i = 0; i < 60000; i++)
        number(o, "<edge from-layer=\"0\" from-port=\"0\" to-layer=\"1\" to-port=\"%d\"/>", i);
    hostile_say(o, "</edges></net>");
}

static void ir_attributes(struct out *o)
{
    hostile_say(o, IR "<layer id=\"0\" name=\"x\" type=\"Parameter\" version=\"opset1\"><data ");
    for (int i = 0; i < 100000; i++)
        number(o, "a%d=\"1\" ", i);
    hostile_say(o, "shape=\"9223372036854775807,9223372036854775807\" element_type=\"f32\"/><output><port "
                   "id=\"2\"/></output></layer>");
    ir_result(o, 1);
    hostile_say(o,
                "</layers><edges><edge from-layer=\"0\" from-port=\"2\" to-layer=\"1\" to-port=\"0\"/></edges></net>");
}

/* ---- pnnx ---- */

static void pnnx_operators(struct out *o)
{
    hostile_say(o, "7767517\n20001 20001\npnnx.Input i 0 1 0 #0=(1,3,8,8)f32\n");
    for (int i = 0; i < 20000; i++)
        number(o, "nn.ReLU r%1$d 1 1 %1$d %2$d #%2$d=(1,3,8,8)f32\n", i);
}

static void pnnx_expression(struct out *o)
{
    hostile_say(o, "7767517\n2 2\npnnx.Input i 0 1 0 #0=(1,3,8,8)f32\npnnx.Expression e 1 1 0 1 expr=");
    for (int i = 0; i < 100000; i++)
        hostile_say(o, "add(");
    hostile_say(o, "@0\n");
}

static void pnnx_shape(struct out *o)
{
    hostile_say(o, "7767517\n2 2\npnnx.Input i 0 1 0 #0=(2147483647,2147483647,2147483647,2147483647)f32\n"
                   "nn.Upsample u 1 1 0 1 mode=nearest scale_factor=(1.000000e+09,1.000000e+09) size=None\n");
}

/* ---- layers whose weights no file holds ---- */

static void caffe_filled(struct out *o)
{
    for (int i = 0; i < 2000; i++)
        number(o,
               "layer { name: 'c' type: 'ContinuationIndicator' top: 't%d' continuation_indicator_param { time_step: "
               "1000 batch_size: 1000 } }\n",
               i);
}

static void ir_filled(struct out *o)
{
    hostile_say(o, "<net name=\"n\" version=\"11\"><layers>");
    for (int i = 0; i < 200; i++)
        number(o,
               "<layer id=\"%1$d\" name=\"v%1$d\" type=\"ReadValue\" version=\"opset6\"><data variable_id=\"v%1$d\" "
               "variable_shape=\"4096,4096\" variable_type=\"f32\"/><output><port id=\"0\"/></output></layer>",
               i);
    hostile_say(o, "</layers><edges></edges></net>");
}

static void pnnx_filled(struct out *o)
{
    hostile_say(o, "7767517\n201 201\npnnx.Input i 0 1 0 #0=(1,1,64,64)f32\n");
    for (int i = 0; i < 200; i++)
        number(o,
               "nn.Unfold u 1 1 0 %2$d kernel_size=(64,64) stride=(1,1) padding=(0,0) dilation=(1,1) "
               "#%2$d=(1,4096,1)f32\n",
               i);
}

static void ncnn_filled(struct out *o)
{
    hostile_say(o, "7767517\n201 201\nInput i 0 1 0 0=8 1=8 2=3\n");
    for (int i = 0; i < 200; i++)
        number(o, "InstanceNorm n 1 1 %1$d %2$d 0=16777216 2=0\n", i);
}

const struct hostile_case hostile_texts[] = {
    {"Caffe: 100,000 nested messages", caffe_nested_messages},
    {"Caffe: 8,000 layers of one name in place", caffe_layers_in_place},
    {"Caffe: 70 doublings by Concat", caffe_doubling_concat},
    {"Caffe: 3,000,000 numbers", caffe_numbers},
    {"Caffe: 20,000 inputs of 2^63 elements", caffe_many_tops},
    {"Caffe: 10,000 inputs of layers of training", caffe_adopted_inputs},
    {"Caffe: DummyData of 2^63 elements", caffe_dummy_data},
    {"Caffe: layers on a map of 2^32 places", caffe_large_map},
    {"Caffe: 500,000 empty layers", caffe_empty_layers},
    {"Darknet: 70 doublings by route", darknet_doubling_route},
    {"Darknet: five upsamplings by 65535", darknet_upsampling},
    {"Darknet: 100,001 sections", darknet_many_sections},
    {"Darknet: 5,000 sums", darknet_sums},
    {"Darknet: a list of 1,000,000", darknet_long_line},
    {"OpenVINO: 100,000 nested elements", ir_nested},
    {"OpenVINO: 70 doublings by Concat", ir_doublings},
    {"OpenVINO: 5,000 layers", ir_layers},
    {"OpenVINO: 200,000 edges to one place", ir_edges},
    {"OpenVINO: a layer of 60,000 ports", ir_ports},
    {"OpenVINO: 100,000 attributes", ir_attributes},
    {"pnnx: 20,000 operators", pnnx_operators},
    {"pnnx: 100,000 nested calls", pnnx_expression},
    {"pnnx: an input of 2^124 elements", pnnx_shape},
    {"Caffe: 2,000 constants of 4 MB", caffe_filled},
    {"OpenVINO: 200 variables of 64 MB", ir_filled},
    {"pnnx: 200 windows of 64 MB", pnnx_filled},
    {"ncnn: 200 factors of 64 MB", ncnn_filled},
    {NULL, NULL},
};
