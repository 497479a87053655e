/* The messages of TensorFlow's files. Source: tensorflow/core/framework and core/protobuf, *.proto. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"
#include "parse/protobuf_rows.h"

PROTOBUF_TYPE(dim, "TensorShapeProto.Dim", INT(1, "size"), STRING(2, "name"));
PROTOBUF_TYPE(shape, "TensorShapeProto", MESSAGE(2, "dim", dim), INT(3, "unknown_rank"));
PROTOBUF_TYPE(tensor, "TensorProto", INT(1, "dtype"), MESSAGE(2, "tensor_shape", shape), BYTES(4, "tensor_content"),
              FLOATS(5, "float_val"), DOUBLES(6, "double_val"), INT(7, "int_val"), BYTES(8, "string_val"),
              FLOATS(9, "scomplex_val"), DOUBLES(12, "dcomplex_val"), INT(10, "int64_val"), INT(11, "bool_val"),
              INT(13, "half_val"), INT(16, "uint32_val"), INT(17, "uint64_val"));
PROTOBUF_TYPE(func, "NameAttrList", STRING(1, "name"));
PROTOBUF_TYPE(list, "AttrValue.ListValue", BYTES(2, "s"), INT(3, "i"), FLOATS(4, "f"), INT(5, "b"), INT(6, "type"),
              MESSAGE(7, "shape", shape), MESSAGE(9, "func", func));
PROTOBUF_TYPE(attr, "AttrValue", MESSAGE(1, "list", list), BYTES(2, "s"), INT(3, "i"), FLOAT(4, "f"), INT(5, "b"),
              INT(6, "type"), MESSAGE(7, "shape", shape), MESSAGE(8, "tensor", tensor), MESSAGE(10, "func", func));
PROTOBUF_TYPE(attr_entry, "NodeDef.AttrEntry", STRING(1, "key"), MESSAGE(2, "value", attr));
PROTOBUF_TYPE(node, "NodeDef", STRING(1, "name"), STRING(2, "op"), STRING(3, "input"), MESSAGE(5, "attr", attr_entry));
PROTOBUF_TYPE(arg, "OpDef.ArgDef", STRING(1, "name"), INT(3, "type"));
PROTOBUF_TYPE(signature, "OpDef", STRING(1, "name"), MESSAGE(2, "input_arg", arg), MESSAGE(3, "output_arg", arg));
PROTOBUF_TYPE(ret, "FunctionDef.RetEntry", STRING(1, "key"), STRING(2, "value"));
PROTOBUF_TYPE(function, "FunctionDef", MESSAGE(1, "signature", signature), MESSAGE(3, "node_def", node),
              MESSAGE(4, "ret", ret));
PROTOBUF_TYPE(library, "FunctionDefLibrary", MESSAGE(1, "function", function));
PROTOBUF_TYPE(graph, "GraphDef", MESSAGE(1, "node", node), MESSAGE(2, "library", library));
PROTOBUF_TYPE(info, "TensorInfo", STRING(1, "name"), INT(2, "dtype"), MESSAGE(3, "tensor_shape", shape));
PROTOBUF_TYPE(info_entry, "SignatureDef.Entry", STRING(1, "key"), MESSAGE(2, "value", info));
PROTOBUF_TYPE(signature_def, "SignatureDef", MESSAGE(1, "inputs", info_entry), MESSAGE(2, "outputs", info_entry),
              STRING(3, "method_name"));
PROTOBUF_TYPE(signature_entry, "MetaGraphDef.SignatureEntry", STRING(1, "key"), MESSAGE(2, "value", signature_def));
PROTOBUF_TYPE(meta_info, "MetaInfoDef", STRING(4, "tags"), STRING(5, "tensorflow_version"));
PROTOBUF_TYPE(asset, "AssetFileDef", STRING(2, "filename"));
PROTOBUF_TYPE(meta_graph, "MetaGraphDef", MESSAGE(1, "meta_info_def", meta_info), MESSAGE(2, "graph_def", graph),
              MESSAGE(5, "signature_def", signature_entry), MESSAGE(6, "asset_file_def", asset));
PROTOBUF_TYPE(saved, "SavedModel", INT(1, "schema_version"), MESSAGE(2, "meta_graphs", meta_graph));
PROTOBUF_TYPE(entry, "BundleEntryProto", INT(1, "dtype"), MESSAGE(2, "shape", shape), INT(3, "shard_id"),
              INT(4, "offset"), INT(5, "size"), ROW(7, PROTOBUF_MESSAGE, "slices", NULL));
PROTOBUF_TYPE(object_attr, "SerializedTensor", STRING(1, "name"), STRING(2, "full_name"), STRING(3, "checkpoint_key"));
PROTOBUF_TYPE(object, "TrackableObject", MESSAGE(2, "attributes", object_attr));
PROTOBUF_TYPE(objects, "TrackableObjectGraph", MESSAGE(1, "nodes", object));

const struct protobuf_type *const tensorflow_graph_type = &graph_type, *const tensorflow_saved_type = &saved_type,
                                  *const tensorflow_entry_type = &entry_type,
                                  *const tensorflow_objects_type = &objects_type;

const struct protobuf *tensorflow_attr(const struct protobuf *n, const char *name)
{
    for (const struct protobuf *a = protobuf_first(n, "attr"); a; a = protobuf_more(a))
        if (strcmp(protobuf_text(a, "key", ""), name) == 0)
            return protobuf_message(a, "value");
    return NULL;
}
