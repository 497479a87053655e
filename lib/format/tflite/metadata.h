/* Slots and names of the metadata, for reading and writing. Source: metadata_schema.fbs. */
#ifndef FORMAT_TFLITE_METADATA_H
#define FORMAT_TFLITE_METADATA_H

#include "graph/graph.h"

/* Entries of the model's list: the task library's, and our own words for what it has none for. */
#define TFLITE_META            "TFLITE_METADATA"
#define TFLITE_META_IDENTIFIER "M001"
#define TFLITE_META_RECIPE     "nn.recipe"
#define TFLITE_META_TASK       "nn.task"
/* The member of the archive. */
#define TFLITE_LABELS "labels.txt"

enum metadata_slots { META_GRAPHS = 3, META_PARSER = 7 };
enum metadata_graph_slots { META_INPUTS = 2, META_OUTPUTS };
enum metadata_tensor_slots { META_NAME, META_CONTENT = 3, META_UNITS, META_FILES = 6 };
enum metadata_content_slots { CONTENT_TYPE, CONTENT };
enum metadata_unit_slots { UNIT_TYPE, UNIT_OPTIONS };
enum metadata_file_slots { FILE_NAME, FILE_TYPE = 2 };
enum metadata_types { CONTENT_IMAGE = 2, UNIT_NORMALIZATION = 1, FILE_AXIS_LABELS = 2, IMAGE_RGB = 1, IMAGE_GREY = 2 };

#endif
