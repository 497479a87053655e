/* The tables of a .tflite file, by the numbers of their slots, and the numbers of its enumerations. Source: the schema
 * that LiteRT publishes (tflite/schema/schema.fbs); only what is read or written here. */
#ifndef FORMAT_TFLITE_SCHEMA_H
#define FORMAT_TFLITE_SCHEMA_H

#include <stdint.h>

#define TFLITE_VERSION    3
#define TFLITE_IDENTIFIER "TFL3"
#define TFLITE_UNNAMED    "tensor_" /* and the number: tools for quantising want a name for each */

enum tflite_model {
    MODEL_VERSION,
    MODEL_CODES,
    MODEL_GRAPHS,
    MODEL_DESCRIPTION,
    MODEL_BUFFERS,
    MODEL_METADATA = 6,
    MODEL_SIGNATURES
};

enum tflite_signature { SIGNATURE_INPUTS, SIGNATURE_OUTPUTS, SIGNATURE_KEY };
enum tflite_port { PORT_NAME, PORT_TENSOR };
enum tflite_metadata { METADATA_NAME, METADATA_BUFFER };
enum tflite_opcode { CODE_OLD, CODE_CUSTOM, CODE_VERSION, CODE_NEW };
enum tflite_buffer { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };
enum tflite_subgraph { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_OPERATORS, GRAPH_NAME };

enum tflite_tensor_slot {
    TENSOR_SHAPE,
    TENSOR_TYPE,
    TENSOR_BUFFER,
    TENSOR_NAME,
    TENSOR_QUANT,
    TENSOR_VARIABLE,
    TENSOR_SPARSITY,
    TENSOR_SIGNATURE,
    TENSOR_HAS_RANK,
    TENSOR_EXTERNAL = 10
};

#define QUANT_BY_BLOCK 2 /* a type of details */
enum tflite_quant { QUANT_MIN, QUANT_MAX, QUANT_SCALE, QUANT_ZERO, QUANT_DETAILS_TYPE, QUANT_DETAILS, QUANT_AXIS };
enum tflite_sparsity { SPARSITY_ORDER, SPARSITY_BLOCKS, SPARSITY_LEVELS };
enum tflite_level { LEVEL_FORMAT, LEVEL_SIZE, LEVEL_SEGMENTS_TYPE, LEVEL_SEGMENTS, LEVEL_INDICES_TYPE, LEVEL_INDICES };

enum tflite_operator {
    OPERATOR_CODE,
    OPERATOR_INPUTS,
    OPERATOR_OUTPUTS,
    OPERATOR_OPTIONS_TYPE,
    OPERATOR_OPTIONS,
    OPERATOR_CUSTOM,
    OPERATOR_OPTIONS_2 = 12
};

enum tflite_padding { PADDING_SAME, PADDING_VALID };
enum tflite_act { ACT_NONE, ACT_RELU, ACT_RELU_N1_TO_1, ACT_RELU6, ACT_TANH, ACT_SIGN_BIT };

/* Tensor types, as places of tflite_dtypes[]. */
enum tflite_type {
    TYPE_F32,
    TYPE_F16,
    TYPE_I32,
    TYPE_U8,
    TYPE_I64,
    TYPE_STRING,
    TYPE_BOOL,
    TYPE_I16,
    TYPE_I8 = 9,
    TYPE_RESOURCE = 13
};

/* Operator codes: of those known by name, and the ones that are looked for. */
enum tflite_builtin {
    TFLITE_CONCATENATION = 2,
    TFLITE_RESHAPE = 22,
    TFLITE_CUSTOM = 32,
    TFLITE_TRANSPOSE = 39,
    TFLITE_SQUEEZE = 43,
    TFLITE_STRIDED_SLICE = 45,
    TFLITE_SPLIT = 49,
    TFLITE_SLICE = 65,
    TFLITE_EXPAND_DIMS = 70,
    TFLITE_SPLIT_V = 102,
    TFLITE_ASSIGN_VARIABLE = 144
};

#endif
